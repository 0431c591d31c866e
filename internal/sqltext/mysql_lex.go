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

// skip passes over white space and comments, and enters and leaves version comments.
func (l *mlexer) skip(t *mtoken) (why string) {
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		if isSpace(c) {
			l.pos++
			continue
		}
		switch {
		case c == '#', c == '-' && l.at1(1) == '-' && l.controls(2):
			l.line()
		case c == '/' && l.at1(1) == '*':
			if why := l.comment(); why != "" {
				return why
			}
		case c == '*' && l.at1(1) == '/' && l.inside:
			l.inside = false
			l.pos += 2
		default:
			return ""
		}
		t.spaces = false
	}
	return ""
}

// controls reports whether white space, a control character or the end stands so many bytes after the position: only
// then two dashes begin a comment.
func (l *mlexer) controls(n int) bool {
	c := l.at1(n)
	return c <= ' ' || c == 0x7f
}

// line passes over a comment to the end of its line. Only a line feed ends it.
func (l *mlexer) line() {
	end := bytes.IndexByte(l.text[l.pos:], '\n')
	if end < 0 {
		l.pos = len(l.text)
		return
	}
	l.pos += end + 1
}

// comment passes over a comment, or enters a version comment whose text is run. MariaDB runs /*!NNNNN and /*M!NNNNN, of
// five digits or six, up to its own version, but nothing of 50700 to 99999, versions of MySQL that it never was, unless
// an M says that it is meant (tried on 10.11.19; others skip only 50700 to 50799). MySQL knows no M and runs five digits
// up to its own version. Without five digits both run all of it, from the first digit on. A comment that is skipped may
// hold one level of comments; one that is none of these may not.
func (l *mlexer) comment() (why string) {
	maria := l.r.Dialect == DialectMariaDB
	i := 2
	marked := maria && l.at1(i) == 'M' && l.at1(i+1) == '!'
	if marked {
		i++
	}
	if l.at1(i) != '!' {
		return l.skipComment(2, false)
	}
	i++
	digits, version := 0, uint32(0)
	for digits < 6 && l.at1(i+digits) >= '0' && l.at1(i+digits) <= '9' {
		version = version*10 + uint32(l.at1(i+digits)-'0')
		digits++
	}
	if digits < 5 {
		l.pos += i
		l.inside = true
		return ""
	}
	switch {
	case l.r.Version == 0:
		return "it holds a version comment, and the server's version is not known"
	case !maria && digits > 5:
		return "a version comment has six digits, which not every MySQL reads alike"
	case maria && version == 99997:
		return "a version comment is one that Galera runs"
	case maria && !marked && version >= 50800 && version <= 99999 && l.r.Version < 101119:
		return "a version comment is one that not every MariaDB reads alike"
	}
	if version <= l.r.Version && (!maria || marked || version < 50700 || version > 99999) {
		l.pos += i + digits
		l.inside = true
		return ""
	}
	return l.skipComment(i, true)
}

// skipComment passes over a comment whose text begins so many bytes on. nested: it may hold comments.
func (l *mlexer) skipComment(n int, nested bool) (why string) {
	hint := l.r.Dialect == DialectMySQL && l.at1(2) == '+'
	start := l.pos
	for i := l.pos + n; i < len(l.text)-1; i++ {
		switch {
		case l.text[i] == '*' && l.text[i+1] == '/':
			l.pos = i + 2
			return l.hints(hint, l.text[start+n:i])
		case nested && l.text[i] == '/' && l.text[i+1] == '*':
			end := bytes.Index(l.text[i+2:], []byte("*/"))
			if end < 0 {
				l.pos = len(l.text)
				return "a comment is not closed"
			}
			i += 2 + end + 1
		}
	}
	l.pos = len(l.text)
	return "a comment is not closed"
}

