package replay

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
)

// BindSQL writes a PostgreSQL statement with constants in place of its parameters, ended with a semicolon: what psql
// sends for it does what the statement did. What a terminal might obey is written in another way that means the same. An
// error says what can't be.
func BindSQL(text string, params []record.Param) (string, error) {
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("it is not UTF-8")
	}
	pieces, ok := scanSQL(text)
	if !ok {
		return "", fmt.Errorf("something in it is not closed, or a backslash stands outside quotes")
	}
	w := &sqlWriter{params: params}
	for _, p := range pieces {
		if err := w.piece(p); err != nil {
			return "", err
		}
	}
	return w.end(), nil
}

// sqlWriter puts pieces together again.
type sqlWriter struct {
	out    []byte
	params []record.Param
	apart  bool // a constant was written: what follows must not touch it
	last   piece
}

func (w *sqlWriter) piece(p piece) error {
	switch p.kind {
	case parameter:
		return w.constant(p.text)
	case bare:
		text, err := bareText(p.text)
		if err != nil {
			return err
		}
		p.text = text
	default:
		text, err := p.shown()
		if err != nil {
			return err
		}
		if text != p.text && len(w.out) > 0 && inName(w.out[len(w.out)-1]) {
			w.out = append(w.out, ' ') // what was no name's end shall not become one
		}
		p.text = text
	}
	if w.apart && !strings.ContainsRune(" \n\t),;]:", rune(p.text[0])) {
		w.out = append(w.out, ' ')
	}
	w.apart = false
	w.out = append(w.out, p.text...)
	if p.kind != bare || strings.TrimSpace(p.text) != "" {
		w.last = p
	}
	return nil
}

func (w *sqlWriter) constant(text string) error {
	n := parameterNumber(text)
	if n < 1 || n > len(w.params) {
		return fmt.Errorf("%s has no value in the record", text)
	}
	sql, why := literal(&w.params[n-1])
	if why != "" {
		return fmt.Errorf("%s: %s", text, why)
	}
	if len(w.out) > 0 && !strings.ContainsRune(" \n\t(,[=", rune(w.out[len(w.out)-1])) {
		w.out = append(w.out, ' ')
	}
	w.out = append(w.out, sql...)
	w.apart, w.last = true, piece{parameter, text}
	return nil
}

// inName reports whether a letter behind c could be part of c's word.
func inName(c byte) bool { return nameStart(c) || digit(c) || c == '$' || c == '&' }

// end ends the statement where it doesn't itself.
func (w *sqlWriter) end() string {
	text := strings.TrimRight(string(w.out), " \n\t")
	switch {
	case w.last.kind == lineComment:
		return text + "\n;"
	case w.last.kind == bare && strings.HasSuffix(text, ";"):
		return text
	}
	return text + ";"
}

// bareText writes what stands outside quotes and comments. A colon before a name would be a variable to psql.
func bareText(text string) (string, error) {
	var b []byte
	for i, r := range text {
		switch {
		case r == '\r' && strings.HasPrefix(text[i+1:], "\n"):
		case r == '\r':
			b = append(b, '\n')
		case r == '\f' || r == '\v':
			b = append(b, ' ')
		case r != '\n' && r != '\t' && unprintable(r):
			return "", fmt.Errorf("a control character stands outside quotes")
		default:
			b = utf8.AppendRune(b, r)
		}
		alone := r == ':' && (i == 0 || text[i-1] != ':')
		if next := text[i+1:]; alone && (next == "" || nameStart(next[0]) || next[0] == '{') {
			b = append(b, ' ')
		}
	}
	return string(b), nil
}

// shown is a piece as a terminal may be shown it.
func (p piece) shown() (string, error) {
	harmless := func(r rune) bool { return r == '\n' || r == '\t' || !unprintable(r) }
	if !strings.ContainsFunc(p.text, func(r rune) bool { return !harmless(r) }) {
		return p.text, nil
	}
	switch p.kind {
	case lineComment, blockComment:
		return string(appendSafe(nil, []byte(p.text), true)), nil
	case plainString:
		return mustQuote(strings.ReplaceAll(p.text[1:len(p.text)-1], "''", "'"))
	case dollarString:
		tag := strings.IndexByte(p.text[1:], '$') + 2
		return mustQuote(p.text[tag : len(p.text)-tag])
	case escapeString:
		return escapeWithin(p.text, harmless), nil
	}
	return "", fmt.Errorf("a control character stands in a quoted name, or in a string of an unusual kind")
}

func mustQuote(text string) (string, error) {
	sql, ok := quote(text)
	if !ok {
		return "", fmt.Errorf("a string in it is no text")
	}
	return sql, nil
}

// escapeWithin writes what isn't harmless in E'...' as an escape. A backslash before it means nothing, and goes.
func escapeWithin(text string, harmless func(rune) bool) string {
	var b []byte
	escaped := false
	for _, r := range text {
		switch {
		case !harmless(r) && escaped:
			b = appendStringEscape(b[:len(b)-1], r)
		case !harmless(r):
			b = appendStringEscape(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
		escaped = !escaped && r == '\\'
	}
	return string(b)
}
