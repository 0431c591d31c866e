package recorder

import (
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// building is the block that records are being put in. Its buffers are used again for another.
type building struct {
	number      uint64 // counted from 1 in this run
	pos, end    journal.Position
	began       time.Time // when its first record came
	first, last int64     // At
	count       int
	kinds       uint64
	buf         []byte // the records, behind record.HeadRoom bytes
	spans       []record.Span
	heads       []*head // of the spans
	words       record.WordSet
}

func (b *building) reset(pos journal.Position) {
	if cap(b.buf) > keptRoom && len(b.buf) < keptRoom {
		b.buf = nil // content has passed
	}
	clear(b.heads)
	b.words.Reset()
	b.pos, b.end, b.count, b.kinds = pos, pos, 0, 0
	b.buf, b.spans, b.heads = append(b.buf[:0], headRoom[:]...), b.spans[:0], b.heads[:0]
}

var headRoom [record.HeadRoom]byte

// size is how many bytes of records there are.
func (b *building) size() int { return len(b.buf) - record.HeadRoom }

// keptRoom is what a block's buffers have while no content passes, at the most.
const keptRoom = 2 * defaultBlock

// breaks reports whether r can't go on its session's span, since records before it are missing.
func (b *building) breaks(h *head, r *record.Record) bool {
	return h.block == b.number && h.next != r.Seq
}

// A block of large records is cut as large as rewriting would make it, so that it stays as it is, and one of content, of which no
// words are kept, larger still: the words of more text than that don't stay in the processor's cache. What people and programs say
// gathers slowly, and is better at home soon.
const (
	largeRecord = 4 << 10 // 4 KiB, on average
	textBlock   = 4 << 20 // 4 MiB
)

// limit is how many bytes of records make the block full, as its records so far tell, where size do that with small ones.
func (b *building) limit(size int) int {
	if b.size() < b.count*largeRecord {
		return size
	}
	if b.words.Any() {
		return maxBlockSize
	}
	return textBlock
}

// add puts a record in and takes its session's chain on by one; of r the envelope is set. An error says that its payload
// can't be read: nothing was put in.
func (b *building) add(r *record.Record, h *head, e *entry) error {
	if err := b.words.AddPayload(r.Kind, e.payload); err != nil {
		return err
	}
	b.words.AddText(r.Code)
	if h.block != b.number {
		h.block, h.span = b.number, len(b.spans)
		b.spans = append(b.spans, record.Span{Session: r.Session, First: r.Seq, Before: h.hash, Secret: h.salts.Secret()})
		b.heads = append(b.heads, h)
	}
	if b.count == 0 {
		b.began, b.first, b.last = time.Now(), r.At, r.At
	}
	h.hash = record.Next(h.hash, h.salts, r.Seq, e.env, e.payload)
	h.next = r.Seq + 1
	h.closed = r.Kind == record.KindClose
	span := &b.spans[h.span]
	span.Last, span.After = r.Seq, h.hash
	b.first, b.last = min(b.first, r.At), max(b.last, r.At)
	b.count++
	b.kinds |= 1 << min(r.Kind, 63)
	b.buf = append(b.buf, e.raw...)
	return nil
}

// seal makes the block and its bytes, in its own room or in out's. Its slices are b's until the next reset, but for the filter.
func (b *building) seal(out []byte) (sealed *record.Block, raw []byte) {
	sealed = &record.Block{Pos: uint64(b.pos), End: uint64(b.end), First: b.first, Last: b.last, Count: b.count,
		Kinds: b.kinds, Spans: b.spans, Words: b.words.Filter()}
	return sealed, sealed.Seal(out, b.buf)
}