// hints looks into MySQL's optimizer hints, which have quotes of their own and may set variables.
func (l *mlexer) hints(is bool, p []byte) (why string) {
	if !is {
		return ""
	}
	if bytes.ContainsAny(p, "'\"`\\/") {
		return "an optimizer hint holds quotes"
	}
	l.hint = l.hint || hintIndex.find(p)
	return ""
}

var hintIndex = indexOf("set_var", "resource_group")

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

// digits reads x'1f' or b'01'.
func (l *mlexer) digits(t mtoken, base byte) mtoken {
	for i := t.start + 2; i < len(l.text); i++ {
		c := l.text[i]
		if c == '\'' {
			l.pos = i + 1
			t.kind, t.end = mHex, l.pos
			return t
		}
		if base == 'b' && c != '0' && c != '1' || !isHex(c) {
			break
		}
	}
	l.pos = len(l.text)
	return l.bad(t, "a hexadecimal or binary literal is not one")
}

func isHex(c byte) bool {
	c |= 0x20
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads a number, or a name that begins with a digit. Where a letter follows and it is neither plainly, it is bad.
func (l *mlexer) number(t mtoken) mtoken {
	if l.afterDot(t) {
		return l.numbered(t)
	}
	i := t.start
	if l.text[i] == '0' && (l.at1(1) == 'x' || l.at1(1) == 'b') {
		return l.based(t)
	}
	for i < len(l.text) && isDigit(l.text[i]) {
		i++
	}
	if i < len(l.text) && isWordPart(l.text[i]) && l.text[i]|0x20 != 'e' {
		return l.numbered(t)
	}
	if i < len(l.text) && l.text[i] == '.' {
		for i++; i < len(l.text) && isDigit(l.text[i]); i++ {
		}
	}
	return l.exponent(t, i)
}

// numbered is a name that begins with a digit.
func (l *mlexer) numbered(t mtoken) mtoken {
	l.pos = l.wordEnd(t.start)
	if why := l.odd(l.text[t.start:l.pos]); why != "" {
		return l.bad(t, why)
	}
	t.kind, t.end = mIdent, l.pos
	return t
}

// exponent ends a number at i, with the exponent that may follow.
func (l *mlexer) exponent(t mtoken, i int) mtoken {
	if i < len(l.text) && l.text[i]|0x20 == 'e' {
		i++
		if i < len(l.text) && (l.text[i] == '+' || l.text[i] == '-') {
			i++
		}
		first := i
		for i < len(l.text) && isDigit(l.text[i]) {
			i++
		}
		if i == first {
			l.pos = i
			return l.bad(t, "a number has no exponent where one begins")
		}
	}
	l.pos = i
	if i < len(l.text) && (isWordPart(l.text[i]) || l.text[i] == '.') {
		return l.bad(t, "a letter or a dot follows a number")
	}
	t.kind, t.end = mNumber, i
	return t
}

// based reads 0x1f or 0b01.
func (l *mlexer) based(t mtoken) mtoken {
	i := t.start + 2
	for i < len(l.text) && (l.text[t.start+1] == 'x' && isHex(l.text[i]) || l.text[i] == '0' || l.text[i] == '1') {
		i++
	}
	l.pos = i
	if i == t.start+2 || i < len(l.text) && (isWordPart(l.text[i]) || l.text[i] == '.') {
		return l.bad(t, "a hexadecimal or binary literal is not one")
	}
	t.kind, t.end = mNumber, i
	return t
}

// dot reads a dot, or the number that begins with one.
func (l *mlexer) dot(t mtoken) mtoken {
	named := !t.gap && t.start > 0 && (l.last.kind == mWord || l.last.kind == mIdent)
	switch {
	case !isDigit(l.at1(1)):
		return l.token(t, mOp, 1)
	case named && l.text[l.last.end-1] != '`' && l.text[l.last.end-1] != '"':
		return l.token(t, mOp, 1)
	case named:
		return l.bad(t, "a digit follows a dot that follows a quoted name")
	}
	i := t.start + 1
	for i < len(l.text) && isDigit(l.text[i]) {
		i++
	}
	return l.exponent(t, i)
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
