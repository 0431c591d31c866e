package sqltext

import (
	"bytes"
	"unicode/utf8"
)

// mkind is a class of MySQL's tokens.
type mkind uint8

const (
	mEOF    mkind = iota
	mWord         // a name or keyword, not quoted
	mIdent        // a quoted name; or one that stands where no keyword can, or begins with a digit
	mNumber       // 1, 1.5, 1e3, 0x1f, 0b1
	mString       // '...', N'...', and "..." without ANSI_QUOTES
	mHex          // x'...', b'...'
	mVar          // @name, @'name'; also the host of a user's name
	mSystem       // @@name, @@global.name
	mNull         // \N
	mOp           // an operator or any other single character
	mBad          // what can't be read: lexer.why says why
)

// mtoken is a piece of the text: text[start:end], prefix and quotes included.
type mtoken struct {
	kind       mkind
	gap        bool // white space or a comment stands before it
	spaces     bool // ... and nothing but white space
	start, end int
}

// mlexer cuts a text into tokens as the servers do (sql/sql_lex.cc of both: yylex), version comments included: what the
// server runs of them is read, what it skips is skipped. It is linear in the text and allocates nothing. What the server
// would not take, or what two versions take differently, is a bad token.
type mlexer struct {
	r      Reading
	text   []byte
	pos    int
	why    string // of the first bad token
	inside bool   // a version comment that is run is open
	last   mtoken // the token before
	hint   bool   // a hint that may set variables was passed over
}

func (l *mlexer) bad(t mtoken, why string) mtoken {
	if l.why == "" {
		l.why = why
	}
	t.kind = mBad
	if l.pos <= t.start {
		l.pos = t.start + 1
	}
	l.pos = min(l.pos, len(l.text))
	t.end = l.pos
	return t
}

// next returns the next token, comments and white space passed over.
func (l *mlexer) next() mtoken {
	t := l.scan()
	l.last = t
	return t
}

func (l *mlexer) scan() mtoken {
	from := l.pos
	t := mtoken{spaces: true}
	if why := l.skip(&t); why != "" {
		t.start = l.pos
		if l.pos >= len(l.text) {
			t.start = from
			l.pos = len(l.text)
		}
		return l.bad(t, why)
	}
	t.gap = l.pos > from
	t.start = l.pos
	if l.pos >= len(l.text) {
		t.end = l.pos
		if l.inside {
			l.inside = false
			return l.bad(mtoken{start: from}, "a version comment is not closed")
		}
		return t
	}
	c := l.text[l.pos]
	switch {
	case c == '\'':
		return l.quoted(t, t.start, c)
	case c == '"':
		return l.quoted(t, t.start, c)
	case c == '`':
		return l.ident(t, c)
	case c >= '0' && c <= '9':
		return l.number(t)
	case isWordStart(c) || c == '$':
		return l.word(t)
	case c == '@':
		return l.at(t)
	case c == '.':
		return l.dot(t)
	case c == '\\':
		if l.at1(1) == 'N' {
			return l.token(t, mNull, 2)
		}
		return l.bad(t, "a backslash stands outside strings")
	}
	return l.op(t)
}

// at1 is the byte so many after the position; 0: past the end.
func (l *mlexer) at1(n int) byte {
	if l.pos+n < len(l.text) {
		return l.text[l.pos+n]
	}
	return 0
}

func (l *mlexer) token(t mtoken, k mkind, size int) mtoken {
	l.pos += size
	t.kind, t.end = k, l.pos
	return t
}

// quoted reads a string, or with ANSI_QUOTES a name, from the quote at open on.
func (l *mlexer) quoted(t mtoken, open int, quote byte) mtoken {
	if quote == '"' && l.r.ANSIQuotes {
		return l.ident(t, quote)
	}
	for i := open + 1; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '\\' && !l.r.NoBackslashEscapes:
			i++
		case c == quote && i+1 < len(l.text) && l.text[i+1] == quote:
			i++
		case c == quote:
			l.pos = i + 1
			t.kind, t.end = mString, l.pos
			return t
		}
	}
	l.pos = len(l.text)
	return l.bad(t, "a string is not closed")
}

// ident reads a quoted name. Nothing escapes in it but the quote itself, doubled.
func (l *mlexer) ident(t mtoken, quote byte) mtoken {
	for i := t.start + 1; i < len(l.text); i++ {
		if l.text[i] != quote {
			continue
		}
		if i+1 < len(l.text) && l.text[i+1] == quote {
			i++
			continue
		}
		name := l.text[t.start:i]
		l.pos = i + 1
		switch {
		case i == t.start+1:
			return l.bad(t, "a quoted name is empty")
		case !basic(name):
			return l.bad(t, "a name holds a character that names can't")
		}
		t.kind, t.end = mIdent, l.pos
		return t
	}
	l.pos = len(l.text)
	return l.bad(t, "a quoted name is not closed")
}

