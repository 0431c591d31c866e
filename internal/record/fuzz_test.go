package record

import (
	"bytes"
	"reflect"
	"testing"
)

func seedRecords() []Record {
	return []Record{{}, typical(),
		{Seq: 1, Of: 7, Kind: KindResult, Outcome: OutcomeFailed, Took: -5, Code: []byte("42501"), Message: []byte("denied")},
		{Kind: KindBind, Params: []Param{{Type: 23, Format: 1, Value: []byte{0, 0, 0, 1}}, {Null: true}, {Type: 25}}},
		{Seq: 1, Of: 7, Kind: KindResult, Outcome: OutcomeDone, InsertID: 1 << 63, Warnings: 2, Text: []byte("Records: 1  Duplicates: 0  Warnings: 2")},
		{Kind: KindOpen, User: "alice", Target: "orders", Parent: ID{1}, PID: 1 << 63, Actions: []string{"", "x"}},
	}
}

// What decodes encodes to the same bytes: one record has one encoding.
func FuzzDecodeEnvelope(f *testing.F) {
	for _, r := range seedRecords() {
		f.Add(r.AppendEnvelope(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Record
		if DecodeEnvelope(b, &r) != nil {
			return
		}
		if again := r.AppendEnvelope(nil); !bytes.Equal(again, b) {
			t.Errorf("% x was read as %+v, which is % x", b, r, again)
		}
	})
}

func FuzzDecodePayload(f *testing.F) {
	for _, r := range seedRecords() {
		f.Add(r.AppendPayload(nil))
	}
	f.Add(AppendErased(nil, Hash{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Record
		if DecodePayload(b, &r) != nil {
			return
		}
		if again := r.AppendPayload(nil); !bytes.Equal(again, b) {
			t.Errorf("% x was read as %+v, which is % x", b, r, again)
		}
		used := full(t)
		if err := DecodePayload(b, &used); err != nil || !bytes.Equal(used.AppendPayload(nil), b) {
			t.Errorf("% x reads otherwise into a record that was used: %v", b, err)
		}
	})
}

func FuzzNextRecord(f *testing.F) {
	var all []byte
	for _, r := range seedRecords() {
		all = AppendRecord(all, &r)
		f.Add(AppendRecord(nil, &r))
	}
	f.Add(all)
	f.Add(AppendRecord(nil, &Record{Text: bytes.Repeat([]byte("x"), 300)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			env, payload, rest, err := NextRecord(b)
			if err != nil {
				return
			}
			if len(rest) >= len(b) || len(env)+len(payload)+len(rest) > len(b)-2 {
				t.Fatalf("%d bytes became %d, %d and %d", len(b), len(env), len(payload), len(rest))
			}
			var r Record
			if left, err := Decode(b, &r); err == nil {
				if again := AppendRecord(nil, &r); !bytes.Equal(again, b[:len(b)-len(left)]) {
					t.Errorf("% x is written % x", b[:len(b)-len(left)], again)
				}
			}
			b = rest
		}
	})
}

// The fuzzer can't make sums match, so it also gets at what they protect.
func FuzzParseBlock(f *testing.F) {
	for _, n := range []int{0, 1, 20} {
		raw := sampleBlock(n).AppendTo(nil)
		f.Add(raw, raw[prefixSize:], sampleBlock(n).Data)
	}
	f.Add(storedBlock(2).AppendTo(nil), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, raw, head, data []byte) {
		if b, err := ParseBlock(raw); err == nil {
			if again := b.AppendTo(nil); !bytes.Equal(again, raw) {
				t.Error("a block was read that is written otherwise")
			}
			drain(b)
		}
		b, err := parseHead(head)
		if err != nil {
			return
		}
		b.Data, b.Raw = data, min(b.Raw, 1<<20)
		drain(b)
		if whole, err := ParseBlock(b.AppendTo(nil)); err != nil || !reflect.DeepEqual(whole, b) {
			t.Errorf("a head with data is no block: %v", err)
		}
	})
}

func drain(b *Block) {
	for r, err := range b.Records() {
		if err != nil {
			return
		}
		_ = r.AppendPayload(nil)
	}
}

// No binary parameter, whatever its bytes, makes a text much longer than itself, nor ends the program.
func FuzzParamParts(f *testing.F) {
	f.Add(uint32(oidNumeric), []byte{0, 2, 0, 0, 0x40, 0, 0, 2, 0, 12, 0x0d, 0x48})
	f.Add(uint32(oidNumeric), []byte{0, 0, 0x7f, 0xff, 0, 0, 0x3f, 0xff})
	f.Add(uint32(oidInterval), make([]byte, 16))
	f.Add(uint32(1007), []byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff})
	f.Add(uint32(1231), []byte{0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 6, 0xa4})
	f.Fuzz(func(t *testing.T, typ uint32, value []byte) {
		p := Param{Type: typ, Format: 1, Value: value}
		text := p.AppendText([]byte("kept"))
		if !bytes.HasPrefix(text, []byte("kept")) {
			t.Fatal("it wrote over what was there")
		}
		if n := len(text); n > 300*len(value)+2*maxNumeric {
			t.Errorf("%d bytes became %d", len(value), n)
		}
	})
}
