package replay

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
)

// myLiteral writes a parameter as a constant of its type, which is the same under every sql_mode and character set that a
// connection may have. charset is what the client said it sends; empty: UTF-8. why is not empty when it can't be.
func myLiteral(p *record.Param, charset string) (sql, why string) {
	if p.Null {
		return myNull(p)
	}
	if p.Format == record.FormatText {
		return myString(p.Value, charset)
	}
	typ := p.Type &^ record.UnsignedType
	switch typ {
	case record.MySQLTiny, record.MySQLShort, record.MySQLLong, record.MySQLLongLong:
		if text := string(p.AppendText(nil)); !strings.HasPrefix(text, `\x`) {
			return negated(text), ""
		}
		return "", "it is not of its type's length"
	case record.MySQLFloat, record.MySQLDouble:
		return myFloat(p.Value)
	case record.MySQLDate, record.MySQLDateTime, record.MySQLTimestamp, record.MySQLTime:
		return myTime(p, typ)
	case record.MySQLDecimal, record.MySQLNewDecimal:
		if decimal(string(p.Value)) {
			return negated(string(p.Value)), ""
		}
		return myString(p.Value, charset)
	case record.MySQLVarchar, record.MySQLVarString, record.MySQLString, record.MySQLEnum, record.MySQLSet, record.MySQLJSON:
		return myString(p.Value, charset)
	case record.MySQLTinyBlob, record.MySQLMediumBlob, record.MySQLLongBlob, record.MySQLBlob:
		return hexString("binary", p.Value), ""
	}
	return "", fmt.Sprintf("it is a value of type %d, which servers read in several ways, or not at all", typ)
}

func myNull(p *record.Param) (sql, why string) {
	switch {
	case p.Type&record.IgnoreType != 0:
		return "", "it leaves its column as it was, which no constant does"
	case p.Type&record.DefaultType != 0:
		return "DEFAULT", ""
	}
	return "NULL", ""
}

// negated keeps a minus from what stands before it: two are a comment, if a blank follows.
func negated(number string) string {
	if strings.HasPrefix(number, "-") {
		return "(" + number + ")"
	}
	return number
}

// decimal reports whether text is a number that stays a DECIMAL as a constant: one of at most 65 digits.
func decimal(text string) bool {
	whole, part, point := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	const most = 65
	return whole != "" && !(point && part == "") && len(whole)+len(part) <= most && strings.Trim(whole+part, "0123456789") == ""
}

// myFloat writes a floating-point number: with its exponent, for without it would be a DECIMAL. The server makes a DOUBLE of
// a FLOAT.
func myFloat(v []byte) (sql, why string) {
	var f float64
	switch len(v) {
	case 4:
		f = float64(math.Float32frombits(binary.LittleEndian.Uint32(v)))
	case 8:
		f = math.Float64frombits(binary.LittleEndian.Uint64(v))
	default:
		return "", "it is not of its type's length"
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", "it is no number that SQL knows"
	}
	return negated(strconv.FormatFloat(f, 'e', -1, 64)), ""
}

// myTime writes a date or a time as a constant of its type, or as a string where no constant can be: of dates with a part
// that is zero.
func myTime(p *record.Param, typ uint32) (sql, why string) {
	text := string(p.AppendText(nil))
	if strings.HasPrefix(text, `\x`) {
		return "", "it is not of its type's length"
	}
	if typ == record.MySQLTime {
		if !clockFits(p.Value, 1+4, 838) {
			return "", "it is no time"
		}
		return "TIME'" + text + "'", ""
	}
	name := "TIMESTAMP"
	if typ == record.MySQLDate {
		name = "DATE"
		text, _, _ = strings.Cut(text, " ") // the server passes over a date's time
	}
	var b [4]byte
	copy(b[:], p.Value)
	year, month, day := binary.LittleEndian.Uint16(b[:]), b[2], b[3]
	switch {
	case year > 9999 || month > 12 || day > 31 || name == "TIMESTAMP" && !clockFits(p.Value, 4, 23):
		return "", "it is no date"
	case year == 0 || month == 0 || day == 0:
		return "'" + text + "'", ""
	}
	return name + "'" + text + "'", ""
}

// clockFits reports whether there is a time of day, or of some days, from a place in a value on.
func clockFits(v []byte, at int, most uint64) bool {
	var b [12]byte
	copy(b[:], v)
	hours := uint64(b[at])
	if at > 4 {
		hours += 24 * uint64(binary.LittleEndian.Uint32(b[1:]))
	}
	return hours <= most && b[at+1] < 60 && b[at+2] < 60 && binary.LittleEndian.Uint32(b[at+3:]) < 1_000_000
}

// myString writes text as a string. A quote twice means the same under each sql_mode, a backslash does not; beyond ASCII it
// depends on the connection what characters bytes are. So what has a backslash, or a character that a terminal would obey, is
// written in hex, and what isn't ASCII with its character set before it, which makes a string of hex, too, and no number.
func myString(v []byte, charset string) (sql, why string) {
	ascii, plain := true, true
	for _, r := range string(v) {
		ascii = ascii && r < 0x80
		plain = plain && r != '\\' && (r == '\n' || r == '\t' || !unprintable(r))
	}
	if plain && ascii {
		return "'" + strings.ReplaceAll(string(v), "'", "''") + "'", ""
	}
	switch {
	case utf8Named(charset) && !utf8.Valid(v):
		return hexString("binary", v), "" // text it can't be
	case utf8Named(charset) && plain:
		return "_utf8mb4'" + strings.ReplaceAll(string(v), "'", "''") + "'", ""
	case utf8Named(charset) || ascii:
		return hexString("utf8mb4", v), ""
	case !isCharset(charset):
		return "", "it was sent in a character set that is not known here"
	}
	return hexString(charset, v), ""
}

// utf8Named reports whether a character set is UTF-8 or, as far as it goes, a part of it.
func utf8Named(charset string) bool {
	switch charset {
	case "", "utf8", "utf8mb3", "utf8mb4", "ascii":
		return true
	}
	return false
}

// isCharset reports whether a name can stand before a string.
func isCharset(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func hexString(charset string, v []byte) string {
	return "_" + charset + " X'" + hex.EncodeToString(v) + "'"
}
