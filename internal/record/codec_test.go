package record

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// sample sets v, a field of Record, to a value that its type's extremes are likely to break.
func sample(t *testing.T, v reflect.Value) {
	t.Helper()
	switch p := v.Addr().Interface().(type) {
	case *ID:
		*p = ID{1, 2, 3, 15: 0xff}
	case *[]byte:
		*p = []byte("a\x00b\xff")
	case *string:
		*p = "ä'\x00"
	case *[]string:
		*p = []string{"public.orders", "", "x"}
	case *[]Param:
		*p = []Param{{Type: 1<<32 - 1, Format: 1, Value: []byte{0, 1}}, {Null: true}, {Type: 25}}
	default:
		switch v.Kind() {
		case reflect.Int64:
			v.SetInt(-1 << 63)
		case reflect.Uint8, reflect.Uint32, reflect.Uint64:
			v.SetUint(1<<(8*v.Type().Size()) - 1)
		default:
			t.Fatalf("no sample for %s", v.Type())
		}
	}
}

// full is a record with every field set.
func full(t *testing.T) Record {
	var r Record
	for _, f := range Fields {
		sample(t, reflect.ValueOf(&r).Elem().FieldByName(f.Name))
	}
	return r
}

// Each field of Record is in the table, in the part that the table says, under its number, and survives.
func TestEveryFieldIsInTheTableAndTheCodec(t *testing.T) {
	typ := reflect.TypeFor[Record]()
	if _, ok := typ.FieldByName("Erased"); !ok || typ.NumField() != len(Fields)+1 {
		t.Errorf("Record has %d fields, the table %d: all but Erased, which stands for the payload's", typ.NumField(), len(Fields))
	}
	last := uint8(0)
	for _, f := range Fields {
		if f.Num <= last || f.Num >= 0x80 {
			t.Errorf("%s: number %d is out of order or too large", f.Name, f.Num)
		}
		last = f.Num
		var r, back Record
		v := reflect.ValueOf(&r).Elem().FieldByName(f.Name)
		if !v.IsValid() {
			t.Errorf("%s is in the table and not in Record", f.Name)
			continue
		}
		sample(t, v)
		env, payload := r.AppendEnvelope(nil), r.AppendPayload(nil)
		with, without := env, payload
		if f.Part == Payload {
			with, without = payload, env
		}
		if len(without) != 1 || len(with) < 3 || with[1] != f.Num {
			t.Errorf("%s: envelope % x, payload % x", f.Name, env, payload)
		}
		if err := errors.Join(DecodeEnvelope(env, &back), DecodePayload(payload, &back)); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if !reflect.DeepEqual(r, back) {
			t.Errorf("%s: wrote %+v, read %+v", f.Name, r, back)
		}
	}
}

// What takes an erased payload's place has no fields; it is written as it was read.
func TestAnErasedPayloadSurvives(t *testing.T) {
	b := AppendErased(nil, Hash{1, 2, 3})
	r := full(t)
	if err := DecodePayload(b, &r); err != nil {
		t.Fatal(err)
	}
	var want Record
	if err := DecodeEnvelope(r.AppendEnvelope(nil), &want); err != nil {
		t.Fatal(err)
	}
	want.Erased = b[1:]
	if !reflect.DeepEqual(r, want) || !bytes.Equal(r.AppendPayload(nil), b) {
		t.Errorf("% x was read as %+v", b, r)
	}
	for n := range b {
		if err := DecodePayload(b[:n], &r); err == nil {
			t.Errorf("%d of %d bytes were taken", n, len(b))
		}
	}
}

func TestDecodeForgetsWhatTheRecordHeldBefore(t *testing.T) {
	r := full(t)
	b := AppendRecord(nil, &Record{})
	rest, err := Decode(b, &r)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	if !reflect.DeepEqual(r, Record{}) {
		t.Errorf("an empty record was read as %+v", r)
	}
}

// Lists and strings that a reader gave out must not change under it when the next record is read into the same one.
func TestDecodeLeavesOldListsAlone(t *testing.T) {
	first := Record{Tables: []string{"a", "b"}, Rule: "r1"}
	next := Record{Tables: []string{"a", "c"}, Rule: "r2"}
	var r Record
	for _, p := range [][]byte{first.AppendPayload(nil), first.AppendPayload(nil)} {
		if err := DecodePayload(p, &r); err != nil {
			t.Fatal(err)
		}
	}
	kept := r
	if err := DecodePayload(next.AppendPayload(nil), &r); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(kept, first) || !reflect.DeepEqual(r, next) {
		t.Errorf("kept %v, read %v", kept.Tables, r.Tables)
	}
}

func TestRecordsStandBehindOneAnother(t *testing.T) {
	var want []Record
	var b []byte
	for _, n := range []int{0, 1, 100, 127, 128, 200, 1 << 14, 1 << 17} {
		r := Record{Seq: uint64(n), Text: bytes.Repeat([]byte("x"), n)}
		if n == 0 {
			r.Text = nil
		}
		want = append(want, r)
		b = AppendRecord(b, &r)
	}
	for i := range want {
		var got Record
		var err error
		if b, err = Decode(b, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("record %d differs", i)
		}
	}
	if len(b) != 0 {
		t.Errorf("%d bytes left", len(b))
	}
}

