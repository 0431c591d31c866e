package replay

import (
	"context"
	"iter"
	"math"

	"github.com/gatefold/gatefold/internal/record"
)

// Search yields what q finds, newest first: by time, then session, then Seq. An error is about one block that can't be
// read, and is yielded once; the search goes on behind it, unless ctx has ended. What executions outside refer to in it is
// then not known, and a condition on that isn't met.
//
// A block's records may be in any order, and blocks overlap in time where a clock was set back. A store yields them by
// their latest record, so that what is newer than the next block's latest can be told at once and the rest stays open
// until its time has come. Memory is that of the blocks that overlap at one time, most often two, and of what their
// executions refer to.
//
// A hit is found where what was said is complete: at its record, or at the last piece of a value that was split. One
// whose free text is found only together with the answer is found at the answer. Its time there is what since:, until:
// and the order go by.
func Search(ctx context.Context, src Source, q *Query) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		f := &finder{ctx: ctx, src: src, q: q}
		n := q.Narrow()
		n.Hits = true
		for b, err := range src.Blocks(ctx, n) {
			if err == nil && ctx.Err() == nil {
				if !f.tell(b.Last, yield) {
					return
				}
				err = f.open(b)
			}
			if err != nil {
				f.fail(err)
			}
			if !f.confess(yield) {
				return
			}
			if ctx.Err() != nil {
				yield(Hit{}, ctx.Err())
				return
			}
		}
		if f.tell(math.MinInt64, yield) && f.confess(yield) && ctx.Err() != nil {
			yield(Hit{}, ctx.Err())
		}
	}
}

// finder looks through the blocks that are open, all at once.
type finder struct {
	ctx context.Context
	src Source
	q   *Query

	sheets []*sheet
	spare  []*sheet // closed: their room is used again
	links  links
	hit    Hit // being made
	// What hit consists of is read here. Strings and lists that stay the same from one to the next are shared.
	base, statement, bind, result record.Record

	longs map[uint64][]*record.Record // long data that was told of in order, by its Parse

	session map[record.ID]record.Session
	only    bool // those in session are all that can be asked for

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

// open lays a block open beside those that are.
func (f *finder) open(b *record.Block) error {
	if f.session == nil {
		f.session = make(map[record.ID]record.Session)
		if b.Beside == nil { // else it holds little but hits
			f.preload(f.q.Narrow())
		}
	}
	s := new(sheet)
	if n := len(f.spare); n > 0 {
		s, f.spare = f.spare[n-1], f.spare[:n-1]
	}
	f.links.begin()
	f.links.learn(b.Beside)
	err := s.fill(b, f.worth)
	f.choose(s)
	s.sort()
	f.keep(s)
	f.sheets = append(f.sheets, s)
	return err
}

// worth decides by a record's envelope whether to look at it.
func (f *finder) worth(r *record.Record) bool {
	if !f.q.within(r) {
		return false
	}
	asked := f.q.names&(1<<r.Kind) != 0
	switch {
	case asked && (r.Kind == record.KindData || r.Kind == record.KindResult):
		return true
	case r.Kind == record.KindData:
		return r.Flags&record.FlagMore == 0
	case r.Kind == record.KindResult:
		return f.q.listens()
	case r.Flags&record.FlagMore != 0 && f.q.names&(1<<record.KindData) == 0:
		return false // found where it is whole
	}
	return f.q.shows(r)
}

// tell yields what is newer than a time, and closes what has been looked through.
func (f *finder) tell(than int64, yield func(Hit, error) bool) bool {
	for f.ctx.Err() == nil {
		f.close()
		s := f.newest()
		if s == nil || s.top().at <= than && than != math.MinInt64 {
			return true
		}
		last := len(s.todo) - 1
		n := s.todo[last]
		s.todo = s.todo[:last]
		if f.item(s, n) {
			f.hit.found = s.cursor(n)
			if !yield(f.hit, nil) {
				return false
			}
		}
	}
	return true
}

// newest is the sheet whose next line is the newest; nil: none is open.
func (f *finder) newest() *sheet {
	var best *sheet
	for _, s := range f.sheets {
		if best == nil || s.top().compare(best.top()) > 0 {
			best = s
		}
	}
	return best
}

// close puts away what has been looked through.
func (f *finder) close() {
	left := f.sheets[:0]
	for _, s := range f.sheets {
		if len(s.todo) > 0 {
			left = append(left, s)
		} else {
			f.spare = append(f.spare, s)
		}
	}
	f.sheets = left
}

// item makes f.hit what is found at a line; false: nothing is.
func (f *finder) item(s *sheet, n int32) bool {
	r := &f.base
	if err := s.read(n, r); err != nil {
		f.fail(err)
		return false
	}
	asked := f.q.names&(1<<r.Kind) != 0
	switch {
	case asked && (r.Kind == record.KindData || r.Kind == record.KindResult):
	case r.Kind == record.KindData:
		if r = f.record(place{r.Session, r.Of}, &f.base); r != nil && r.Kind == record.KindResult {
			return f.answer(r)
		}
	case r.Kind == record.KindResult:
		return f.answer(r)
	}
	return r != nil && f.plausible(r, nil) && f.match(f.q.said)
}

// answer makes f.hit what is found with r, its answer, only.
func (f *finder) answer(r *record.Record) bool {
	if r.Flags&record.FlagMore != 0 || !f.q.touches(r) {
		return false // one that was split is found at its last piece
	}
	f.result = *r
	base := f.record(place{r.Session, r.Of}, &f.base)
	return base != nil && f.plausible(base, &f.result) && f.match(func(h *Hit) bool { return !f.q.said(h) && f.q.answered(h) })
}

// plausible begins f.hit and decides what needs nothing but the record and its session.
func (f *finder) plausible(r, result *record.Record) bool {
	if !f.q.shows(r) {
		return false
	}
	f.hit = Hit{Session: record.Session{ID: r.Session}, Record: *r, Result: result}
	if f.q.needs(needSession) || f.q.needs(needLine) {
		f.hit.Session = f.line(r.Session)
	}
	return f.q.holds(&f.hit, needSession) && f.q.holds(&f.hit, needLine) && f.q.holds(&f.hit, needRecord)
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
	if !f.q.holds(h, needWhole) {
		return false
	}
	h.Session = f.line(h.Record.Session)
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
	for i, r := range h.Long {
		c := r.Clone()
		h.Long[i] = &c
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
		base := f.record(place{h.Record.Session, of}, &f.bind)
		if base == nil {
			return
		}
		if base.Kind != record.KindBind {
			h.Statement = base
			return
		}
		if of = base.Of; isLong(base) || len(h.Record.Params) > 0 {
			h.Long = f.longData(base, h.Record.Seq)
		} else {
			h.Bind = base
		}
	case record.KindBind:
	default:
		return
	}
	if of != 0 {
		h.Statement = f.record(place{h.Record.Session, of}, &f.statement)
	}
}

// bringResult finds what came of an action or a step.
func (f *finder) bringResult(h *Hit) {
	k := h.Record.Kind
	if h.Result == nil && (k.Action() || k == record.KindParse || k == record.KindBind) {
		h.Result = f.cameOf(place{h.Record.Session, h.Record.Seq})
	}
}
