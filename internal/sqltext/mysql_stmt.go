package sqltext

import (
	"errors"
	"fmt"
	"strings"
)

// mstmt is one statement of a text: its tokens, without the semicolon that ends it.
type mstmt struct {
	text []byte
	r    Reading
	toks []mtoken
}

// at is the token so many on; past the end one of kind mEOF.
func (s mstmt) at(i int) mtoken {
	if i >= 0 && i < len(s.toks) {
		return s.toks[i]
	}
	return mtoken{}
}

// from is the statement without its first tokens.
func (s mstmt) from(i int) mstmt { return s.cut(i, len(s.toks)) }

// cut is the tokens from i up to j.
func (s mstmt) cut(i, j int) mstmt {
	j = min(j, len(s.toks))
	s.toks = s.toks[min(i, j):j]
	return s
}

func (s mstmt) raw(i int) []byte {
	t := s.at(i)
	return s.text[t.start:t.end]
}

// word is the token so many on in lower case, if it is a name or keyword that isn't quoted; else empty.
func (s mstmt) word(i int) string {
	if s.at(i).kind != mWord {
		return ""
	}
	return string(lower(nil, s.raw(i)))
}

// is reports whether these words stand from i on.
func (s mstmt) is(i int, words ...string) bool {
	for n, w := range words {
		t := s.at(i + n)
		if t.kind != mWord || t.end-t.start != len(w) || !equalFold(s.text[t.start:t.end], w) {
			return false
		}
	}
	return true
}

// any reports whether one of these words stands at i.
func (s mstmt) any(i int, words ...string) bool {
	for _, w := range words {
		if s.is(i, w) {
			return true
		}
	}
	return false
}

// op reports whether the token at i is that operator.
func (s mstmt) op(i int, o string) bool {
	t := s.at(i)
	return t.kind == mOp && string(s.text[t.start:t.end]) == o
}

// past returns i behind the first of these words that stands there; i itself if none does.
func (s mstmt) past(i int, words ...string) int {
	if s.any(i, words...) {
		return i + 1
	}
	return i
}

// pastAll returns i behind these words if all stand there; i itself if not.
func (s mstmt) pastAll(i int, words ...string) int {
	if s.is(i, words...) {
		return i + len(words)
	}
	return i
}

// find returns where one of these words stands outside brackets, from i on; -1: nowhere.
func (s mstmt) find(i int, words ...string) int {
	depth := 0
	for ; i < len(s.toks); i++ {
		switch {
		case s.op(i, "("):
			depth++
		case s.op(i, ")"):
			depth--
		case depth == 0 && s.any(i, words...):
			return i
		}
	}
	return -1
}

// holds reports whether one of these words stands anywhere.
func (s mstmt) holds(words ...string) bool {
	for i := range s.toks {
		if s.any(i, words...) {
			return true
		}
	}
	return false
}

// split cuts at the commas outside brackets.
func (s mstmt) split() []mstmt {
	var parts []mstmt
	depth, start := 0, 0
	for i := range s.toks {
		switch {
		case s.op(i, "("):
			depth++
		case s.op(i, ")"):
			depth--
		case depth == 0 && s.op(i, ","):
			parts = append(parts, s.cut(start, i))
			start = i + 1
		}
	}
	return append(parts, s.from(start))
}

// value is what a name or a string means: without its quotes.
func (s mstmt) value(i int) string {
	raw := s.raw(i)
	switch s.at(i).kind {
	case mIdent:
		if q := raw[0]; q == '`' || q == '"' {
			return strings.ReplaceAll(string(raw[1:len(raw)-1]), string([]byte{q, q}), string(q))
		}
	case mString:
		if raw[0] != '\'' && raw[0] != '"' {
			raw = raw[1:] // N'...'
		}
		return unquote(raw, s.r.NoBackslashEscapes)
	}
	return string(raw)
}

