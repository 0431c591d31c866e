package replay

import (
	"context"
	"iter"

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

	recs    []*record.Record // of the block at hand, sharing its bytes
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
		if f.ctx.Err() != nil {
			return true
		}
		if h, ok := f.item(f.recs[i]); ok && !yield(h, nil) {
			return false
		}
	}
	f.recs = f.recs[:0]
	f.links.leave()
	return true
}

// item makes the hit that is found at r, if one is.
func (f *finder) item(r *record.Record) (h Hit, ok bool) {
	switch {
	case f.q.names(r.Kind) && (r.Kind == record.KindData || r.Kind == record.KindResult):
		h.Record = *r
	case r.Kind == record.KindData && r.Flags&record.FlagMore == 0:
		base := f.record(r.Session, r.Of)
		if base == nil {
			return h, false
		}
		h.Record = *base
	case r.Kind == record.KindResult:
		return f.answer(r)
	case r.Flags&record.FlagMore != 0 && !f.q.names(record.KindData):
		return h, false // found where it is whole
	default:
		h.Record = *r
	}
	return h, f.plausible(&h) && f.match(&h, f.q.said)
}

// answer makes the hit whose free text is only found with r, its answer.
func (f *finder) answer(r *record.Record) (h Hit, ok bool) {
	if !f.q.touches(r) {
		return h, false
	}
	base := f.record(r.Session, r.Of)
	if base == nil {
		return h, false
	}
	h.Record, h.Result = *base, r
	return h, f.plausible(&h) && f.match(&h, func(h *Hit) bool { return !f.q.said(h) && f.q.answered(h) })
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
func (f *finder) match(h *Hit, says func(*Hit) bool) bool {
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
