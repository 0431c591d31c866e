package recorder

import (
	"math/rand/v2"
	"testing"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// Content was sealed in blocks of 256 KiB, each of which was rewritten: a block of it is cut as large as it stays.
func TestBlocksOfContentAreLarge(t *testing.T) {
	b := newBed(t)
	b.opts.BlockSize, b.opts.Seal, b.opts.Journal = 0, 0, journal.Options{}
	r := b.open()
	tape := start(t, r)
	piece := make([]byte, 32<<10)
	rand.NewChaCha8([32]byte{1}).Read(piece)
	const pieces = 3 * maxBlockSize / (32 << 10)
	for range pieces {
		if _, err := tape.Append(record.Record{Kind: record.KindOutput, Text: piece}); err != nil {
			t.Fatal(err)
		}
	}
	b.close(r)
	large := 0
	for blk, err := range b.home.blocks() {
		if err != nil {
			t.Fatal(err)
		}
		if blk.Raw > maxBlockSize+64<<10 {
			t.Errorf("a block of %d bytes", blk.Raw)
		}
		if blk.Raw >= maxBlockSize {
			large++
		}
		if over := len(blk.Data) - blk.Raw; over > blk.Raw/1000 {
			t.Errorf("%d bytes of content take %d", blk.Raw, len(blk.Data))
		}
	}
	if large == 0 {
		t.Error("no block is large")
	}
}

// Small records aren't kept waiting for a large block.
func TestALimitFollowsTheRecords(t *testing.T) {
	const size = 256 << 10
	for _, c := range []struct{ bytes, count, text, content int }{
		{100, 1, size, size}, {size, 2000, size, size}, {largeRecord, 1, textBlock, maxBlockSize}, {maxBlockSize, 128, textBlock, maxBlockSize},
	} {
		b := building{buf: make([]byte, record.HeadRoom+c.bytes), count: c.count}
		text := b.limit(size)
		b.words.AddText(make([]byte, largeRecord))
		if content := b.limit(size); text != c.text || content != c.content {
			t.Errorf("%d bytes of %d records: %d of text, %d of content, want %d and %d", c.bytes, c.count, text, content, c.text, c.content)
		}
	}
}
