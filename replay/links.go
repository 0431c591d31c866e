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

// links are records that others refer to, beside those of the sheets that are open. They borrow nothing.
type links struct {
	results map[place]*record.Record // by what they answer, which lies in a block that is still to come
	known   map[place]*record.Record // from other blocks, whole; nil: it isn't there
}

// begin makes room.
func (l *links) begin() {
	if l.results == nil || len(l.results) >= cacheSize {
		l.results = make(map[place]*record.Record)
	}
	if l.known == nil || len(l.known) >= cacheSize {
		l.known = make(map[place]*record.Record)
	}
}

// learn keeps what a store gave beside records. What was split is left to be put together.
func (l *links) learn(beside []record.Record) {
	for i := range beside {
		r := &beside[i]
		switch {
		case r.Kind == record.KindResult:
			l.answer(place{r.Session, r.Of}, r)
		case r.Flags&record.FlagMore == 0:
			l.known[place{r.Session, r.Seq}] = r
		}
	}
}

// answer keeps a result. Of several, the one that is not marked as one of several is the last.
func (l *links) answer(of place, r *record.Record) {
	if l.results[of] == nil || r.Flags&record.FlagSimple == 0 {
		l.results[of] = r
	}
}

// keep notes the results in a sheet of what lies in blocks that are still to come, and forgets those of what lies in it.
func (f *finder) keep(s *sheet) {
	if len(f.links.results) > cacheSize/2 {
		for of := range f.links.results {
			if _, here := s.find(of); here {
				delete(f.links.results, of)
			}
		}
	}
	for n := range s.lines {
		l := &s.lines[n]
		if p := &s.parts[l.part]; l.kind != record.KindResult || l.of >= p.First || p.skip {
			continue
		}
		if err := s.read(int32(n), &f.result); err != nil {
			f.fail(err)
			continue
		}
		c := f.result.Clone()
		f.links.answer(place{c.Session, c.Of}, &c)
	}
}

// record finds a record by its place, whole, and reads it into room where it is in a block at hand. nil: it isn't there,
// or can't be read.
func (f *finder) record(p place, room *record.Record) *record.Record {
	if r, ok := f.links.known[p]; ok {
		return r
	}
	for _, s := range f.sheets {
		n, here := s.find(p)
		if !here {
			continue
		}
		whole, ok, err := s.whole(n, room)
		if err != nil {
			f.fail(err)
			return nil
		}
		if ok {
			return whole
		}
	}
	whole := f.fetch(p)
	f.links.known[p] = whole
	return whole
}

// cameOf finds what came of a record. nil: nothing yet, or it can't be read.
func (f *finder) cameOf(of place) *record.Record {
	if r := f.links.results[of]; r != nil && r.Flags&record.FlagSimple == 0 { // a sheet may have one of several that came before
		return f.whole(r)
	}
	for _, s := range f.sheets {
		if n, here := s.answer(of); here {
			if err := s.read(n, &f.result); err != nil {
				f.fail(err)
				return nil
			}
			return f.whole(&f.result)
		}
	}
	if f.links.results[of] == nil && !f.given(of) {
		f.seek(of)
	}
	return f.whole(f.links.results[of])
}

// given reports whether a record lies in a block with which its answer was given, if there is one.
func (f *finder) given(of place) bool {
	for _, s := range f.sheets {
		if _, here := s.find(of); here && s.made {
			return true
		}
	}
	return false
}

// whole puts a result together that was split.
func (f *finder) whole(r *record.Record) *record.Record {
	if r == nil || r.Flags&record.FlagMore == 0 {
		return r
	}
	if joined := f.record(place{r.Session, r.Seq}, &f.result); joined != nil {
		return joined
	}
	return r
}

// seek reads on in the store for what came of a record.
func (f *finder) seek(of place) {
	f.links.begin()
	for next, err := range follow(f.ctx, f.src, place{of.session, of.seq + 1}) {
		if err != nil {
			f.fail(err)
			continue
		}
		if next.Kind == record.KindResult {
			c := next.Clone()
			f.links.answer(place{next.Session, next.Of}, &c)
			if next.Of == of.seq && next.Flags&record.FlagSimple == 0 {
				return
			}
		}
		if next.Kind == record.KindClose {
			return
		}
	}
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
			for r, err := range records(b, from.session) {
				if err == nil && r.Seq < from.seq {
					continue
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// records yields the records of a block, or of one session in it: others' payloads aren't read. Unlike those of
// Block.Records they share the block's unpacked bytes and stay as they are.
func records(b *record.Block, of record.ID) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		raw, err := b.Unpack(nil)
		var head record.Record
		for err == nil && len(raw) > 0 {
			var env, rest []byte
			if env, _, rest, err = record.NextRecord(raw); err == nil {
				err = record.DecodeEnvelope(env, &head)
			}
			if err == nil && (of.IsZero() || head.Session == of) {
				r := new(record.Record)
				if _, err = record.Decode(raw, r); err == nil && !yield(r, nil) {
					return
				}
			}
			raw = rest
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// fetch reads one record from the store, whole. nil: it isn't there, or can't be read.
func (f *finder) fetch(at place) *record.Record {
	f.links.begin()
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
