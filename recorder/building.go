package recorder

import (
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// building is the block that records are being put in. Its buffers are used again for the next.
type building struct {
	pos, end    journal.Position
	began       time.Time // when its first record came
	first, last int64     // At
	count       int
	kinds       uint64
	raw         []byte // the records
	spans       []record.Span
	heads       []*head // of the spans
	index       map[record.ID]int
	words       record.WordSet
	packed, out []byte // compressed; the whole block's bytes
}

func (b *building) reset(pos journal.Position) {
	if b.index == nil {
		b.index = make(map[record.ID]int)
	}
	clear(b.index)
	clear(b.heads)
	b.words.Reset()
	b.pos, b.end, b.count, b.kinds = pos, pos, 0, 0
	b.raw, b.spans, b.heads = b.raw[:0], b.spans[:0], b.heads[:0]
}

// breaks reports whether r can't go on its session's span, since records before it are missing.
func (b *building) breaks(r *record.Record) bool {
	i, ok := b.index[r.Session]
	return ok && b.spans[i].Last+1 != r.Seq
}

// add puts a record in and takes its session's chain on by one.
func (b *building) add(r *record.Record, h *head, raw, env, payload []byte) {
	i, ok := b.index[r.Session]
	if !ok {
		i = len(b.spans)
		b.index[r.Session] = i
		b.spans = append(b.spans, record.Span{Session: r.Session, First: r.Seq, Before: h.hash, Secret: h.salts.Secret()})
		b.heads = append(b.heads, h)
	}
	if b.count == 0 {
		b.began, b.first, b.last = time.Now(), r.At, r.At
	}
	h.hash = record.Next(h.hash, h.salts, r.Seq, env, payload)
	h.next = r.Seq + 1
	h.closed = r.Kind == record.KindClose
	b.spans[i].Last, b.spans[i].After = r.Seq, h.hash
	b.first, b.last = min(b.first, r.At), max(b.last, r.At)
	b.count++
	b.kinds |= 1 << min(r.Kind, 63)
	b.raw = append(b.raw, raw...)
	b.words.AddRecord(r)
}

// seal returns the block. Its slices are b's until the next reset, but for the filter.
func (b *building) seal() *record.Block {
	b.packed = record.Pack(b.packed[:0], b.raw)
	return &record.Block{Pos: uint64(b.pos), End: uint64(b.end), First: b.first, Last: b.last, Count: b.count, Raw: len(b.raw),
		Kinds: b.kinds, Spans: b.spans, Words: b.words.Filter(), Data: b.packed}
}
