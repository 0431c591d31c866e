package replay

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
)

// mySettings is how a session of MySQL was read and what it was in.
type mySettings struct {
	quoting
	charset string // of the client; empty: not told
}

// bindMySQL writes a statement with constants in place of its parameters, ended so that MySQL's client sends all of it at
// once, as it was sent. What a terminal might obey is written in another way that means the same. An error says what can't be.
func bindMySQL(text string, params []record.Param, set mySettings) (string, error) {
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("it is not UTF-8")
	}
	pieces, why := scanMySQL(text, set.quoting)
	if why != "" {
		return "", fmt.Errorf("%s", why)
	}
	if n := parameters(pieces); n != len(params) {
		return "", fmt.Errorf("it has %d parameters, and the record %d", n, len(params))
	}
	if word := clientCommand(pieces); word != "" {
		return "", fmt.Errorf("%s would be a command of the client's own", word)
	}
	w := &myWriter{params: params, set: set}
	for _, p := range pieces {
		if err := w.piece(p); err != nil {
			return "", err
		}
	}
	return w.end(), nil
}

func parameters(pieces []piece) (n int) {
	for _, p := range pieces {
		if p.kind == parameter {
			n++
		}
	}
	return n
}

// clientCommands are those words of MySQL's and MariaDB's clients that do something else than the server would, where a
// statement begins with them: they write files, run programs, connect elsewhere.
var clientCommands = strings.Fields(`? charset clear connect costs delimiter edit ego exit go help nopager notee nowarning pager print
	prompt query_attributes quit rehash resetconnection sandbox source ssl_session_data_print status system tee warnings`)

// clientCommand is the word of the client's that a statement begins with, if it does.
func clientCommand(pieces []piece) string {
	for _, p := range pieces {
		text := strings.TrimLeft(p.text, " \t\r\n\f\v;")
		if p.kind == lineComment || p.kind == blockComment || p.kind == bare && text == "" {
			continue
		}
		for _, word := range clientCommands {
			if p.kind == bare && len(text) >= len(word) && strings.EqualFold(text[:len(word)], word) &&
				(len(text) == len(word) || !inName(text[len(word)])) {
				return word
			}
		}
		break
	}
	return ""
}

// myWriter puts pieces together again.
type myWriter struct {
	out    []byte
	params []record.Param // those that are still to come
	set    mySettings
	inside bool // a semicolon was written that does not end the text
	ended  bool // the last was a semicolon
	apart  bool // a constant was written: what follows must not touch it
	last   piece
}

func (w *myWriter) piece(p piece) error {
	text := p.text
	switch p.kind {
	case parameter:
		sql, why := myLiteral(&w.params[0], w.set.charset)
		if w.params = w.params[1:]; why != "" {
			return fmt.Errorf("a parameter: %s", why)
		}
		return w.constant(sql, p)
	case bare:
		var err error
		if text, err = myBareText(text); err != nil {
			return err
		}
		w.semicolons(text)
	case lineComment, blockComment:
		if text = string(appendSafe(nil, []byte(text), true)); strings.HasPrefix(text, "--\\") {
			text = "-- " + text[2:] // what is shown of a control character is none
		}
	default:
		w.settle()
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unprintable(r) }) {
			return w.hidden(p)
		}
	}
	if w.apart && text != "" && !strings.ContainsRune(" \n\t),;", rune(text[0])) {
		w.out = append(w.out, ' ')
	}
	w.apart = w.apart && text == ""
	w.out = append(w.out, text...)
	if p.kind != bare || strings.TrimSpace(text) != "" {
		w.last = p
	}
	return nil
}

// semicolons notes where a text ends: the client would cut it at each.
func (w *myWriter) semicolons(text string) {
	for _, c := range text {
		switch {
		case c == ';':
			w.settle()
			w.ended = true
		case c > ' ':
			w.settle()
		}
	}
}

// settle notes that the text goes on behind a semicolon.
func (w *myWriter) settle() {
	w.inside = w.inside || w.ended
	w.ended = false
}

// hidden writes a string with a character that a terminal would obey.
func (w *myWriter) hidden(p piece) error {
	if p.kind != plainString {
		return fmt.Errorf("a control character stands in a quoted name")
	}
	if len(w.out) > 0 && inName(w.out[len(w.out)-1]) {
		return fmt.Errorf("a control character stands in a string of an unusual kind")
	}
	sql, _ := myString([]byte(w.set.unquote(p.text)), "")
	return w.constant(sql, p)
}

// constant writes what takes a piece's place.
func (w *myWriter) constant(sql string, p piece) error {
	w.settle()
	if n := len(w.out); w.apart || n > 0 && (inName(w.out[n-1]) || strings.IndexByte("'\"`@.", w.out[n-1]) >= 0) {
		w.out = append(w.out, ' ')
	}
	w.out = append(w.out, sql...)
	w.apart, w.last = true, p
	return nil
}

// end ends the statement. One that has a semicolon within gets another delimiter, which the client looks for instead.
func (w *myWriter) end() string {
	text := strings.TrimRight(string(w.out), " \n\t")
	line := ""
	if w.last.kind == lineComment {
		line = "\n"
	}
	switch {
	case !w.inside && w.ended && w.last.kind == bare && strings.HasSuffix(text, ";"):
		return text
	case !w.inside && !w.ended:
		return text + line + ";"
	}
	mark := delimiterFor(text)
	return "DELIMITER " + mark + "\n" + text + "\n" + mark + "\nDELIMITER ;"
}

// delimiterFor finds one that isn't in text.
func delimiterFor(text string) string {
	mark := "//"
	for strings.Contains(text, mark) {
		mark += "/"
	}
	return mark
}

// myBareText writes what stands outside quotes and comments. The client takes the word delimiter, wherever it stands, with
// the blank behind it for a command.
func myBareText(text string) (string, error) {
	b := make([]byte, 0, len(text))
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
		const word = "delimiter"
		if n := len(b) - len(word) - 1; n >= 0 && b[len(b)-1] == ' ' && strings.EqualFold(string(b[n:len(b)-1]), word) {
			b[len(b)-1] = '\t'
		}
	}
	return string(b), nil
}

// myName quotes a name.
func myName(name string) (string, error) {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
		return "", fmt.Errorf("a control character stands in a name")
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`", nil
}