func TestDecodeRefusesWhatIsNotCanonical(t *testing.T) {
	for _, c := range []struct {
		name string
		env  []byte
	}{
		{"empty", nil},
		{"version 0", []byte{0}},
		{"unknown field", []byte{1, 16, 1}},
		{"a field of the payload", []byte{1, 32, 1, 'x'}},
		{"out of order", []byte{1, 3, 1, 2, 1}},
		{"twice", []byte{1, 2, 1, 2, 1}},
		{"zero not left out", []byte{1, 2, 0}},
		{"zero time", []byte{1, 4, 0, 0, 0, 0, 0, 0, 0, 0}},
		{"zero id", append([]byte{1, 1}, make([]byte, 16)...)},
		{"empty bytes", []byte{1, 15, 0}},
		{"long form", []byte{1, 2, 0x81, 0}},
		{"too large for its field", []byte{1, 11, 0x80, 2}},
		{"number cut short", []byte{1, 2, 0x80}},
		{"number missing", []byte{1, 2}},
		{"over 64 bits", []byte{1, 2, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2}},
		{"bytes past the end", []byte{1, 15, 5, 'x'}},
		{"length that wraps", []byte{1, 15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}},
		{"field number 0", []byte{1, 0}},
		{"a version without its fields", []byte{2, 2, 1}},
		{"a field above all", []byte{2, 16, 1, 18, 1}},
	} {
		var r Record
		var format *FormatError
		if err := DecodeEnvelope(c.env, &r); !errors.As(err, &format) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, c := range []struct {
		name    string
		payload []byte
	}{
		{"no strings", []byte{1, 40, 0}},
		{"more strings than bytes", []byte{1, 40, 9, 0}},
		{"string past the end", []byte{1, 40, 1, 2, 'x'}},
		{"no params", []byte{1, 33, 0}},
		{"huge count", []byte{1, 33, 255, 255, 255, 255, 15}},
		{"param cut short", []byte{1, 33, 1, 0, 0}},
		{"param's type too large", []byte{1, 33, 1, 255, 255, 255, 255, 255, 1, 0, 0}},
		{"fixed cut short", []byte{1, 38, 1, 2}},
	} {
		var r Record
		var format *FormatError
		if err := DecodePayload(c.payload, &r); !errors.As(err, &format) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDecodeNamesANewerVersion(t *testing.T) {
	var version *VersionError
	if err := DecodeEnvelope([]byte{3, 2, 1}, &Record{}); !errors.As(err, &version) || version.Have != 3 || version.Know != 2 {
		t.Errorf("%v", err)
	}
	if err := DecodePayload([]byte{3, 32, 1, 'x'}, &Record{}); !errors.As(err, &version) || version.Have != 3 || version.Know != 2 {
		t.Errorf("%v", err)
	}
}

// A reader that doesn't know a field must be told so by the version: to it the record would be damaged, which is what a
// forged one is. A record without the newer fields stays what it always was.
func TestAnEnvelopeHasTheLeastVersionOfItsFields(t *testing.T) {
	for _, c := range []struct {
		r    Record
		want byte
	}{{typical(), 1}, {Record{Rows: 1}, 1}, {Record{InsertID: 7}, 2}, {Record{Warnings: 1}, 2}} {
		if got := c.r.AppendEnvelope(nil)[0]; got != c.want {
			t.Errorf("%+v has version %d, want %d", c.r, got, c.want)
		}
	}
}

// So for a payload; and one that has a newer version than its fields need is not canonical.
func TestAPayloadHasTheLeastVersionOfItsFields(t *testing.T) {
	for _, c := range []struct {
		r    Record
		want byte
	}{{typical(), 1}, {Record{Text: []byte("x")}, 1}, {Record{Programs: []string{"rm"}}, 2}, {Record{Paths: []string{"/"}}, 2}} {
		b := c.r.AppendPayload(nil)
		if b[0] != c.want {
			t.Errorf("%+v has version %d, want %d", c.r, b[0], c.want)
		}
		b[0] = 3 - b[0]
		var format *FormatError
		if err := DecodePayload(b, &Record{}); !errors.As(err, &format) {
			t.Errorf("%+v with version %d: %v", c.r, b[0], err)
		}
		if err := new(WordSet).AddPayload(KindExec, b); !errors.As(err, &format) {
			t.Errorf("words of %+v with version %d: %v", c.r, b[0], err)
		}
	}
}

func typical() Record {
	return Record{Session: ID{1, 2, 3}, Seq: 1000, At: 1763886878123456789, Epoch: 3, Kind: KindQuery, Verdict: VerdictAllow,
		Text:   []byte("SELECT abalance FROM pgbench_accounts WHERE aid = 48213;"),
		Digest: 0x1234567890abcdef, Rule: "starter.reads", Actions: []string{"select"}, Tables: []string{"pgbench_accounts"},
		Columns: []string{"abalance", "aid"}}
}

func TestAppendRecordDoesNotAllocate(t *testing.T) {
	r, buf := typical(), make([]byte, 0, 1<<10)
	if n := testing.AllocsPerRun(100, func() { buf = AppendRecord(buf[:0], &r) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkAppendRecord(b *testing.B) {
	r, buf := typical(), make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRecord(buf[:0], &r)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecode(b *testing.B) {
	r := typical()
	buf := AppendRecord(nil, &r)
	var back Record
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(buf, &back); err != nil {
			b.Fatal(err)
		}
	}
}
