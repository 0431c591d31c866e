package replay

import (
	"context"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// Search yields what q finds, newest first. An error is about one block that can't be read; the search goes on behind
// it, unless ctx has ended. Memory is that of a block and of what its executions refer to.
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
			if ctx.Err() != nil {
				yield(Hit{}, ctx.Err())
				return
			}
			if err != nil && !yield(Hit{}, err) {
				return
			}
			if !f.scan(yield) {
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

	recs    []*record.Record // of the block at hand, sharing its bytes
	links   links
	session map[record.ID]record.Session
}

// load takes the block's records and notes which of them others refer to. What could be read stays where an error
// comes.
func (f *finder) load(b *record.Block) error {
	f.recs = f.recs[:0]
	f.links.begin()
	for r, err := range records(b) {
		if err != nil {
			return err
		}
		f.recs = append(f.recs, r)
		f.links.note(r)
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
		h, ok, err := f.item(f.recs[i])
		if (ok || err != nil) && !yield(h, err) {
			return false
		}
	}
	f.recs = f.recs[:0]
	f.links.leave()
	return true
}

// item makes the hit that is found at r, if one is.
func (f *finder) item(r *record.Record) (h Hit, ok bool, err error) {
	switch {
	case f.q.names(r.Kind) && (r.Kind == record.KindData || r.Kind == record.KindResult):
		h.Record = *r
	case r.Kind == record.KindData && r.Flags&record.FlagMore == 0:
		base, err := f.record(r.Session, r.Of)
		if base == nil || err != nil {
			return h, false, err
		}
		h.Record = *base
	case r.Kind == record.KindResult:
		return f.answer(r)
	case r.Flags&record.FlagMore != 0 && !f.q.names(record.KindData):
		return h, false, nil // found where it is whole
	default:
		h.Record = *r
	}
	if !f.plausible(&h) {
		return h, false, nil
	}
	ok, err = f.match(&h, f.q.said)
	return h, ok, err
}

// answer makes the hit whose free text is only found with r, its answer.
func (f *finder) answer(r *record.Record) (h Hit, ok bool, err error) {
	if !f.q.touches(r) {
		return h, false, nil
	}
	base, err := f.record(r.Session, r.Of)
	if base == nil || err != nil {
		return h, false, err
	}
	h.Record, h.Result = *base, r
	if !f.plausible(&h) {
		return h, false, nil
	}
	ok, err = f.match(&h, func(h *Hit) bool { return !f.q.said(h) && f.q.answered(h) })
	return h, ok, err
}

// plausible decides what needs nothing but the record and its session.
func (f *finder) plausible(h *Hit) bool {
	if !f.q.shows(&h.Record) {
		return false
	}
	h.Session = f.line(h.Record.Session)
	return f.q.holds(h, needRecord)
}

// match brings up what the rest of the query needs, and for a hit all that belongs to it.
func (f *finder) match(h *Hit, says func(*Hit) bool) (bool, error) {
	stages := []struct {
		need  need
		bring func(*Hit) error
		fits  func() bool
	}{
		{needStatement, f.bringStatement, func() bool { return f.q.holds(h, needStatement) && says(h) }},
		{needResult, f.bringResult, func() bool { return f.q.holds(h, needResult) && f.q.unsaid(h) }},
	}
	for _, s := range stages {
		if f.q.needs(s.need) {
			if err := s.bring(h); err != nil {
				return false, err
			}
		}
		if !s.fits() {
			return false, nil
		}
	}
	if err := f.bringStatement(h); err != nil {
		return false, err
	}
	err := f.bringResult(h)
	h.own()
	return err == nil, err
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
func (f *finder) bringStatement(h *Hit) (err error) {
	if h.Statement != nil || h.Record.Of == 0 {
		return nil
	}
	of := h.Record.Of
	switch h.Record.Kind {
	case record.KindExecute:
		base, err := f.record(h.Record.Session, of)
		if err != nil || base == nil {
			return err
		}
		if base.Kind != record.KindBind {
			h.Statement = base
			return nil
		}
		h.Bind, of = base, base.Of
	case record.KindBind:
	default:
		return nil
	}
	if of != 0 {
		h.Statement, err = f.record(h.Record.Session, of)
	}
	return err
}

// bringResult finds what came of an action or a step.
func (f *finder) bringResult(h *Hit) (err error) {
	k := h.Record.Kind
	if h.Result == nil && (k.Action() || k == record.KindParse || k == record.KindBind) {
		h.Result, err = f.result(&h.Record)
	}
	return err
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
