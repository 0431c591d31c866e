package replay

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxQuery bounds a query's length in bytes: a person types it.
const maxQuery = 64 << 10 // 64 KiB

// QueryError says what is wrong in a query, where, and what to do.
type QueryError struct {
	Query    string
	Pos, Len int // bytes of Query that are at fault
	Message  string
	Hint     string // may be empty
}

// Error shows the query with the place marked below it.
func (e *QueryError) Error() string {
	before, at := e.Query[:e.Pos], e.Query[e.Pos:min(e.Pos+e.Len, len(e.Query))]
	mark := "^" + strings.Repeat("~", max(utf8.RuneCountInString(at)-1, 0))
	msg := fmt.Sprintf("read query: %s\n  %s\n  %s%s", printable(e.Message), printable(e.Query),
		strings.Repeat(" ", utf8.RuneCountInString(before)), mark)
	if e.Hint != "" {
		msg += "\n  " + printable(e.Hint)
	}
	return msg
}

// printable keeps one column per character, so that the mark stands below what it names.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

// token is one piece of a query: -field:value, with value in quotes, between slashes, or neither.
type token struct {
	not    bool
	field  string // lower case; empty: free text
	value  string // unquoted
	quoted bool
	regex  bool
	pos    int // where it begins
	vpos   int // where its value begins
	end    int // behind it
}

// lex cuts a query into tokens. White space separates them; quotes keep it, and \ keeps a quote.
func lex(query string) ([]token, error) {
	if len(query) > maxQuery {
		return nil, fmt.Errorf("read query: it has %d bytes, more than %d", len(query), maxQuery)
	}
	var tokens []token
	for pos := 0; ; {
		for pos < len(query) && space(query[pos]) {
			pos++
		}
		if pos == len(query) {
			return tokens, nil
		}
		t, err := lexToken(query, pos)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		pos = t.end
	}
}

func lexToken(query string, pos int) (token, error) {
	t := token{pos: pos}
	if query[pos] == '-' {
		t.not = true
		pos++
	}
	for i := pos; i < len(query) && (letter(query[i]) || query[i] == ':'); i++ {
		if query[i] == ':' {
			t.field, pos = strings.ToLower(query[pos:i]), i+1
			break
		}
	}
	t.vpos = pos
	var err error
	if pos < len(query) && query[pos] == '"' {
		t.quoted = true
		t.value, t.end, err = lexQuoted(query, pos)
		return t, err
	}
	if f := fieldNamed(t.field); pos < len(query) && query[pos] == '/' && (f == nil || !f.slash) {
		t.regex = true
		t.value, t.end, err = lexRegex(query, pos)
		return t, err
	}
	for t.end = pos; t.end < len(query) && !space(query[t.end]); t.end++ {
		if query[t.end] == '"' {
			return t, &QueryError{query, t.end, 1, "a quote in the middle of a word",
				`put the whole value in quotes: text:"it's \"here\""`}
		}
	}
	t.value = query[pos:t.end]
	return t, nil
}

func lexQuoted(query string, start int) (value string, end int, err error) {
	var b strings.Builder
	for i := start + 1; i < len(query); i++ {
		switch {
		case query[i] == '"' && (i+1 == len(query) || space(query[i+1])):
			return b.String(), i + 1, nil
		case query[i] == '"':
			return "", 0, &QueryError{query, i, 1, "text right behind a closing quote", `write \" for a quote inside quotes`}
		case query[i] == '\\' && i+1 < len(query) && (query[i+1] == '"' || query[i+1] == '\\'):
			i++
			b.WriteByte(query[i])
		default:
			b.WriteByte(query[i])
		}
	}
	return "", 0, &QueryError{query, start, 1, "this quote is not closed", `close it, or write \" for the character itself`}
}

// lexRegex reads up to the slash that closes. A backslash before a slash keeps it; all other backslashes stay.
func lexRegex(query string, start int) (value string, end int, err error) {
	var b strings.Builder
	for i := start + 1; i < len(query); i++ {
		switch {
		case query[i] == '/' && (i+1 == len(query) || space(query[i+1])):
			return b.String(), i + 1, nil
		case query[i] == '/':
			return "", 0, &QueryError{query, i, 1, "text right behind the slash that closes a regular expression", regexHint}
		case query[i] == '\\' && i+1 < len(query):
			if i++; query[i] != '/' {
				b.WriteByte('\\')
			}
			b.WriteByte(query[i])
		default:
			b.WriteByte(query[i])
		}
	}
	return "", 0, &QueryError{query, start, 1, "this regular expression is not closed", regexHint}
}

const regexHint = `a regular expression is written /.../ and a slash in it \/; to find words that begin with a slash, put them in quotes`

func space(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
