package replay

import (
	"bufio"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
)

func texts(values ...string) []record.Param {
	var params []record.Param
	for _, v := range values {
		params = append(params, record.Param{Value: []byte(v)})
	}
	return params
}

func TestBindSQL(t *testing.T) {
	for _, c := range []struct {
		text   string
		params []record.Param
		want   string // "!" and the error's beginning
	}{
		{"select 1", nil, "select 1;"},
		{"select 1 ; ", nil, "select 1 ;"},
		{"select 1 -- one", nil, "select 1 -- one\n;"},
		{"select $1, $2 ,$1", texts("a", "it's"), "select 'a', 'it''s' ,'a';"},
		{"select '$1', \"$1\", $$ $1 $$, $q$ $1 $q$ -- $1\n, /* $1 /* $1 */ */ e'\\'$1', a$1, $1", texts("x"),
			"select '$1', \"$1\", $$ $1 $$, $q$ $1 $q$ -- $1\n, /* $1 /* $1 */ */ e'\\'$1', a$1, 'x';"},
		{"select 1-$1", []record.Param{{Type: 23, Value: []byte("-5")}}, "select 1- '-5'::integer;"},
		{"select $1::text", []record.Param{{Type: 23, Value: []byte("42")}}, "select 42::text;"},
		{"select $1", []record.Param{{Type: 20, Value: []byte("42")}}, "select 42::bigint;"},
		{"select $1", []record.Param{{Type: 20, Format: 1, Value: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}}}, "select '-2'::bigint;"},
		{"select $1", []record.Param{{Type: 16, Format: 1, Value: []byte{1}}}, "select true;"},
		{"select $1", []record.Param{{Type: 23, Null: true}}, "select NULL::integer;"},
		{"select $1", []record.Param{{Null: true}}, "select NULL;"},
		{"select $1", []record.Param{{Type: 17, Format: 1, Value: []byte("a'")}}, `select E'\\x6127'::bytea;`},
		{"select $1", []record.Param{{Type: 3802, Format: 1, Value: []byte("\x01{\"a\": \"'\"}")}}, `select '{"a": "''"}'::jsonb;`},
		{"select $1", []record.Param{{Type: 1700, Format: 1, Value: []byte{0, 2, 0, 0, 0x40, 0, 0, 2, 0, 12, 0x0d, 0x48}}}, "select '-12.34'::numeric;"},
		{"select $1", []record.Param{{Type: 1007, Format: 1, Value: []byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1,
			0, 0, 0, 4, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff}}}, "select '{7,NULL}'::integer[];"},
		{"select $1", []record.Param{{Type: 600, Format: 1, Value: []byte("0123456789abcdef")}}, "!$1: it is a binary value of type 600"},
		{"select $2", texts("a"), "!$2 has no value in the record"},
		{"select $0", texts("a"), "!$0 has no value"},
		{"select $99999999999999999999", texts("a"), "!$99999999999999999999 has no value"},
		{"select $1", texts("a\xff"), "!$1: its text is not UTF-8"},
		{"select $1", texts("a\x00"), "!$1: its text is not UTF-8"},
		{"select $1", texts("a\\b\x1b[2J\u202e\r\n"), `select E'a\\b\x1b[2J\u202e\x0d` + "\n';"},
		{"select 'a\x1b''b\\'", nil, `select E'a\x1b''b\\';`},
		{"select e'\\\x1b\x1b'", nil, `select e'\x1b\x1b';`},
		{"select $x$a'\u009b$x$", nil, `select E'a''\u009b';`},
		{"select /* \x1b */ 1 -- \x07", nil, "select /* \\x1b */ 1 -- \\x07\n;"},
		{"select\r\n1\r, 2\f", nil, "select\n1\n, 2;"},
		{"select \"a\x1b\"", nil, "!a control character stands in a quoted name"},
		{"select \u200b", nil, "!a control character stands outside quotes"},
		{"select 'a", nil, "!something in it is not closed"},
		{"select /* /* */", nil, "!something in it is not closed"},
		{"select $a$ $b$", nil, "!something in it is not closed"},
		{"select 'a\\'; \\! reboot", nil, "!something in it is not closed, or a backslash"},
		{"select e'a'\n'\\'; \\! reboot'", nil, "select e'a'\n'\\'; \\! reboot';"}, // goes on with its escapes, as the server reads it
		{"select :USER, :'x', a::int, b[1:2]", nil, "select : USER, : 'x', a::int, b[1:2];"},
		{"select 'a'$1", texts("b"), "select 'a' 'b';"},
		{"select u&$1", texts("b"), "select u& 'b';"},
		{"select $1'a'", texts("b"), "select 'b' 'a';"},
		{"select \xff", nil, "!it is not UTF-8"},
	} {
		got, err := BindSQL(c.text, c.params)
		if want, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q: %q, %v; want %s", c.text, got, err, want)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%q:\n got %q %v\nwant %q", c.text, got, err, c.want)
		}
	}
}