// unquote is a string's content.
func unquote(raw []byte, plain bool) string {
	quote := raw[0]
	out := make([]byte, 0, len(raw))
	for i := 1; i < len(raw)-1; i++ {
		c := raw[i]
		switch {
		case c == quote:
			i++
		case c == '\\' && !plain:
			i++
			c = raw[i]
			switch c {
			case '0':
				c = 0
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			case 'b':
				c = '\b'
			case 'Z':
				c = 0x1a
			case '%', '_':
				out = append(out, '\\')
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// isName reports whether a name, quoted or not, stands at i.
func (s mstmt) isName(i int) bool {
	k := s.at(i).kind
	return k == mWord || k == mIdent
}

var errForm = errors.New("a statement is not of a form that is known")

// name reads [schema.]name at i, and returns where it ends.
func (s mstmt) name(i int) (schema, name string, next int, err error) {
	if !s.isName(i) {
		return "", "", i, errForm
	}
	if !s.op(i+1, ".") {
		return "", s.value(i), i + 1, nil
	}
	if !s.isName(i+2) || s.op(i+3, ".") {
		return "", "", i, errForm
	}
	return s.value(i), s.value(i + 2), i + 3, nil
}

// render appends the statement to dst as the parser is to read it: a blank between all tokens, but for the bracket that
// makes a function's name of a word; no comment; names quoted where they must not be taken for keywords; strings without
// their content. So the parser can't see other tokens than the lexer did. Where the tree needs a string's content, it
// is taken from the token.
func (s mstmt) render(dst []byte) []byte {
	for i, t := range s.toks {
		raw := s.text[t.start:t.end]
		calls := i > 0 && len(raw) == 1 && raw[0] == '(' && s.toks[i-1].kind == mWord &&
			(!t.gap || s.r.IgnoreSpace && t.spaces)
		if i > 0 && !calls {
			dst = append(dst, ' ')
		}
		switch t.kind {
		case mIdent:
			dst = append(dst, '`')
			for _, c := range []byte(s.value(i)) {
				if c == '`' {
					dst = append(dst, '`')
				}
				dst = append(dst, c)
			}
			dst = append(dst, '`')
		case mString:
			dst = append(dst, "'s'"...)
		case mVar:
			dst = append(dst, "@v"...)
		case mSystem:
			dst = append(dst, "@@v"...)
		case mNull:
			dst = append(dst, "NULL"...)
		case mHex:
			dst = append(dst, "x'00'"...)
		case mWord:
			dst = append(dst, s.known(i)...)
		default:
			dst = append(dst, raw...)
		}
	}
	return dst
}

// known is the word at i, but for names of character sets and collations that the parser may not know: it would refuse
// the statement, or take an introducer for a column.
func (s mstmt) known(i int) []byte {
	raw, next := s.raw(i), s.at(i+1).kind
	switch {
	case s.is(i, "setval") && s.op(i+1, "("):
		return []byte("`setval`") // the parser takes two arguments only: see funcCall
	case raw[0] == '_' && (next == mString || next == mHex || next == mNumber) && charsets[string(lower(nil, raw[1:]))]:
		return []byte("_utf8mb4")
	case s.named(i, "collate"):
		return []byte("utf8mb4_bin")
	case !s.named(i, "charset") && !s.is(i-2, "character", "set") && !(s.is(i-3, "character", "set") && s.op(i-1, "=")) &&
		!(s.is(i-1, "using") && s.op(i+1, ")")):
	case charsets[string(lower(nil, raw))]:
		return []byte("utf8mb4")
	}
	return raw
}

// named reports whether a word stands before i, an equals sign between them or not.
func (s mstmt) named(i int, word string) bool {
	return s.is(i-1, word) || s.op(i-1, "=") && s.is(i-2, word)
}

var charsets = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`big5 dec8 cp850 hp8 koi8r latin1 latin2 swe7 ascii ujis sjis hebrew tis620 euckr
koi8u gb2312 greek cp1250 gbk latin5 armscii8 utf8 utf8mb3 utf8mb4 ucs2 cp866 keybcs2 macce macroman cp852 latin7 cp1251
utf16 utf16le cp1256 cp1257 utf32 binary geostd8 cp932 eucjpms gb18030`) {
		m[name] = true
	}
	return m
}()

// balanced returns an error where brackets don't pair.
func (s mstmt) balanced() error {
	depth := 0
	for i := range s.toks {
		switch {
		case s.op(i, "("):
			depth++
		case s.op(i, ")"):
			depth--
		}
		if depth < 0 {
			return fmt.Errorf("a bracket closes that none opens")
		}
	}
	if depth != 0 {
		return fmt.Errorf("a bracket is not closed")
	}
	return nil
}
