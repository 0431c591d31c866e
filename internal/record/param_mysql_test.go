package record

import (
	"bytes"
	"encoding/hex"
	"testing"
	"unicode/utf8"
)

// Values as MariaDB 10.11 sends them in rows of the binary protocol, and as go-sql-driver/mysql sends parameters.
func TestMySQLParamText(t *testing.T) {
	const unsigned = UnsignedType
	for _, c := range []struct {
		typ  uint32
		hex  string
		want string
	}{
		{MySQLTiny, "ff", "-1"},
		{MySQLTiny, "7f", "127"},
		{MySQLTiny | unsigned, "ff", "255"},
		{MySQLShort, "feff", "-2"},
		{MySQLShort | unsigned, "ffff", "65535"},
		{MySQLInt24, "fdffffff", "-3"},
		{MySQLInt24 | unsigned, "ffffff00", "16777215"},
		{MySQLLong, "fcffffff", "-4"},
		{MySQLLong | unsigned, "ffffffff", "4294967295"},
		{MySQLLongLong, "fbffffffffffffff", "-5"},
		{MySQLLongLong, "ffffffffffffff7f", "9223372036854775807"},
		{MySQLLongLong | unsigned, "ffffffffffffffff", "18446744073709551615"},
		{MySQLFloat, "0000c03f", "1.5"},
		{MySQLDouble, "9a9999999999b9bf", "-0.1"},
		{MySQLNewDecimal, "2d31322e333430", "-12.340"},
		{MySQLDate, "ea070b17", "2026-11-23"},
		{MySQLDate, "", "0000-00-00"},
		{MySQLDate, "ea070b17080102", "2026-11-23 08:01:02"},
		{MySQLDateTime, "", "0000-00-00 00:00:00"},
		{MySQLDateTime, "ea070b17", "2026-11-23 00:00:00"},
		{MySQLDateTime, "ea070b17080102", "2026-11-23 08:01:02"},
		{MySQLDateTime, "ea070b1708010203000000", "2026-11-23 08:01:02.000003"},
		{MySQLTimestamp, "ea070b1708010220a10700", "2026-11-23 08:01:02.500000"},
		{MySQLTime, "", "00:00:00"},
		{MySQLTime, "0101000000010102" + "20a10700", "-25:01:02.500000"},
		{MySQLTime, "0022000000163b3b", "838:59:59"},
		{MySQLTime, "0100000000000001", "-00:00:01"},
		{MySQLTime, "00ffffffff000000", "103079215080:00:00"},
		{MySQLYear, "ea07", "2026"},
		{MySQLYear | unsigned, "6d07", "1901"},
		{MySQLVarString, "7a6fc3ab", "zoë"},
		{MySQLString, "69742773", "it's"},
		{MySQLString, "00ff", `\x00ff`}, // as the driver sends []byte
		{MySQLBlob, "00ff", `\x00ff`},
		{MySQLBlob, "68656c6c6f", "hello"},
		{MySQLBlob, "", ""},
		{MySQLJSON, "7b2261223a317d", `{"a":1}`},
		{MySQLEnum, "62", "b"},
		{MySQLSet, "782c79", "x,y"},
		{MySQLBit, "0101", `\x0101`},
		{MySQLBit, "41", `\x41`}, // no letter
		{MySQLGeometry, "000000000101000000000000000000f03f0000000000000040", `\x000000000101000000000000000000f03f0000000000000040`},
		// What isn't what its type says.
		{MySQLTiny, "", `\x`},
		{MySQLLong, "010203", `\x010203`},
		{MySQLFloat, "01", `\x01`},
		{MySQLDate, "ea070b", `\xea070b`},
		{MySQLTime, "0201000000010102", `\x0201000000010102`}, // a sign that there isn't
		{MySQLNull, "", `\x`},
		{0x0e, "61", `\x61`},
		{0x100, "61", `\x61`},
	} {
		value, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		p := Param{Type: c.typ, Format: FormatMySQL, Value: value}
		if got := string(p.AppendText([]byte("="))); got != "="+c.want {
			t.Errorf("type %#x, %s: %s, want =%s", c.typ, c.hex, got, c.want)
		}
	}
	if got := (&Param{Type: MySQLLong, Format: FormatMySQL, Null: true}).AppendText(nil); len(got) != 0 {
		t.Errorf("NULL is %q", got)
	}
}

// Whatever a client sends as a value, it has some text, valid and little longer than itself, behind what was there.
func FuzzMySQLParamText(f *testing.F) {
	for typ := range uint32(0x11) {
		f.Add(typ, []byte{0x80, 0, 0, 0, 0, 0, 0, 0})
		f.Add(typ|UnsignedType, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	}
	f.Add(uint32(MySQLTime), []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(uint32(MySQLDateTime), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(uint32(MySQLBlob), []byte("a\xff"))
	f.Fuzz(func(t *testing.T, typ uint32, value []byte) {
		p := Param{Type: typ, Format: FormatMySQL, Value: value}
		text := p.AppendText([]byte("kept"))
		if !bytes.HasPrefix(text, []byte("kept")) || !utf8.Valid(text) {
			t.Fatalf("type %#x, %x: %q", typ, value, text)
		}
		if len(text) > 2*len(value)+40 {
			t.Errorf("%d bytes became %d", len(value), len(text))
		}
	})
}

// The first part of a text that was cut in a character was no text, and none of its words were found.
func TestWordsOfATextThatIsCutShort(t *testing.T) {
	has := func(value, word string) bool {
		var s WordSet
		s.AddRecord(&Record{Kind: KindBind, Params: []Param{{Type: MySQLBlob, Format: FormatMySQL, Value: []byte(value)}}})
		return s.Has([]byte(word))
	}
	for _, cut := range []string{"zebra \xc3", "zebra \xe6\xbc", "zebra \xf0\x9f\xa6"} {
		if !has(cut, "zebra") {
			t.Errorf("%q has no word", cut)
		}
	}
	for _, none := range []string{"zebra \xff", "zebra \xc3 okapi", "\xc3\xc3 zebra", "zebra \xbc\xbc\xbc\xbc"} {
		if has(none, "zebra") {
			t.Errorf("%q is text", none)
		}
	}
}
