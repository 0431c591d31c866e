package replay

import (
	"context"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// cacheSize is how many records, and how many sessions, a search keeps at hand.
const cacheSize = 1 << 14 // 16 Ki

// place names a record.
type place struct {
	session record.ID
	seq     uint64
}

// links finds records by what others say of them: in the block at hand, among those met before, else in the store.
type links struct {
	local   map[place]*record.Record   // the block's, by their own place
	pieces  map[place][]*record.Record // the block's KindData, by the record that they go on
	results map[place]*record.Record   // by what they answer: the block's, and those of blocks before it
	known   map[place]*record.Record   // from other blocks, whole; nil: it isn't there
}

// begin forgets the block at hand.
func (l *links) begin() {
	if l.local == nil {
		l.local, l.pieces = make(map[place]*record.Record), make(map[place][]*record.Record)
	}
	clear(l.local)
	clear(l.pieces)
	if l.results == nil || len(l.results) >= cacheSize {
		l.results = make(map[place]*record.Record)
	}
	if l.known == nil || len(l.known) >= cacheSize {
		l.known = make(map[place]*record.Record)
	}
}

// note keeps r, which must stay as it is while the block is at hand.
func (l *links) note(r *record.Record) {
	l.local[place{r.Session, r.Seq}] = r
	of := place{r.Session, r.Of}
	switch r.Kind {
	case record.KindData:
		l.pieces[of] = append(l.pieces[of], r)
	case record.KindResult:
		l.answer(of, r)
	}
}

// answer keeps a result. Of several, the one that is not marked as one of several is the last.
func (l *links) answer(of place, r *record.Record) {
	if l.results[of] == nil || r.Flags&record.FlagSimple == 0 {
		l.results[of] = r
	}
}

// leave makes what outlives the block at hand independent of it: the results of what lies in blocks that are still to
// come.
func (l *links) leave() {
	for of, r := range l.results {
		if l.local[place{r.Session, r.Seq}] != r {
			continue
		}
		if l.local[of] != nil {
			delete(l.results, of)
			continue
		}
		c := r.Clone()
		l.results[of] = &c
	}
}

// record finds a record by its place, whole. nil: it isn't there, or can't be read.
func (f *finder) record(id record.ID, seq uint64) *record.Record {
	p := place{id, seq}
	if r, ok := f.links.known[p]; ok {
		return r
	}
	if r := f.links.local[p]; r != nil {
		if whole, ok := join(r, f.links.pieces[p]); ok {
			return whole
		}
	}
	whole := f.fetch(p)
	f.links.known[p] = whole
	return whole
}

// result finds what came of a record. nil: nothing yet, or it can't be read.
func (f *finder) result(r *record.Record) *record.Record {
	of := place{r.Session, r.Seq}
	if found := f.links.results[of]; found != nil {
		return found
	}
	for next, err := range follow(f.ctx, f.src, place{r.Session, r.Seq + 1}) {
		if err != nil {
			f.fail(err)
			continue
		}
		if next.Kind == record.KindResult {
			c := next.Clone()
			f.links.answer(place{next.Session, next.Of}, &c)
			if next.Of == r.Seq && next.Flags&record.FlagSimple == 0 {
				break
			}
		}
		if next.Kind == record.KindClose {
			break
		}
	}
	return f.links.results[of]
}

// follow yields a session's records from a place on. They borrow until the next.
func follow(ctx context.Context, src Source, from place) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		n := record.Narrow{Sessions: []record.ID{from.session}, First: from.seq, Oldest: true}
		for b, err := range src.Blocks(ctx, n) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			for r, err := range records(b) {
				if err == nil && (r.Session != from.session || r.Seq < from.seq) {
					continue
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// records yields the records of a block. Unlike those of Block.Records they share the block's unpacked bytes and stay
// as they are.
func records(b *record.Block) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		raw, err := b.Unpack(nil)
		for err == nil && len(raw) > 0 {
			r := new(record.Record)
			if raw, err = record.Decode(raw, r); err == nil && !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// fetch reads one record from the store, whole. nil: it isn't there, or can't be read.
func (f *finder) fetch(at place) *record.Record {
	var base *record.Record
	var pieces []*record.Record
	for r, err := range follow(f.ctx, f.src, at) {
		switch {
		case err != nil:
			f.fail(err)
			continue
		case r.Seq == at.seq:
			c := r.Clone()
			base = &c
		case base == nil:
			return nil
		case r.Kind == record.KindData && r.Of == at.seq:
			c := r.Clone()
			pieces = append(pieces, &c)
		}
		if whole, ok := join(base, pieces); ok {
			return whole
		}
	}
	return base
}

// join puts a value together that was split. false: pieces are missing.
func join(base *record.Record, pieces []*record.Record) (*record.Record, bool) {
	if base.Flags&record.FlagMore == 0 {
		return base, true
	}
	if len(pieces) == 0 || pieces[len(pieces)-1].Flags&record.FlagMore != 0 {
		return nil, false
	}
	whole := base.Clone()
	for _, p := range pieces {
		extend(&whole, p)
	}
	return &whole, true
}

// maxJoined is up to how many bytes a value that was split is put together. What is beyond stays in pieces.
const maxJoined = 64 << 20 // 64 MiB

// extend adds a piece to a value that goes on.
func extend(r, piece *record.Record) {
	if piece.Bytes <= maxJoined {
		r.Extend(piece)
	}
}
