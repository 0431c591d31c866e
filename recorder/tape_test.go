package recorder

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// Values of any length come back whole, however they were split, and a word of them is found.
func TestALongRecordIsSplitAndJoined(t *testing.T) {
	long := []byte(strings.Repeat("lorem ipsum dolor ", 5000)) // 90 KB, over a chunk of 4 KB
	blob := bytes.Repeat([]byte("AQID"), 10000)
	for name, want := range map[string]record.Record{
		"text":            {Kind: record.KindQuery, Text: long, Rule: "r"},
		"text and params": {Kind: record.KindQuery, Text: long, Params: []record.Param{{Type: 1, Value: []byte("p")}, {Value: blob}}},
		"params": {Kind: record.KindBind, Of: 3, Name: []byte("s"), Params: []record.Param{
			{Type: 25, Value: blob}, {Null: true}, {Type: 17, Format: 1, Value: long}, {Type: 23}}},
		"many params": {Kind: record.KindBind, Params: slicesOf(5000, record.Param{Type: 23, Value: []byte("12345")})},
		"message":     {Kind: record.KindNotice, Message: long},
		"lists": {Kind: record.KindQuery, Text: []byte("x"), Tables: slicesOf(3000, "public.table"),
			Columns: []string{"a", strings.Repeat("b", 9000), "c"}},
		"name": {Kind: record.KindParse, Name: long, Portal: blob, Text: []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			r := b.open()
			tape := start(t, r)
			want.At = 5
			seq := put(t, tape, want)
			after := put(t, tape, record.Record{Kind: record.KindNotice})
			b.close(r)
			list := b.verify()[tape.id]
			got := list[1]
			want.Session, want.Seq, want.Length = tape.id, seq, got.Length
			if !reflect.DeepEqual(got, want) {
				t.Errorf("joined: %.300s", fmt.Sprintf("%+v", got))
			}
			if after < seq+2 || list[2].Seq != after {
				t.Errorf("it took numbers %d to %d: it wasn't split", seq, after)
			}
		})
	}
}

func slicesOf[T any](n int, v T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}

// Split at random, the parts are small, tell where they belong, and no word is torn.
func TestSplitKeepsWordsWhole(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		room := 200 + rnd.IntN(2000)
		var r record.Record
		for len(r.Text) < 5*room {
			r.Text = append(append(r.Text, strings.Repeat("w", 1+rnd.IntN(150))...), ' ')
		}
		whole := r.Clone()
		r.Seq = 9
		var set, parts record.WordSet
		set.AddText(r.Text)
		var joined record.Record
		offset := uint64(0)
		for i, p := range split(r, room) {
			if payloadSize(&p) > room {
				t.Fatalf("a part of %d bytes, want at most %d", payloadSize(&p), room)
			}
			if i > 0 && (p.Kind != record.KindData || p.Of != 9 || p.Bytes != offset) {
				t.Fatalf("part %d is of %d at %d, want 9 at %d", i, p.Of, p.Bytes, offset)
			}
			offset += uint64(len(p.Text))
			parts.AddText(p.Text)
			joined.Extend(&p)
		}
		if !bytes.Equal(joined.Text, whole.Text) {
			t.Fatal("the parts are not the whole")
		}
		f := parts.Filter()
		record.Words(whole.Text, func(word []byte) {
			if !f.May(word) {
				t.Fatalf("%q is in no part", word)
			}
		})
	}
}

// A protocol that streams a value itself, in parts that are too long: all go on with the same record.
func TestAPartThatIsSplitBelongsToTheFirst(t *testing.T) {
	data := record.Record{Seq: 8, Kind: record.KindData, Of: 3, Flags: record.FlagMore, Bytes: 100, Text: bytes.Repeat([]byte("x"), 1000)}
	at := uint64(100)
	for _, p := range split(data, 300) {
		if p.Of != 3 || p.Flags&record.FlagMore == 0 || p.Bytes != at {
			t.Errorf("%+v", p)
		}
		at += uint64(len(p.Text))
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	b := newBed(t)
	b.opts.Journal = journal.Options{}
	r := b.open()
	tape := start(t, r)
	r.cancel() // the sealer allocates for each block
	<-r.sealer.done
	text, code := []byte("select abalance from pgbench_accounts where aid = 1"), []byte("SELECT 1")
	n := testing.AllocsPerRun(1000, func() {
		seq, _ := tape.Append(record.Record{Kind: record.KindQuery, Text: text, Verdict: record.VerdictAllow, Rule: "r"})
		tape.Append(record.Record{Kind: record.KindResult, Of: seq, Text: code, Rows: 1})
		tape.Sync()
	})
	if n != 0 {
		t.Errorf("%v allocations a statement", n)
	}
}

func FuzzDecodeEntry(f *testing.F) {
	r := record.Record{Seq: 1, Kind: record.KindQuery, Text: []byte("select 1")}
	f.Add(record.AppendRecord([]byte{entryRecord}, &r))
	f.Add(record.AppendRecord(append([]byte{entryFirst}, make([]byte, secretSize)...), &r))
	f.Fuzz(func(t *testing.T, entry []byte) {
		var r record.Record
		e, err := decodeEntry(entry, &r)
		if err != nil {
			return
		}
		again := []byte{entryRecord}
		if e.secret != nil {
			again = append([]byte{entryFirst}, e.secret[:]...)
		}
		if !bytes.Equal(record.AppendRecord(again, &r), entry) || len(e.env)+len(e.payload) >= len(e.raw) {
			t.Errorf("% x was read as %+v", entry, r)
		}
	})
}

func FuzzParseBounds(f *testing.F) {
	f.Add(bounds{}.appendTo(nil))
	f.Add(bounds{1<<32 + 64, 2 << 32}.appendTo(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		if b, err := parseBounds(p); err == nil && !bytes.Equal(b.appendTo(nil), p) {
			t.Errorf("% x was read as %v", p, b)
		}
	})
}

// BenchmarkTape is a statement and its result, with the sealer at work and a home that takes all.
func BenchmarkTape(b *testing.B) {
	bed := newBed(b)
	bed.opts = Options{Dir: bed.opts.Dir, Home: bed.home, Log: slog.New(slog.DiscardHandler)}
	r := bed.open()
	tape := start(b, r)
	text := []byte("SELECT abalance FROM pgbench_accounts WHERE aid = 48213;")
	b.ReportAllocs()
	for b.Loop() {
		seq := put(b, tape, record.Record{Kind: record.KindQuery, At: 1, Text: text, Verdict: record.VerdictAllow, Rule: "starter.reads",
			Digest: 77, Actions: []string{"select"}, Tables: []string{"pgbench_accounts"}})
		put(b, tape, record.Record{Kind: record.KindResult, At: 1, Of: seq, Text: []byte("SELECT 1"), Rows: 1, Bytes: 20, Took: 100000})
	}
}
