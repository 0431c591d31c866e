package replay

import (
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
)

func myParam(typ uint32, value string) []record.Param {
	return []record.Param{{Type: typ, Format: record.FormatMySQL, Value: []byte(value)}}
}

func TestBindMySQL(t *testing.T) {
	usual, ansi, plain, unknown := quoting{known: true}, quoting{known: true, ansi: true}, quoting{known: true, plain: true}, quoting{}
	const s, blob = record.MySQLString, record.MySQLBlob
	for _, c := range []struct {
		q      quoting
		text   string
		params []record.Param
		want   string // "!" and the error's beginning
	}{
		{usual, "select 1", nil, "select 1;"},
		{usual, "select 1 ; ", nil, "select 1 ;"},
		{usual, "select 1 -- one", nil, "select 1 -- one\n;"},
		{usual, "select 1; # one", nil, "DELIMITER //\nselect 1; # one\n//\nDELIMITER ;"},
		{usual, "select ?, ? ,?", texts("a", "it's", ""), "select 'a', 'it''s' ,'';"},
		{usual, "select '?', \"?\", `?`, '\\'?', 'a''?' -- ?\n, # ?\n /* ? */ ?", texts("x"), "select '?', \"?\", `?`, '\\'?', 'a''?' -- ?\n, # ?\n /* ? */ 'x';"},
		{usual, "select 1--?", myParam(record.MySQLTiny, "\xfb"), "select 1--(-5);"}, // "-- -5" would be a comment
		{usual, "select 1 --?", myParam(record.MySQLTiny, "\x05"), "select 1 --5;"},
		{usual, "select?from t", texts("a"), "select 'a' from t;"},
		{usual, "select ?'a'", texts("b"), "select 'b' 'a';"},
		{usual, "select ?", myParam(s, `a\b`), "select _utf8mb4 X'615c62';"},
		{usual, "select ?", myParam(s, "é'"), "select _utf8mb4'é''';"},
		{usual, "select ?", myParam(s, "\xff"), "select _binary X'ff';"},
		{usual, "select ?", myParam(s, "a\x1b\u202e\r\n"), "select _utf8mb4 X'611be280ae0d0a';"},
		{usual, "select ?", myParam(s, "a\n\tb"), "select 'a\n\tb';"},
		{usual, "select ?", myParam(blob, "1"), "select _binary X'31';"}, // a blob in a sum is the number 1, X'31' is 49
		{usual, "select ?", myParam(record.MySQLDecimal, "1e5"), "select '1e5';"},
		{usual, "select ?", myParam(record.MySQLDate, "\xea\x07\x00\x00"), "select '2026-00-00';"},
		{usual, "select ?", myParam(record.MySQLDate, "\xea\x07\x0d\x01"), "!a parameter: it is no date"},
		{usual, "select ?", myParam(record.MySQLDateTime, "\xea\x07\x01\x01\x18\x00\x00"), "!a parameter: it is no date"},
		{usual, "select ?", myParam(record.MySQLTime, "\x00\x23\x00\x00\x00\x00\x00\x00"), "!a parameter: it is no time"},
		{usual, "select ?", myParam(record.MySQLTime, "\x00"), "!a parameter: it is not of its type's length"},
		{usual, "select ?", myParam(record.MySQLDouble, "\x00\x00\x00\x00\x00\x00\xf8\x7f"), "!a parameter: it is no number that SQL knows"},
		{usual, "select ?", myParam(record.MySQLNull, "x"), "!a parameter: it is a value of type 6"},
		{usual, "select ?", []record.Param{{Type: record.IgnoreType, Format: record.FormatMySQL, Null: true}}, "!a parameter: it leaves its column"},
		{usual, "select ?, ?", texts("a"), "!it has 2 parameters, and the record 1"},
		{usual, "select 1", texts("a"), "!it has 0 parameters, and the record 1"},
		{usual, "select ? /*! ? */", texts("a", "b"), "!a parameter stands in a comment that is code"},
		{usual, "select 1 /*!50000 + 1 /* x */ */ - /*M!100100 '*/' */ ?", texts("a"), "select 1 /*!50000 + 1 /* x */ */ - /*M!100100 '*/' */ 'a';"},
		{usual, "select 1 /*+ ? */", nil, "select 1 /*+ ? */;"},
		{usual, "select 1 /*! ", nil, "!something in it is not closed"},
		{usual, "select 'a", nil, "!something in it is not closed"},
		{usual, "select 'a\\'", nil, "!something in it is not closed"},
		{usual, "select /* /* */ 1", nil, "select /* /* */ 1;"}, // they don't nest
		{plain, "select 'a\\', ?", texts("b"), "select 'a\\', 'b';"},
		{usual, "select 'a\\', ?'", nil, "select 'a\\', ?';"},
		{unknown, "select 'a\\', ?'", nil, "!which sql_mode it was read with"},
		{unknown, "select 'a''', `a\\`", nil, "select 'a''', `a\\`;"},
		{ansi, "select \"a\\\", ?", texts("b"), "!a backslash stands in a name"},
		{ansi, "select \"a\"\"?\", ?", texts("b"), "select \"a\"\"?\", 'b';"},
		{usual, "select 1 \\g", nil, "!a backslash stands outside quotes"},
		{usual, "select 'a\x00'", nil, "!a zero byte"},
		{usual, "select 1 # a\x00\n", nil, "!a zero byte"},
		{usual, "select 1 /* \x00 */", nil, "!a zero byte"},
		{usual, "select 'a\x1b\\n\\%'", nil, "select _utf8mb4 X'611b0a5c25';"},
		{usual, "select _latin1'a\x1b'", nil, "!a control character stands in a string of an unusual kind"},
		{usual, "select \u200b", nil, "!a control character stands outside quotes"},
		{usual, "select\r\n1\r, 2\f", nil, "select\n1\n, 2;"},
		{usual, "select \xff", nil, "!it is not UTF-8"},
		{usual, "select 1 --\x01; x", nil, "select 1 -- \\x01; x\n;"}, // "--\\" is no comment
		{usual, "select 1 # one\r\n \n", nil, "select 1 # one\n;"},
		{usual, "\nTEE /etc/motd", nil, "!tee would be a command"},
		{usual, "teeny", nil, "teeny;"},
		{usual, "select 1 as xDelimiter from t", nil, "select 1 as xDelimiter\tfrom t;"},
		{usual, "select 'delimiter x'", nil, "select 'delimiter x';"},
	} {
		got, err := bindMySQL(c.text, c.params, mySettings{quoting: c.q})
		if want, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q: %q, %v; want %s", c.text, got, err, want)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%q:\n got %q %v\nwant %q", c.text, got, err, c.want)
		}
	}
}

