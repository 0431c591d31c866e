package replay

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
)

// typeNames are PostgreSQL's types by number (pg_type.dat): those that a literal needs beside it to be of its type. Text
// needs none, and of a type that isn't here the statement itself has to say which it is.
var typeNames = map[uint32]string{
	16: "boolean", 17: "bytea", 18: `"char"`, 19: "name", 20: "bigint", 21: "smallint", 23: "integer", 26: "oid", 114: "json",
	142: "xml", 600: "point", 650: "cidr", 700: "real", 701: "double precision", 774: "macaddr8", 790: "money", 829: "macaddr",
	869: "inet", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval", 1266: "timetz",
	1560: "bit", 1562: "varbit", 1700: "numeric", 2950: "uuid", 3614: "tsvector", 3615: "tsquery", 3802: "jsonb",
	199: "json[]", 1000: "boolean[]", 1001: "bytea[]", 1005: "smallint[]", 1007: "integer[]", 1009: "text[]", 1014: "bpchar[]",
	1015: "varchar[]", 1016: "bigint[]", 1021: "real[]", 1022: "double precision[]", 1028: "oid[]", 1041: "inet[]",
	1115: "timestamp[]", 1182: "date[]", 1183: "time[]", 1185: "timestamptz[]", 1187: "interval[]", 1231: "numeric[]",
	2951: "uuid[]", 3807: "jsonb[]", 3904: "int4range", 3906: "numrange", 3908: "tsrange", 3910: "tstzrange", 3912: "daterange",
	3926: "int8range",
}

const (
	oidBool  = 16
	oidBytea = 17
	oidInt8  = 20
	oidInt2  = 21
	oidInt4  = 23
)

// literal writes a parameter as a constant of its type. why is not empty when it can't be.
func literal(p *record.Param) (sql, why string) {
	name := typeNames[p.Type]
	if p.Null {
		return cast("NULL", name), ""
	}
	text := string(p.AppendText(nil))
	if p.Format != 0 && p.Type != oidBytea && text == `\x`+hex.EncodeToString(p.Value) {
		return "", fmt.Sprintf("it is a binary value of type %d, which is not known here", p.Type)
	}
	switch p.Type {
	case oidBool:
		if text == "true" || text == "false" {
			return text, ""
		}
	case oidInt2, oidInt4, oidInt8:
		if plainNumber(text) {
			if p.Type == oidInt4 {
				return text, ""
			}
			return cast(text, name), ""
		}
	}
	quoted, ok := quote(text)
	if !ok {
		return "", "its text is not UTF-8"
	}
	return cast(quoted, name), ""
}

func cast(sql, name string) string {
	if name == "" {
		return sql
	}
	return sql + "::" + name
}

// plainNumber reports whether digits alone are an integer of four bytes.
func plainNumber(s string) bool {
	const digits = 9
	if len(s) == 0 || len(s) > digits || s[0] == '0' && len(s) > 1 {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// quote writes text as a string constant (section 4.1.2.2) that a terminal may be shown. A backslash has its own way of
// writing, which means the same under each setting of standard_conforming_strings. not ok: no string is this text.
func quote(text string) (sql string, ok bool) {
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return "", false
	}
	special := func(r rune) bool { return r == '\\' || r != '\n' && r != '\t' && unprintable(r) }
	if !strings.ContainsFunc(text, special) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'", true
	}
	b := []byte("E'")
	for _, r := range text {
		switch {
		case r == '\'' || r == '\\':
			b = append(b, byte(r), byte(r))
		case special(r):
			b = appendStringEscape(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return string(append(b, '\'')), true
}

// appendStringEscape writes a character as it can be within E'...'.
func appendStringEscape(b []byte, r rune) []byte {
	switch {
	case r < 0x80:
		return fmt.Appendf(b, `\x%02x`, r)
	case r < 0x10000:
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return fmt.Appendf(b, `\U%08x`, r)
}

// parameterNumber is n of $n; 0: it is too large to be any.
func parameterNumber(text string) int {
	n, err := strconv.Atoi(text[1:])
	if err != nil {
		return 0
	}
	return n
}
