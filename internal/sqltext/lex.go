package sqltext

import "bytes"

// kind is a class of tokens, as coarse as masking and measuring need it.
type kind uint8

const (
	kEOF    kind = iota
	kWord        // identifier or keyword, not quoted
	kIdent       // "quoted identifier", with or without U&
	kString      // '...', with or without a prefix; $tag$...$tag$
	kNumber      // digits and dots; a letter begins a word
	kParam       // $1
	kOp          // a run of operator characters
	kPunct       // any other byte
)

// token is a piece of the text: text[start:end], prefix and quotes included.
type token struct {
	kind       kind
	start, end int
	dollar     bool // a string in dollar quotes
}

// lexer cuts a text into tokens as PostgreSQL does with standard_conforming_strings on (PostgreSQL documentation,
// section 4.1, "Lexical Structure"). It never fails: what is not terminated reaches to the end of the text. It is
// linear in the text and allocates nothing.
type lexer struct {
	text []byte
	pos  int
}

// next returns the next token, comments and white space passed over.
func (l *lexer) next() token {
	l.skip()
	start := l.pos
	if start >= len(l.text) {
		return token{kind: kEOF, start: start, end: start}
	}
	c := l.text[start]
	switch {
	case isWordStart(c):
		return l.word()
	case c == '\'':
		return l.quoted(start, start, '\'', false)
	case c == '"':
		return l.quoted(start, start, '"', false)
	case c >= '0' && c <= '9':
		l.while(func(c byte) bool { return c >= '0' && c <= '9' || c == '.' })
		return token{kind: kNumber, start: start, end: l.pos}
	case c == '$':
		return l.dollar()
	case isOp(c):
		return l.op()
	}
	l.pos++
	return token{kind: kPunct, start: start, end: l.pos}
}

// skip passes over white space and comments; those between /* and */ nest.
func (l *lexer) skip() {
	for l.pos < len(l.text) {
		switch rest := l.text[l.pos:]; {
		case isSpace(rest[0]):
			l.pos++
		case bytes.HasPrefix(rest, []byte("--")):
			end := bytes.IndexAny(rest, "\n\r")
			if end < 0 {
				end = len(rest)
			}
			l.pos += end
		case bytes.HasPrefix(rest, []byte("/*")):
			l.comment()
		default:
			return
		}
	}
}

func (l *lexer) comment() {
	depth := 0
	for l.pos < len(l.text) {
		switch rest := l.text[l.pos:]; {
		case bytes.HasPrefix(rest, []byte("/*")):
			depth++
			l.pos += 2
		case bytes.HasPrefix(rest, []byte("*/")):
			depth--
			l.pos += 2
			if depth == 0 {
				return
			}
		default:
			l.pos++
		}
	}
}

// word reads an identifier, or the string or quoted identifier that its letters turn out to be a prefix of.
func (l *lexer) word() token {
	start := l.pos
	l.while(isWordPart)
	if l.pos >= len(l.text) {
		return token{kind: kWord, start: start, end: l.pos}
	}
	next := l.text[l.pos]
	if l.pos == start+1 {
		switch c := l.text[start] | 0x20; {
		case next == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n'):
			return l.quoted(start, l.pos, '\'', c == 'e')
		case next == '&' && c == 'u' && l.pos+1 < len(l.text) && (l.text[l.pos+1] == '\'' || l.text[l.pos+1] == '"'):
			return l.quoted(start, l.pos+1, l.text[l.pos+1], false)
		}
	}
	return token{kind: kWord, start: start, end: l.pos}
}

// quoted reads from the quote at open to its end; a doubled quote is part of it, and with escapes so is what
// follows a backslash.
func (l *lexer) quoted(start, open int, quote byte, escapes bool) token {
	t := token{kind: kString, start: start}
	if quote == '"' {
		t.kind = kIdent
	}
	i := open + 1
	for ; i < len(l.text); i++ {
		if escapes && l.text[i] == '\\' {
			i++
			continue
		}
		if l.text[i] != quote {
			continue
		}
		if i+1 < len(l.text) && l.text[i+1] == quote {
			i++
			continue
		}
		if next := l.continued(i + 1); escapes && next > 0 {
			i = next
			continue
		}
		i++
		break
	}
	l.pos = min(i, len(l.text))
	t.end = l.pos
	return t
}

// continued returns where the quote stands with which a string that ended before i goes on, in the same way of reading
// its backslashes: behind white space with a line's end in it, and comments to the end of a line. 0: it doesn't go on.
func (l *lexer) continued(i int) int {
	lines := false
	for i < len(l.text) {
		switch c := l.text[i]; {
		case c == '\'' && lines:
			return i
		case isSpace(c):
			lines = lines || c == '\n' || c == '\r'
			i++
		case bytes.HasPrefix(l.text[i:], []byte("--")):
			end := bytes.IndexAny(l.text[i:], "\n\r")
			if end < 0 {
				return 0
			}
			i += end
		default:
			return 0
		}
	}
	return 0
}

// dollar reads $tag$...$tag$, a parameter or a lone dollar sign.
func (l *lexer) dollar() token {
	start := l.pos
	l.pos++
	if l.pos < len(l.text) && l.text[l.pos] >= '0' && l.text[l.pos] <= '9' {
		l.while(func(c byte) bool { return c >= '0' && c <= '9' })
		return token{kind: kParam, start: start, end: l.pos}
	}
	i := l.pos
	for i < len(l.text) && isWordPart(l.text[i]) && l.text[i] != '$' {
		i++
	}
	if i >= len(l.text) || l.text[i] != '$' {
		return token{kind: kPunct, start: start, end: l.pos}
	}
	tag := l.text[start : i+1]
	end := bytes.Index(l.text[i+1:], tag)
	if end < 0 {
		l.pos = len(l.text)
	} else {
		l.pos = i + 1 + end + len(tag)
	}
	return token{kind: kString, start: start, end: l.pos, dollar: true}
}

// op reads a run of operator characters up to where a comment begins in it.
func (l *lexer) op() token {
	start := l.pos
	for l.pos < len(l.text) && isOp(l.text[l.pos]) {
		if l.pos > start && startsComment(l.text[l.pos:]) {
			break
		}
		l.pos++
	}
	return token{kind: kOp, start: start, end: l.pos}
}

func (l *lexer) while(in func(byte) bool) {
	for l.pos < len(l.text) && in(l.text[l.pos]) {
		l.pos++
	}
}

func startsComment(p []byte) bool {
	return bytes.HasPrefix(p, []byte("--")) || bytes.HasPrefix(p, []byte("/*"))
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

func isWordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isWordPart(c byte) bool {
	return isWordStart(c) || c >= '0' && c <= '9' || c == '$'
}

func isOp(c byte) bool {
	switch c {
	case '+', '-', '*', '/', '<', '>', '=', '~', '!', '@', '#', '%', '^', '&', '|', '`', '?', ':':
		return true
	}
	return false
}
