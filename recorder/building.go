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
	weight      int // of the records, towards a full block
	raw         []byte // the records
	spans       []record.Span
	heads       []*head // of the spans
	words       record.WordSet
	packed, out []byte // compressed; the whole block's bytes
}

func (b *building) reset(pos journal.Position) {
	clear(b.heads)
	b.words.Reset()
	b.pos, b.end, b.count, b.kinds, b.weight = pos, pos, 0, 0, 0
	b.raw, b.spans, b.heads = b.raw[:0], b.spans[:0], b.heads[:0]
}

// breaks reports whether r can't go on its session's span, since records before it are missing.
func (b *building) breaks(h *head, r *record.Record) bool {
	return h.block == b.number && h.next != r.Seq
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
	b.weight += min(len(e.raw), heaviest)
	b.raw = append(b.raw, e.raw...)
	return nil
}

// heaviest bounds what a record counts for, in bytes: content that comes in large pieces makes blocks of maxBlockSize, sixteen
// times as large as statements do. A file a block, synced and listed, costs more than what is in it, and blocks of that size
// aren't rewritten.
const heaviest = 1 << 10 // 1 KiB

// full reports whether the block has what makes one: size bytes of records.
func (b *building) full(size int) bool { return b.weight >= size || len(b.raw) >= maxBlockSize }

// seal returns the block. Its slices are b's until the next reset, but for the filter.
func (b *building) seal() *record.Block {
	b.packed = record.Pack(b.packed[:0], b.raw)
	sealed := &record.Block{Pos: uint64(b.pos), End: uint64(b.end), First: b.first, Last: b.last, Count: b.count, Raw: len(b.raw),
		Kinds: b.kinds, Spans: b.spans, Words: b.words.Filter(), Data: b.packed}
	return sealed.WithRaw(b.raw)
}
