package record

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// rewritten is a block of some sessions, session by session, of about 2 MiB: several frames.
func rewritten(t *testing.T) (b *Block, raw []byte) {
	t.Helper()
	b = &Block{Pos: 1, End: 2}
	var ends []int
	for s, n := range []int{3, 9000, 1, 2500, 40} {
		id := ID{byte(s + 1)}
		b.Spans = append(b.Spans, Span{Session: id, First: 100, Last: 100 + uint64(n) - 1, Secret: NewSecret([16]byte{1})})
		for i := range n {
			r := Record{Session: id, Seq: 100 + uint64(i), Kind: KindQuery, At: 1, Text: []byte(strings.Repeat("select ", 20))}
			raw = AppendRecord(raw, &r)
			ends = append(ends, len(raw))
		}
		b.Count += n
	}
	b.Raw, b.Kinds, b.First, b.Last = len(raw), 1<<KindQuery, 1, 1
	b.Data = Repack(nil, raw, ends)
	return b, raw
}

// whose are the records of each session in a block, by number.
func whose(t *testing.T, b *Block) map[byte][]uint64 {
	t.Helper()
	seqs := make(map[byte][]uint64)
	for r, err := range b.Records() {
		if err != nil {
			t.Fatal(err)
		}
		seqs[r.Session[0]] = append(seqs[r.Session[0]], r.Seq)
	}
	return seqs
}

func TestRepacked(t *testing.T) {
	b, raw := rewritten(t)
	parsed, err := ParseBlock(b.AppendTo(nil))
	if err != nil || !parsed.Sorted() {
		t.Fatal(err, parsed.Sorted())
	}
	if got, err := parsed.Unpack(nil); err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("what was packed in frames comes back otherwise: %v", err)
	}
	if n := len(parsed.frames()); n < 4 {
		t.Errorf("%d frames of %d bytes", n, len(raw))
	}
}

func TestOnly(t *testing.T) {
	b, raw := rewritten(t)
	for _, c := range []struct {
		sessions    []byte
		first, last uint64
		most        int // bytes of records
	}{
		{[]byte{1}, 0, 0, len(raw) / 3},
		{[]byte{4}, 0, 0, len(raw) / 2},
		{[]byte{5}, 0, 0, len(raw) / 3},
		{[]byte{2}, 5000, 5010, len(raw) / 3},
		{[]byte{2}, 9000, 0, len(raw) / 3},
		{[]byte{1, 5}, 0, 0, len(raw) / 2},
		{[]byte{1, 2, 3, 4, 5}, 0, 0, len(raw)},
		{[]byte{9}, 0, 0, 0},
		{[]byte{1}, 500, 0, 0},
	} {
		part := b.Only(func(id ID) bool { return slices.Contains(c.sessions, id[0]) }, c.first, c.last)
		if part.Raw > c.most || !part.Part {
			t.Errorf("%v: %d bytes of %d, want at most %d", c.sessions, part.Raw, len(raw), c.most)
		}
		got := whose(t, part)
		for _, s := range c.sessions {
			for _, span := range b.Spans {
				if span.Session[0] != s {
					continue
				}
				for seq := max(span.First, c.first); seq <= span.Last && (c.last == 0 || seq <= c.last); seq++ {
					if _, ok := slices.BinarySearch(got[s], seq); !ok {
						t.Fatalf("%v: record %d of session %d is left out", c.sessions, seq, s)
					}
				}
			}
		}
		listed := make(map[byte]bool)
		for _, span := range part.Spans {
			listed[span.Session[0]] = true
		}
		for s := range got {
			if !listed[s] {
				t.Errorf("%v: the part holds records of session %d and does not list it", c.sessions, s)
			}
		}
	}
}

// A block whose index does not agree with it, or that has none, is read whole.
func TestOnlyOfWhatCannotBeTakenApart(t *testing.T) {
	b, raw := rewritten(t)
	none := func(ID) bool { return false }
	fresh := *b
	fresh.Data = Pack(nil, raw)
	if fresh.Only(none, 0, 0) != &fresh || fresh.Sorted() {
		t.Error("a block in the journal's order was taken apart")
	}
	for _, at := range []int{4, 8, 12, 16} {
		lies := *b
		lies.Data = bytes.Clone(b.Data)
		lies.Data[at]++
		if lies.Only(none, 0, 0) != &lies {
			t.Errorf("byte %d of the index says otherwise, and the block was taken apart", at)
		}
	}
	lies := *b
	lies.Spans = slices.Clone(b.Spans)
	lies.Spans[2].Last += 1000
	if lies.Only(none, 0, 0) != &lies {
		t.Error("its head lists records that aren't there, and the block was taken apart")
	}
}

func FuzzFrames(f *testing.F) {
	raw := AppendRecord(nil, &Record{Session: ID{1}, Kind: KindQuery, Text: []byte("select 1")})
	f.Add(Repack(nil, raw, []int{len(raw)}), len(raw), 1, uint64(0), uint64(0))
	f.Add([]byte("\x5e\x2a\x4d\x18\x00\x00\x00\x00"), 0, 0, uint64(0), uint64(9))
	f.Fuzz(func(t *testing.T, data []byte, raw, count int, first, last uint64) {
		b := &Block{Data: data, Raw: raw & (MaxRaw - 1), Count: count & (MaxRaw - 1), Spans: []Span{{Session: ID{1}, Last: last & MaxSeq}, {Session: ID{2}}}}
		part := b.Only(func(id ID) bool { return id[0] == 2 }, first, 0)
		if part.Raw > b.Raw || part.Count > b.Count || len(part.Data) > len(data) {
			t.Errorf("a part is more than the whole: %d of %d bytes", part.Raw, b.Raw)
		}
	})
}

func TestProbe(t *testing.T) {
	for _, n := range []int{0, 10, 50_000} { // read at once, and bit by bit
		var words [][]byte
		f := NewFilter(n)
		for i := range n {
			words = append(words, []byte{'w', 'a' + byte(i%26), 'a' + byte(i/26%26), 'a' + byte(i/676%26), 'a' + byte(i/17576)})
			f.Add(words[i])
		}
		b := &Block{Spans: []Span{{Session: ID{1}, Secret: NewSecret([16]byte{1})}}, Words: f, Data: []byte("data")}
		raw := b.AppendTo(nil)
		p := Probe{Bytes: bytes.NewReader(raw), Place: FilterIn(b, raw)}
		seen := 0
		if err := p.May(words, func(int) { seen++ }); err != nil || seen != n {
			t.Errorf("%d of %d words found: %v", seen, n, err)
		}
		others := [][]byte{[]byte("giraffe"), []byte("okapi"), []byte("zebra"), []byte("lion")}
		seen = 0
		if err := p.May(others, func(i int) {
			if !f.May(others[i]) {
				t.Errorf("%s: the filter itself says no", others[i])
			}
			seen++
		}); err != nil || seen == len(others) {
			t.Errorf("%d words that were not added were found: %v", seen, err)
		}
	}
}
