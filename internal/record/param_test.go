package record

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// Values as PostgreSQL 15 sends them in binary (select typsend(...)).
func TestParamText(t *testing.T) {
	for _, c := range []struct {
		oid    uint32
		format uint8
		hex    string
		want   string
	}{
		{25, 0, "6162", "ab"},
		{25, 1, "6162", "ab"},
		{23, 0, "3432", "42"},
		{16, 1, "01", "true"},
		{16, 1, "00", "false"},
		{21, 1, "fffe", "-2"},
		{23, 1, "00001267", "4711"},
		{23, 1, "ffffffff", "-1"},
		{20, 1, "7fffffffffffffff", "9223372036854775807"},
		{26, 1, "ffffffff", "4294967295"},
		{700, 1, "3fc00000", "1.5"},
		{701, 1, "bff8000000000000", "-1.5"},
		{1082, 1, "0000265c", "2026-11-20"},
		{1082, 1, "7fffffff", "infinity"},
		{1082, 1, "80000000", "-infinity"},
		{1083, 1, "0000000b4e390540", "13:29:17"},
		{1114, 1, "0000000000000001", "2000-01-01 00:00:00.000001"},
		{1184, 1, "ffffffffffffffff", "1999-12-31 23:59:59.999999Z"},
		{1184, 1, "7fffffffffffffff", "infinity"},
		{1114, 1, "8000000000000000", "-infinity"},
		{2950, 1, "01931b5e7c1a7f3e8a4b0123456789ab", "01931b5e-7c1a-7f3e-8a4b-0123456789ab"},
		{3802, 1, "017b7d", "{}"},
		{3802, 1, "027b7d", `\x027b7d`}, // a version that there isn't
		{17, 1, "00ff", `\x00ff`},
		{23, 1, "0000", `\x0000`}, // too short for its type
		{16, 1, "07", `\x07`},
		{99999, 1, "", `\x`},
	} {
		value, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		p := Param{Type: c.oid, Format: c.format, Value: value}
		if got := string(p.AppendText([]byte("="))); got != "="+c.want {
			t.Errorf("type %d, %s: %s, want =%s", c.oid, c.hex, got, c.want)
		}
	}
	if got := (&Param{Null: true}).AppendText(nil); len(got) != 0 {
		t.Errorf("NULL is %q", got)
	}
}

// Whatever a client sends as a binary value, it has some text, and no other than valid text unless it claims to be text.
func FuzzParamText(f *testing.F) {
	for _, oid := range []uint32{16, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 2950, 3802} {
		f.Add(oid, []byte{0x80, 0, 0, 0, 0, 0, 0, 0})
		f.Add(oid, []byte{0xff, 0xff, 0xff, 0xfe})
	}
	f.Fuzz(func(t *testing.T, oid uint32, value []byte) {
		p := Param{Type: oid, Format: 1, Value: value}
		got := p.AppendText(nil)
		claims := strings.Contains(" 25 1043 1042 19 114 142 705 3802 ", " "+uitoa(oid)+" ")
		if len(got) == 0 && !claims || !utf8.Valid(got) && !claims {
			t.Errorf("type %d, %x: %q", oid, value, got)
		}
	})
}

func uitoa(n uint32) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return uitoa(n/10) + string(rune('0'+n%10))
}

// A clone shares no byte with what it was made of, in any field that there is or will be.
func TestCloneBorrowsNothing(t *testing.T) {
	r := Record{Params: []Param{{Value: []byte("p")}}}
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case []byte:
			f.SetBytes([]byte("b"))
		case []string:
			f.Set(reflect.ValueOf([]string{"s"}))
		}
	}
	c := r.Clone()
	if !reflect.DeepEqual(r, c) {
		t.Fatalf("%+v\n%+v", r, c)
	}
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Pointer() == reflect.ValueOf(c).Field(i).Pointer() {
			t.Errorf("%s is shared", v.Type().Field(i).Name)
		}
	}
	if &r.Params[0].Value[0] == &c.Params[0].Value[0] {
		t.Error("a parameter's value is shared")
	}
}

func TestSessionFold(t *testing.T) {
	id := ID{1}
	var s Session
	for _, r := range []Record{
		{Kind: KindOpen, At: 10, User: "alice", Account: "app", Target: "orders", Verdict: VerdictAllow, Client: "1.2.3.4:5", Parent: ID{9}},
		{Kind: KindJoin, At: 11, PID: 7, Database: "shop"},
		{Kind: KindParse, At: 12},
		{Kind: KindQuery, At: 13},
		{Kind: KindResult, Of: 3, At: 14},
		{Kind: KindClose, At: 15, Outcome: OutcomeFailed, Message: []byte("gone")},
	} {
		r.Session, r.Seq = id, uint64(r.At-10)
		s.Add(&r)
	}
	want := Session{ID: id, Parent: ID{9}, User: "alice", Account: "app", Target: "orders", Database: "shop", Client: "1.2.3.4:5", PID: 7,
		Opened: 10, Closed: 15, Outcome: OutcomeFailed, Verdict: VerdictAllow, Message: "gone", Last: 5, Actions: 1}
	if s != want {
		t.Errorf("%+v\nwant %+v", s, want)
	}
}

func TestPrefix(t *testing.T) {
	for in, want := range map[string]string{"01931B5E-7c": "01931b5e7c", "0": "0", "01931b5e-7c1a-7f3e-8a4b-0123456789ab": "01931b5e7c1a7f3e8a4b0123456789ab"} {
		if got, err := Prefix(in); got != want || err != nil {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "-", "last", "0x12", "01931b5e-7c1a-7f3e-8a4b-0123456789ab0"} {
		if got, err := Prefix(in); err == nil {
			t.Errorf("%s is taken for %s", in, got)
		}
	}
}
