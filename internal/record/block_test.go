package record

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"testing"
)

// sampleBlock is a block of n records of two sessions.
func sampleBlock(n int) *Block {
	b := &Block{Pos: 1<<32 + 64, End: 1<<32 + 9000, First: 5, Last: 10, Kinds: 1<<KindQuery | 1<<KindOpen}
	var raw []byte
	var set WordSet
	for i := range n {
		r := typical()
		r.Session, r.Seq = ID{byte(i%2) + 1}, uint64(i/2)
		raw = AppendRecord(raw, &r)
		set.AddRecord(&r)
	}
	for i := range min(n, 2) {
		b.Spans = append(b.Spans, Span{Session: ID{byte(i) + 1}, Last: uint64((n - 1 - i) / 2), Before: Start(ID{byte(i) + 1}), After: Hash{9}, Secret: NewSecret([16]byte{4})})
	}
	b.Count, b.Raw, b.Words, b.Data = n, len(raw), set.Filter(), Pack(nil, raw)
	return b
}

// storedBlock is a sampleBlock that holds its records as they are.
func storedBlock(n int) *Block {
	b := sampleBlock(n)
	raw, err := b.Unpack(nil)
	if err != nil {
		panic(err)
	}
	b.Data, b.Stored = raw, true
	return b
}

func TestBlockComesBackAsItWas(t *testing.T) {
	for _, n := range []int{0, 1, 2, 500} {
		comesBack(t, n, sampleBlock(n))
		if n > 0 {
			comesBack(t, n, storedBlock(n))
		}
	}
}

func comesBack(t *testing.T, n int, want *Block) {
	t.Helper()
	if n == 0 {
		want.Spans, want.Words.Bits = []Span{}, []byte{}
	}
	raw := want.AppendTo([]byte("before"))[6:]
	got, err := ParseBlock(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("wrote %+v\nread  %+v", want, got)
	}
	count := 0
	for r, err := range got.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq != uint64(count/2) || string(r.Text) != string(typical().Text) {
			t.Errorf("record %d is %+v", count, r)
		}
		count++
	}
	if count != n {
		t.Errorf("%d records, want %d", count, n)
	}
}

func TestTheSameRecordsPackToTheSameBytes(t *testing.T) {
	first := sampleBlock(800).AppendTo(nil)
	for _, other := range []int{3, 500, 2000} { // the encoder's state must not show
		sampleBlock(other)
		if !bytes.Equal(sampleBlock(800).AppendTo(nil), first) {
			t.Fatal("the same records made other bytes")
		}
	}
}

func TestEveryFlippedBitOfABlockIsFound(t *testing.T) {
	everyFlippedBit(t, sampleBlock(20).AppendTo(nil))
}

func TestEveryFlippedBitOfAStoredBlockIsFound(t *testing.T) {
	everyFlippedBit(t, storedBlock(20).AppendTo(nil))
}

func everyFlippedBit(t *testing.T, raw []byte) {
	t.Helper()
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			_, err := ParseBlock(raw)
			var format *FormatError
			var version *VersionError
			switch {
			case errors.As(err, &version):
				if i != len(blockMagic) {
					t.Fatalf("byte %d: %v", i, err)
				}
			case !errors.As(err, &format):
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			case format.Offset > i && i >= prefixSize:
				t.Fatalf("byte %d, bit %d is behind it: %v", i, bit, err)
			}
			raw[i] ^= 1 << bit
		}
	}
}

func TestABlockCutShortOrTooLongIsFound(t *testing.T) {
	raw := sampleBlock(20).AppendTo(nil)
	for n := range raw {
		if _, err := ParseBlock(raw[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for a block", n, len(raw))
		}
	}
	if _, err := ParseBlock(append(raw, 0)); err == nil {
		t.Error("a byte too many was taken")
	}
}

// A block whose sums are right and whose content isn't: made by a fault, or by someone.
func TestRecordsThatDoNotFitTheirHeadAreFound(t *testing.T) {
	for name, change := range map[string]func(*Block){
		"a record more":          func(b *Block) { b.Count-- },
		"a record less":          func(b *Block) { b.Count++ },
		"shorter than said":      func(b *Block) { b.Raw++ },
		"longer than said":       func(b *Block) { b.Raw-- },
		"not zstd":               func(b *Block) { b.Data = []byte("nonsense") },
		"not records":            func(b *Block) { b.Data = Pack(nil, bytes.Repeat([]byte{1}, b.Raw)) },
		"a bomb":                 func(b *Block) { b.Data = Pack(nil, make([]byte, MaxRaw+1)) },
		"more than may be asked": func(b *Block) { b.Raw = MaxRaw + 1 },
	} {
		b := sampleBlock(10)
		change(b)
		var last error
		for _, err := range b.Records() {
			last = err
		}
		if last == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// These files were written by each version of the format and must be readable for ever.
func TestAllFormatsAreStillRead(t *testing.T) {
	for name, now := range map[string]*Block{"testdata/v2.gfb": nil, "testdata/v3.gfb": sampleBlock(20), "testdata/v4.gfb": storedBlock(20)} {
		if os.Getenv("GOLDEN") != "" && now != nil {
			if err := os.WriteFile(name, now.AppendTo(nil), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		isSample(t, raw)
	}
}

// A flipped bit in a block of any version is noticed.
func TestEachFlippedByteOfAnOldBlockIsNoticed(t *testing.T) {
	raw, err := os.ReadFile("testdata/v2.gfb")
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 0x10
		if _, err := ParseBlock(raw); err == nil {
			t.Errorf("byte %d", i)
		}
		raw[i] ^= 0x10
	}
}

func isSample(t *testing.T, raw []byte) {
	t.Helper()
	b, err := ParseBlock(raw)
	if err != nil {
		t.Fatal(err)
	}
	got, want := *b, *sampleBlock(20)
	got.Data, want.Data = nil, nil // another release of zstd may pack otherwise
	got.Stored = false
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	n := uint64(0)
	for r, err := range b.Records() {
		want := typical()
		if want.Session, want.Seq = r.Session, n/2; err != nil || !reflect.DeepEqual(r, want) {
			t.Fatalf("record %d: %+v, %v", n, r, err)
		}
		n++
	}
}

func BenchmarkPack(b *testing.B) {
	blk := sampleBlock(1500)
	raw, err := blk.Unpack(nil)
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		out = Pack(out[:0], raw)
	}
}

func BenchmarkRecords(b *testing.B) {
	blk := sampleBlock(1500)
	b.SetBytes(int64(blk.Raw))
	for b.Loop() {
		for _, err := range blk.Records() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
