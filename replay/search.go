package replay

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// Search yields what q finds, newest first. An error is about one block that can't be read, and is yielded once; the
// search goes on behind it, unless ctx has ended. What executions outside refer to in it is then not known, and a
// condition on that isn't met. Memory is that of a block and of what its executions refer to.
//
// A hit is found where what was said is complete: at its record, or at the last piece of a value that was split. One
// whose free text is found only together with the answer is found at the answer. since: and until: hold there.
func Search(ctx context.Context, src Source, q *Query) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		f := &finder{ctx: ctx, src: src, q: q}
		for b, err := range src.Blocks(ctx, q.Narrow()) {
			if err == nil && ctx.Err() == nil {
				err = f.load(b)
			}
			if err != nil {
				f.fail(err)
			}
			if !f.scan(yield) || !f.confess(yield) {
				return
			}
			if ctx.Err() != nil {
				yield(Hit{}, ctx.Err())
				return
			}
		}
	}
}

// finder looks through one block after the other.
type finder struct {
	ctx context.Context
	src Source
	q   *Query

	recs    []record.Record // of the block at hand, sharing raw
	raw     []byte          // the block's records, unpacked; reused for the next
	hit     Hit             // being made
	links   links
	session map[record.ID]record.Session

	failed  []error // not yielded yet
	failing map[string]struct{}
}

// fail notes that something can't be read, once.
func (f *finder) fail(err error) {
	if _, known := f.failing[err.Error()]; known || f.ctx.Err() != nil {
		return
	}
	if f.failing == nil {
		f.failing = make(map[string]struct{})
	}
	f.failing[err.Error()] = struct{}{}
	f.failed = append(f.failed, err)
}

// confess yields what could not be read.
func (f *finder) confess(yield func(Hit, error) bool) bool {
	for _, err := range f.failed {
		if !yield(Hit{}, err) {
			return false
		}
	}
	f.failed = f.failed[:0]
	return true
}

// load takes the block's records and notes which of them others refer to. What could be read stays where an error
// comes.
func (f *finder) load(b *record.Block) error {
	f.links.begin()
	f.recs = slices.Grow(f.recs[:0], b.Count)
	rest, err := b.Unpack(f.raw)
	if err != nil {
		return err
	}
	f.raw = rest
	var r record.Record // decoded into again and again: strings that stay the same are shared
	for len(rest) > 0 && len(f.recs) < b.Count {
		if rest, err = record.Decode(rest, &r); err != nil {
			return fmt.Errorf("block %016x: %w", b.Pos, err)
		}
		f.recs = append(f.recs, r)
		f.links.note(&f.recs[len(f.recs)-1])
	}
	return nil
}

// scan goes through the block's records from the last to the first.
func (f *finder) scan(yield func(Hit, error) bool) bool {
	for i := len(f.recs) - 1; i >= 0; i-- {
		at := f.recs[i].At
		if f.q.Since != 0 && at < f.q.Since || f.q.Until != 0 && at > f.q.Until {
			continue
		}
		if f.ctx.Err() != nil {
			return true
		}
		if f.item(&f.recs[i]) && !yield(f.hit, nil) {
			return false
		}
	}
	f.recs = f.recs[:0]
	f.links.leave()
	return true
}

// item makes f.hit what is found at r; false: nothing is.
func (f *finder) item(r *record.Record) bool {
	asked := f.q.names&(1<<r.Kind) != 0
	switch {
	case asked && (r.Kind == record.KindData || r.Kind == record.KindResult):
	case r.Kind == record.KindData && r.Flags&record.FlagMore == 0:
		r = f.record(r.Session, r.Of)
	case r.Kind == record.KindResult:
		return f.answer(r)
	case r.Flags&record.FlagMore != 0 && f.q.names&(1<<record.KindData) == 0:
		return false // found where it is whole
	}
	return r != nil && f.plausible(r, nil) && f.match(f.q.said)
}

// answer makes f.hit what is found with r, its answer, only.
func (f *finder) answer(r *record.Record) bool {
	if !f.q.touches(r) {
		return false
	}
	base := f.record(r.Session, r.Of)
	return base != nil && f.plausible(base, r) && f.match(func(h *Hit) bool { return !f.q.said(h) && f.q.answered(h) })
}

// plausible begins f.hit and decides what needs nothing but the record and its session.
func (f *finder) plausible(r, result *record.Record) bool {
	if !f.q.shows(r) {
		return false
	}
	f.hit = Hit{Session: f.line(r.Session), Record: *r, Result: result}
	return f.q.holds(&f.hit, needRecord)
}

// match brings up what the rest of the query needs, and for a hit all that belongs to it.
func (f *finder) match(says func(*Hit) bool) bool {
	h := &f.hit
	if f.q.needs(needStatement) {
		f.bringStatement(h)
	}
	if !f.q.holds(h, needStatement) || !says(h) {
		return false
	}
	if f.q.needs(needResult) {
		f.bringResult(h)
	}
	if !f.q.holds(h, needResult) || !f.q.unsaid(h) {
		return false
	}
	f.bringStatement(h)
	f.bringResult(h)
	h.own()
	return true
}

// own makes h independent of the block.
func (h *Hit) own() {
	for _, r := range []**record.Record{&h.Statement, &h.Bind, &h.Result} {
		if *r != nil {
			c := (*r).Clone()
			*r = &c
		}
	}
	h.Record = h.Record.Clone()
}

// bringStatement finds what an execution or a binding refers to.
func (f *finder) bringStatement(h *Hit) {
	of := h.Record.Of
	if h.Statement != nil || of == 0 {
		return
	}
	switch h.Record.Kind {
	case record.KindExecute:
		base := f.record(h.Record.Session, of)
		if base == nil {
			return
		}
		if base.Kind != record.KindBind {
			h.Statement = base
			return
		}
		h.Bind, of = base, base.Of
	case record.KindBind:
	default:
		return
	}
	if of != 0 {
		h.Statement = f.record(h.Record.Session, of)
	}
}

// bringResult finds what came of an action or a step.
func (f *finder) bringResult(h *Hit) {
	k := h.Record.Kind
	if h.Result == nil && (k.Action() || k == record.KindParse || k == record.KindBind) {
		h.Result = f.result(&h.Record)
	}
}

// line is the session's line in the directory.
func (f *finder) line(id record.ID) record.Session {
	s, ok := f.session[id]
	if ok {
		return s
	}
	if s, ok, _ = f.src.Session(f.ctx, id); !ok {
		s.ID = id // its records are here all the same; Verify tells of the missing line
	}
	if f.session == nil || len(f.session) >= cacheSize {
		f.session = make(map[record.ID]record.Session)
	}
	f.session[id] = s
	return s
}
