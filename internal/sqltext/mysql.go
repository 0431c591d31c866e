package sqltext

import (
	"bytes"
	"errors"
	"hash/fnv"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// mysqlText reads a text of MySQL or MariaDB, and tells whether the Facts hold for the literals in text only.
func mysqlText(r Reading, text []byte) (f *Facts, literal bool) {
	plain := bytes.TrimRight(text, "\x00") // mysqlslap sends one: to the server a zero is the end
	if r.Latin1 {
		plain = fromLatin1(plain)
	}
	if bytes.IndexByte(plain, 0) >= 0 || !utf8.Valid(plain) {
		f, literal = Unread("it is not valid UTF-8"), true
	} else {
		var err error
		if f, literal, err = readMySQL(r, plain); err != nil {
			f, literal = Unread(err.Error()), true
		}
	}
	f.Dialect, f.Masked = r.Dialect, MaskMySQL(r, text)
	return f, literal
}

// fromLatin1 is a text of MySQL's latin1, which is Windows-1252, in UTF-8.
func fromLatin1(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, c := range text {
		r := charmap.Windows1252.DecodeByte(c)
		if r == utf8.RuneError {
			r = rune(c)
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

func readMySQL(r Reading, text []byte) (*Facts, bool, error) {
	m := newMreader(r)
	n, digest, err := m.read(text)
	if err != nil {
		return nil, true, err
	}
	f := m.facts()
	f.Statements, f.Digest = n, digest
	return f, m.literal, nil
}

// mreader reads the statements of a text one after the other.
type mreader struct {
	*walker
	r      Reading
	schema string // that a USE in this text made the current one
	nest   int    // texts inside texts

	copied   bool // rows go to a file
	replaced bool // OR REPLACE

	shaken  shake           // what a statement before may have changed
	spaced  map[string]bool // names of functions that a gap keeps from being the server's own
	selects int             // SELECTs in the tree
	buf     []byte
}

func newMreader(r Reading) *mreader { return &mreader{walker: newWalker(), r: r} }

// maxTexts is how deep a text in a text in a text is read.
const maxTexts = 3

// read reads a text, and returns how many statements it holds and its digest.
func (m *mreader) read(text []byte) (n int, digest uint64, err error) {
	if m.nest > maxTexts {
		return 0, 0, errors.New("texts are prepared in texts too deep")
	}
	toks, err := m.lex(text)
	if err != nil {
		return 0, 0, err
	}
	all := mstmt{text: text, r: m.r, toks: toks}
	if err := all.measure(); err != nil {
		return 0, 0, err
	}
	for len(all.toks) > 0 {
		s, rest, err := all.first()
		if err != nil {
			return 0, 0, err
		}
		all = rest
		if len(s.toks) == 0 {
			continue
		}
		n++
		if err := m.shaken.allows(s); err != nil {
			return 0, 0, err
		}
		if err := m.statement(s); err != nil {
			return 0, 0, err
		}
		if m.err != nil {
			return 0, 0, m.err
		}
	}
	return n, digestOf(mstmt{text: text, r: m.r, toks: toks}), nil
}

// lex cuts a text into tokens.
func (m *mreader) lex(text []byte) ([]mtoken, error) {
	l := mlexer{r: m.r, text: text}
	toks := make([]mtoken, 0, 16+len(text)/8)
	for t := l.next(); t.kind != mEOF; t = l.next() {
		if t.kind == mBad {
			return nil, errors.New(l.why)
		}
		toks = append(toks, t)
	}
	if l.hint {
		m.effect("set")
	}
	return toks, nil
}

// facts ends the reading.
func (m *mreader) facts() *Facts {
	f := &Facts{Understood: true, Dialect: m.r.Dialect, HasWhere: m.hasWhere}
	if m.copied {
		read, to := m.effect("select"), m.effect("copy_to")
		to.Tables, to.Columns = append(to.Tables, read.Tables...), append(to.Columns, read.Columns...)
	}
	for _, e := range m.effects {
		f.Effects = append(f.Effects, *e)
		if f.bare == nil && slices.ContainsFunc(e.Tables, func(t string) bool { return !hasSchema(t) }) {
			f.bare = &bare{}
		}
	}
	return seal(f)
}

// digestOf is a fingerprint of tokens: words in lower case, names as they are written, no literal.
func digestOf(s mstmt) uint64 {
	h := fnv.New64a()
	var buf []byte
	for i, t := range s.toks {
		buf = buf[:0]
		switch t.kind {
		case mWord:
			buf = lower(buf, s.raw(i))
		case mIdent:
			buf = append(append(buf, '`'), s.value(i)...)
		case mNumber, mString, mHex, mNull:
			buf = append(buf, '?')
		default:
			buf = append(buf, s.raw(i)...)
		}
		h.Write(append(buf, 0))
	}
	if d := h.Sum64(); d != 0 {
		return d
	}
	return 1
}

// first cuts the first statement off, up to the semicolon that ends it.
func (s mstmt) first() (stmt, rest mstmt, err error) {
	end := len(s.toks)
	for i := range s.toks {
		if s.op(i, ";") {
			end = i
			break
		}
	}
	if end < len(s.toks) && s.compound(end) {
		body, err := s.bodyEnd()
		return s.cut(0, body), s.from(body + 1), err
	}
	return s.cut(0, end), s.from(end + 1), nil
}