// contents are what the strings in SQL hold, one behind the other.
func contents(t *testing.T, sql string, params []record.Param) string {
	pieces, ok := scanSQL(sql)
	if !ok {
		t.Fatalf("this can't be read again: %q", sql)
	}
	var b strings.Builder
	for _, p := range pieces {
		switch p.kind {
		case parameter:
			v := params[parameterNumber(p.text)-1].Value
			b.WriteString("<" + string(v) + ">")
		case plainString:
			b.WriteString("<" + strings.ReplaceAll(p.text[1:len(p.text)-1], "''", "'") + ">")
		case dollarString:
			tag := strings.IndexByte(p.text[1:], '$') + 2
			b.WriteString("<" + p.text[tag:len(p.text)-tag] + ">")
		case escapeString:
			b.WriteString("<" + unescape(p.text[2:len(p.text)-1]) + ">")
		case quotedName, otherString:
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// unescape reads the escapes that are written here; others stay as they are.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		digits := 0
		switch {
		case s[i] == '\'':
			i++
		case s[i] != '\\' || i+1 == len(s):
		case s[i+1] == 'x':
			digits = 2
		case s[i+1] == 'u':
			digits = 4
		case s[i+1] == 'U':
			digits = 8
		case s[i+1] == '\\':
			i++
		}
		if r, ok := hexRune(s, i+2, digits); ok {
			b.WriteRune(r)
			i += 1 + digits
			continue
		}
		if i < len(s) {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func hexRune(s string, at, digits int) (r rune, ok bool) {
	if digits == 0 || at+digits > len(s) {
		return 0, false
	}
	for _, c := range s[at : at+digits] {
		n := strings.IndexRune("0123456789abcdef", c)
		if n < 0 {
			return 0, false
		}
		r = r<<4 | rune(n)
	}
	return r, true
}

// Whatever was recorded, a script holds the same strings and nothing that a terminal or psql would obey; and what is
// commented out stays so.
func FuzzBindSQL(f *testing.F) {
	for _, text := range []string{"select $1, '$1', $$a$$, e'\\'' -- x", "'a'\n'b' $1 \"x\" U&'\\0041'", "/* $1 /* */ */ $1$2", "a\r$1\f:x 'a\x1b'"} {
		f.Add(text, "it's", "back\\slash\x1b\u202e")
	}
	f.Fuzz(func(t *testing.T, text, one, two string) {
		params := texts(one, two)
		var b strings.Builder
		s := &script{w: newWriter(&b)}
		s.aside(text)
		s.comment(text)
		s.w.Flush()
		for line := range strings.Lines(b.String()) {
			if !strings.HasPrefix(line, "-- ") || strings.ContainsAny(line, "\r\x00\x1b") {
				t.Fatalf("this line is no comment: %q", line)
			}
		}
		sql, err := BindSQL(text, params)
		if err != nil {
			return
		}
		if strings.ContainsFunc(sql, func(r rune) bool { return r != '\n' && r != '\t' && unprintable(r) }) || !utf8.ValidString(sql) {
			t.Fatalf("a terminal would obey %q", sql)
		}
		if strings.ContainsAny(text, "\\") && strings.Contains(strings.ToLower(text), "e'") {
			contents(t, sql, nil) // escapes of all kinds: it can be read again
			return
		}
		if want, got := contents(t, text, params), contents(t, sql, nil); got != want {
			t.Fatalf("%q holds %q\n%q holds %q", text, want, sql, got)
		}
	})
}

func newWriter(b *strings.Builder) *bufio.Writer { return bufio.NewWriter(b) }