// myContents are what the strings, names and constants in a text hold, and its semicolons outside of them.
func myContents(t *testing.T, sql string, q quoting, params []record.Param) string {
	pieces, why := scanMySQL(sql, q)
	if why != "" {
		t.Fatalf("this can't be read again: %q: %s", sql, why)
	}
	var b strings.Builder
	for i, p := range pieces {
		switch p.kind {
		case parameter:
			b.WriteString("<" + string(params[0].Value) + ">")
			params = params[1:]
		case plainString:
			before := ""
			if i > 0 && pieces[i-1].kind == bare {
				before = pieces[i-1].text
			}
			b.WriteString("<" + held(t, before, q.unquote(p.text)) + ">")
		case quotedName:
			b.WriteString(p.text)
		case bare:
			b.WriteString(strings.Repeat(";", strings.Count(p.text, ";")))
		}
	}
	return b.String()
}

// held reads a string in hex, as a script writes it.
func held(t *testing.T, before, text string) string {
	if !strings.HasSuffix(before, "_utf8mb4 X") && !strings.HasSuffix(before, "_binary X") {
		return text
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatalf("%q is no hex", text)
	}
	return string(b)
}

// Whatever was recorded, a script holds the same strings and nothing that a terminal or the client would obey.
func FuzzBindMySQL(f *testing.F) {
	for _, text := range []string{"select ?, '?', `a` -- x", "'a''b\\'' ? \"x\" /*! 1 */", "/* ? */ ??", "a\r?\f# x\n 'a\x1b'", "--? ; ?;", "delimiter ?"} {
		f.Add(text, "it's", "back\\slash\x1b\u202e", uint8(1))
	}
	f.Fuzz(func(t *testing.T, text, one, two string, mode uint8) {
		q := quoting{known: mode&1 != 0, ansi: mode&2 != 0, plain: mode&4 != 0}
		if strings.Contains(text, "X") {
			return // hex of its own
		}
		params := append(myParam(record.MySQLString, one), myParam(record.MySQLVarString, two)...)
		pieces, why := scanMySQL(text, q)
		var whole strings.Builder
		for _, p := range pieces {
			whole.WriteString(p.text)
		}
		if why == "" && whole.String() != text {
			t.Fatalf("%q was cut into %q", text, pieces)
		}
		params = params[:min(parameters(pieces), 2)]
		sql, err := bindMySQL(text, params, mySettings{quoting: q})
		if err != nil {
			return
		}
		if strings.ContainsFunc(sql, func(r rune) bool { return r != '\n' && r != '\t' && unprintable(r) }) || !utf8.ValidString(sql) {
			t.Fatalf("a terminal would obey %q", sql)
		}
		want := strings.TrimRight(myContents(t, text, q, params), ";")
		if inner, ok := strings.CutPrefix(sql, "DELIMITER /"); ok {
			mark := "/" + inner[:strings.IndexByte(inner, '\n')]
			if inner, ok = strings.CutSuffix(inner[len(mark):], "\n"+mark+"\nDELIMITER ;"); !ok || strings.Contains(inner, mark) {
				t.Fatalf("%q ends elsewhere", sql)
			}
			sql = inner
		} else if n := strings.Count(myContents(t, sql, q, nil), ";"); n == 0 {
			t.Fatalf("%q does not end", sql)
		}
		if got := strings.TrimRight(myContents(t, sql, q, nil), ";"); got != want {
			t.Fatalf("%q holds %q\n%q holds %q", text, want, sql, got)
		}
	})
}