// basic reports whether p is UTF-8 of at most three bytes a character, as names are.
func basic(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if n > 3 || r == utf8.RuneError && n == 1 || r == 0 {
			return false
		}
		p = p[n:]
	}
	return true
}

// wordEnd is where the name ends that goes on at i.
func (l *mlexer) wordEnd(i int) int {
	for i < len(l.text) && isWordPart(l.text[i]) {
		i++
	}
	return i
}

// word reads a name or keyword, or the string that its one letter is the prefix of.
func (l *mlexer) word(t mtoken) mtoken {
	c := l.text[t.start] | 0x20
	if l.at1(1) == '\'' && (c == 'x' || c == 'b' || c == 'n') {
		if c == 'n' {
			return l.quoted(t, t.start+1, '\'')
		}
		return l.digits(t, c)
	}
	end := l.wordEnd(t.start)
	l.pos = end
	t.end, t.kind = end, mWord
	if why := l.odd(l.text[t.start:end]); why != "" {
		return l.bad(t, why)
	}
	// After a dot that follows a name, and before one, the server looks for no keyword; beyond ASCII there are none.
	if !ascii(l.text[t.start:end]) || l.afterDot(t) || l.at1(0) == '.' && l.pos+1 < len(l.text) && isWordPart(l.text[l.pos+1]) {
		t.kind = mIdent
	}
	return t
}

// odd says why a name that isn't quoted is not taken: where a byte is a character one of them is white space, and above
// the basic plane it depends on the character set.
func (l *mlexer) odd(p []byte) string {
	if !ascii(p) && (l.r.Latin1 || !basic(p)) {
		return "a name that is not quoted holds a character that is not in every character set"
	}
	return ""
}

func ascii(p []byte) bool {
	for _, c := range p {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// afterDot reports whether a dot, and nothing else, stands before t.
func (l *mlexer) afterDot(t mtoken) bool {
	return l.last.kind == mOp && l.last.end == t.start && l.text[l.last.start] == '.'
}

// at reads @name, @'name', @`name`, @@name and @@scope.name.
func (l *mlexer) at(t mtoken) mtoken {
	switch c := l.at1(1); {
	case c == '\'' || c == '"' || c == '`':
		in := t
		in.start = t.start + 1
		if c == '`' || c == '"' && l.r.ANSIQuotes {
			in = l.ident(in, c)
		} else {
			in = l.quoted(in, in.start, c)
		}
		if in.kind == mBad {
			return in
		}
		t.kind, t.end = mVar, in.end
		return t
	case c == '@':
		return l.system(t)
	}
	i := t.start + 1
	for i < len(l.text) && (isWordPart(l.text[i]) && l.text[i] < 0x80 || l.text[i] == '.') {
		i++
	}
	l.pos = i
	if i == t.start+1 || i < len(l.text) && l.text[i] >= 0x80 {
		return l.bad(t, "an @ has no name, or one that is not plain")
	}
	t.kind, t.end = mVar, i
	return t
}

// system reads @@name, @@scope.name and @@cache.name, names quoted by backticks too.
func (l *mlexer) system(t mtoken) mtoken {
	i := t.start + 2
	for {
		from := i
		if i < len(l.text) && l.text[i] == '`' {
			end := bytes.IndexByte(l.text[i+1:], '`')
			if end < 1 {
				break
			}
			i += end + 2
		} else {
			for i < len(l.text) && isWordPart(l.text[i]) && l.text[i] < 0x80 {
				i++
			}
		}
		if i == from || i < len(l.text) && (l.text[i] >= 0x80 || l.text[i] == '`') {
			break
		}
		if i >= len(l.text) || l.text[i] != '.' {
			l.pos = i
			t.kind, t.end = mSystem, i
			return t
		}
		i++
	}
	l.pos = i
	return l.bad(t, "an @@ has no name, or one that is not plain")
}

// operators of more than one character, longest first.
var operators = [...]string{"<=>", "->>", "<=", "<>", "<<", ">=", ">>", "!=", ":=", "&&", "||", "->"}

func (l *mlexer) op(t mtoken) mtoken {
	c := l.text[t.start]
	if c < ' ' || c == 0x7f {
		return l.bad(t, "it holds a control character")
	}
	for _, o := range operators {
		if bytes.HasPrefix(l.text[t.start:], []byte(o)) && (c != '-' || l.r.Dialect == DialectMySQL) {
			return l.token(t, mOp, len(o))
		}
	}
	return l.token(t, mOp, 1)
}
