package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// statement is what the engine is to run. data, if not nil, is what the text reads from: it must stay open until the
// statement has run.
type statement struct {
	text string
	data *os.File
}

// maxText bounds a statement that is not data; ClickHouse's own max_query_size is smaller.
const maxText = 16 << 20 // 16 MiB

// readStatement parts text and data. As with ClickHouse, the text is the parameter "query" followed by the body, and
// what follows an INSERT's FORMAT or VALUES is data. The library would cut inline data at a newline, so that data
// goes into a file in memory, and the text becomes INSERT ... FROM INFILE.
func readStatement(query string, body io.Reader) (statement, error) {
	if query != "" {
		head, format, rest := splitInsert(query)
		if head == "" { // no data is expected: a body is more text
			return readText(query+"\n", body)
		}
		return spool(head, format, io.MultiReader(strings.NewReader(rest), body))
	}
	st, err := readText("", body)
	if err != nil {
		return st, err
	}
	if head, format, rest := splitInsert(st.text); head != "" {
		return spool(head, format, strings.NewReader(rest))
	}
	return st, nil
}

func readText(text string, body io.Reader) (statement, error) {
	more, err := io.ReadAll(io.LimitReader(body, maxText+1))
	if err != nil {
		return statement{}, fmt.Errorf("read the statement: %w", err)
	}
	if len(more) > maxText {
		return statement{}, newException("Code: 62. DB::Exception: Max query size exceeded (SYNTAX_ERROR)")
	}
	text = strings.TrimRight(text+string(more), " \t\r\n")
	return statement{text: strings.TrimRight(text, ";")}, nil
}

func spool(head, format string, data io.Reader) (statement, error) {
	fd, err := unix.MemfdCreate("insert", unix.MFD_CLOEXEC)
	if err != nil {
		return statement{}, fmt.Errorf("keep the data: %w", err)
	}
	f := os.NewFile(uintptr(fd), "insert")
	if _, err := io.Copy(f, data); err != nil {
		f.Close()
		return statement{}, newException(fmt.Sprintf("Code: 33. DB::Exception: Cannot read all data: %v (CANNOT_READ_ALL_DATA)", err))
	}
	before, settings := cutSettings(head)
	text := fmt.Sprintf("%s FROM INFILE '/proc/self/fd/%d' COMPRESSION 'none' %s FORMAT %s", before, fd, settings, format)
	return statement{text, f}, nil
}

// splitInsert parts "INSERT INTO t (a) FORMAT Native <data>" and "... VALUES <data>". An empty head: it is no INSERT
// with data.
func splitInsert(text string) (head, format, data string) {
	first := true
	for at, end := range words(text) {
		word := strings.ToUpper(text[at:end])
		switch {
		case first && word != "INSERT":
			return "", "", ""
		case word == "SELECT" || word == "WITH" || word == "INFILE":
			return "", "", ""
		case word == "VALUES":
			return text[:at], "Values", text[end:]
		case word == "FORMAT":
			rest := strings.TrimLeft(text[end:], " \t\r\n")
			n := len(rest) - len(strings.TrimLeft(rest, letters))
			data := strings.TrimLeft(rest[n:], " \t\r")
			return text[:at], rest[:n], strings.TrimPrefix(data, "\n")
		}
		first = false
	}
	return "", "", ""
}

// cutSettings parts an INSERT's head before SETTINGS, where INFILE stands.
func cutSettings(head string) (before, settings string) {
	for at, end := range words(head) {
		if strings.EqualFold(head[at:end], "SETTINGS") {
			return head[:at], head[at:]
		}
	}
	return head, ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// words yields begin and end of each word that stands outside of quotes, comments and parentheses.
func words(text string) func(yield func(int, int) bool) {
	return func(yield func(int, int) bool) {
		depth := 0
		for i := 0; i < len(text); {
			end := token(text, i)
			switch c := text[i]; {
			case c == '(':
				depth++
			case c == ')':
				depth--
			case depth == 0 && strings.IndexByte(letters, c) >= 0 && !yield(i, end):
				return
			}
			i = end
		}
	}
}

// token returns the end of what begins at i: a word, a quoted text, a comment or a byte.
func token(text string, i int) int {
	rest := text[i:]
	switch c := rest[0]; {
	case strings.IndexByte(letters, c) >= 0:
		return len(text) - len(strings.TrimLeft(rest, letters))
	case c == '\'' || c == '`' || c == '"':
		for n := 1; n < len(rest); n++ {
			if rest[n] == '\\' {
				n++
			} else if rest[n] == c {
				return i + n + 1
			}
		}
		return len(text)
	case strings.HasPrefix(rest, "--"):
		return until(text, i, "\n")
	case strings.HasPrefix(rest, "/*"):
		return until(text, i, "*/")
	}
	return i + 1
}

func until(text string, i int, mark string) int {
	if n := strings.Index(text[i:], mark); n >= 0 {
		return i + n + len(mark)
	}
	return len(text)
}
