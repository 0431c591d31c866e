package record

import (
	"bytes"
	"reflect"
	"testing"
)

// outlined makes a block of one record of each kind, all with all fields set.
func outlined(t *testing.T) (b *Block, raw []byte) {
	t.Helper()
	r := full(t)
	b = &Block{}
	for r.Kind = KindOpen; r.Kind < kindEnd; r.Kind++ {
		raw = AppendRecord(raw, &r)
		b.Count++
	}
	b.Raw, b.Data = len(raw), Pack(nil, raw)
	return b, raw
}

func TestAnOutlineTellsASessionsLine(t *testing.T) {
	b, raw := outlined(t)
	for _, kept := range [][]byte{nil, raw} {
		var want, got Session
		for r, err := range b.Records() {
			if err != nil {
				t.Fatal(err)
			}
			want.Add(&r)
		}
		n := 0
		for r, err := range b.WithRaw(kept).Outline() {
			if err != nil {
				t.Fatal(err)
			}
			n++
			got.Add(&r)
		}
		if n != b.Count || !reflect.DeepEqual(got, want) || want.User == "" || want.Message == "" {
			t.Errorf("%d records make %+v, want %d and %+v", n, got, b.Count, want)
		}
	}
}

func TestAnOutlineTellsOfDamage(t *testing.T) {
	b, raw := outlined(t)
	for name, hurt := range map[string]func(b *Block, raw []byte) []byte{
		"a record less": func(b *Block, raw []byte) []byte { b.Count++; return raw },
		"cut short":     func(b *Block, raw []byte) []byte { return raw[:len(raw)-1] },
		"a bad length":  func(b *Block, raw []byte) []byte { raw[0], raw[1] = 0xff, 0x7f; return raw },
	} {
		t.Run(name, func(t *testing.T) {
			c := *b
			var err error
			for _, err = range c.WithRaw(hurt(&c, bytes.Clone(raw))).Outline() {
			}
			if err == nil {
				t.Error("nothing is said")
			}
		})
	}
}
