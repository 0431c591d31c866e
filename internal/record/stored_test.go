package record

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// denseBlock is a block of n records of content, each of another session, and their bytes behind HeadRoom.
func denseBlock(n int) (*Block, []byte) {
	b, buf := &Block{Pos: 64, End: 128, Count: n, Kinds: 1 << KindOutput}, make([]byte, HeadRoom)
	text := make([]byte, 128<<10)
	rand.NewChaCha8([32]byte{2}).Read(text)
	for i := range n {
		r := Record{Session: ID{byte(i), byte(i >> 8)}, At: 1, Kind: KindOutput, Text: text}
		buf = AppendRecord(buf, &r)
		b.Spans = append(b.Spans, Span{Session: r.Session, Before: Start(r.Session), Secret: NewSecret([16]byte{1})})
	}
	return b, buf
}

// Content was copied twice to be sealed: it is sealed where it lies, page by page, so that it is written from there.
func TestContentIsSealedWhereItLies(t *testing.T) {
	b, buf := denseBlock(3)
	records := bytes.Clone(buf[HeadRoom:])
	raw := b.Seal(nil, append(buf, 0, 0, 0, 0)[:len(buf)])
	if !b.Stored || &raw[HeadRoom] != &b.Data[0] || len(raw) != HeadRoom+len(records)+4 {
		t.Fatalf("stored: %v, %d bytes of %d", b.Stored, len(raw), len(records))
	}
	holds(t, raw, records, 3)
	if again := b.AppendTo(nil); !bytes.Equal(again, raw) {
		t.Error("AppendTo makes other bytes of it")
	}
}

// A head that is longer than the room before the records, since many sessions carry content, has the block made elsewhere.
func TestContentOfManySessionsIsSealed(t *testing.T) {
	b, buf := denseBlock(60)
	records := bytes.Clone(buf[HeadRoom:])
	raw := b.Seal(nil, buf)
	if b.Stored {
		t.Fatal("there is no room for its head")
	}
	holds(t, raw, records, 60)
}

func holds(t *testing.T, raw, records []byte, count int) {
	t.Helper()
	b, err := ParseBlock(raw)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := b.Unpack(nil)
	if err != nil || !bytes.Equal(unpacked, records) {
		t.Fatalf("%d bytes of records came back as %d, %v", len(records), len(unpacked), err)
	}
	n := 0
	for _, err := range b.Records() {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != count || len(b.Spans) != count {
		t.Errorf("%d records of %d sessions, want %d of each", n, len(b.Spans), count)
	}
}

// What is erased from a block that holds its records as they are must not stay in what is made of it.
func TestAStoredBlockIsErasedFrom(t *testing.T) {
	b, buf := denseBlock(2)
	b.Seal(nil, buf)
	left, err := b.Spans[0].Secret.Puncture(0)
	if err != nil {
		t.Fatal(err)
	}
	erased, err := b.Redact(ID{0, 0}, func(uint64) bool { return true }, left)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseBlock(erased.AppendTo(nil))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := again.Unpack(nil)
	if err != nil || again.Count != 2 || len(raw) > 129<<10 || len(again.Data) > 129<<10 {
		t.Errorf("%d bytes are left of two records of 128 KiB, one of which was erased: %v", len(raw), err)
	}
}

// A block that claims another size for what it holds as it is is damaged.
func TestAStoredBlockOfAnotherSizeIsFound(t *testing.T) {
	b, _ := denseBlock(1)
	b.Data, b.Raw, b.Stored = make([]byte, 100), 99, true
	if _, err := ParseBlock(b.AppendTo(nil)); err == nil {
		t.Error("it was taken")
	}
}
