package replay

import (
	"context"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// maxPending is how many actions a story waits for at a time: those of a pipeline. When more are unanswered the first is
// told without its answer.
const maxPending = 1 << 10 // 1 Ki

// Story yields what a session did and what came of it, in the order in which it was done: each action with its
// statement, parameters and result, and what else was said. Hits are the receiver's.
func Story(ctx context.Context, src Source, session record.Session) iter.Seq2[Hit, error] {
	return Live(ctx, src, session, func() bool { return false })
}

// Live is Story of a session that goes on. When all that is known was told it calls wait, and looks again when wait says
// so, until the session's Close was told. An action that has no answer by then is told without, and once more with it.
func Live(ctx context.Context, src Source, session record.Session, wait func() bool) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		f := &finder{ctx: ctx, src: src, q: &Query{}}
		f.links.begin()
		t := &teller{finder: f, session: session, yield: yield, waiting: make(map[uint64]*Hit)}
		for t.read() && !t.closed {
			if !t.idle() || !wait() {
				break
			}
		}
		if t.flush(0) && ctx.Err() != nil {
			yield(Hit{Session: session}, ctx.Err())
		}
	}
}

// teller puts a session's records together in order.
type teller struct {
	*finder
	session record.Session
	yield   func(Hit, error) bool
	pending []*Hit          // in order; told from the first on as they become complete
	waiting map[uint64]*Hit // those of pending that wait for a result or for the rest of a value
	growing *record.Record  // of a hit; its value goes on
	answer  uint64          // the latest action or step that has an answer: steps before it have all theirs
	next    uint64          // Seq of the record to come
	told    bool            // some were told before their answer came
	closed  bool            // the session's Close was read
	ended   bool            // no more is wanted
}

// read takes what there is; false: no more is wanted.
func (t *teller) read() bool {
	for r, err := range follow(t.ctx, t.src, place{t.session.ID, t.next}) {
		if t.ctx.Err() != nil {
			return false
		}
		if err != nil {
			if t.fail(err); !t.confessed() {
				return false
			}
			continue
		}
		t.next = r.Seq + 1
		t.closed = t.closed || r.Kind == record.KindClose
		if !t.take(r) {
			return false
		}
	}
	return true
}

// confessed yields what could not be read, once.
func (t *teller) confessed() bool {
	t.ended = t.ended || !t.confess(func(_ Hit, err error) bool { return t.yield(Hit{Session: t.session}, err) })
	return !t.ended
}

// idle tells all that is whole, though its answer hasn't come.
func (t *teller) idle() bool {
	for len(t.pending) > 0 && !t.ended && t.growing == nil {
		h := t.pending[0]
		t.pending[0], t.pending = nil, t.pending[1:]
		t.ended = !t.yield(*h, nil)
		h.told, t.told = h.Result == nil, true
	}
	return !t.ended
}

// ahead tells the first of pending, which waits for its answer still, and once more when that comes.
func (t *teller) ahead(h *Hit) {
	t.pending[0], t.pending = nil, t.pending[1:]
	t.ended = !t.yield(*h, nil)
	h.told, t.told = true, true
}

// take adds the next record; false: no more is wanted.
func (t *teller) take(r *record.Record) bool {
	switch r.Kind {
	case record.KindData:
		t.extend(r)
		return t.flush(maxPending)
	case record.KindResult:
		if r.Flags&record.FlagSimple != 0 {
			return true
		}
		t.answer = max(t.answer, r.Of)
		if h := t.waiting[r.Of]; h != nil {
			t.came(h, r.Clone())
		}
		return t.flush(maxPending)
	}
	h := &Hit{Session: t.session, Record: r.Clone()}
	t.bringStatement(h)
	t.note(h)
	t.pending = append(t.pending, h)
	return t.flush(maxPending)
}

// came adds what came of a hit. One that was told is told again.
func (t *teller) came(h *Hit, r record.Record) {
	if h.told {
		again := *h
		h = &again
		t.pending = append(t.pending, h)
	}
	h.Result = &r
	t.grow(h.Result)
	delete(t.waiting, r.Of)
	if !t.told {
		return
	}
	for seq, w := range t.waiting { // steps before it have all their answers
		if w.told && seq < r.Of && !w.Record.Kind.Action() {
			delete(t.waiting, seq)
		}
	}
}

// note keeps what later records may refer to.
func (t *teller) note(h *Hit) {
	r := &h.Record
	t.grow(r)
	switch {
	case r.Kind == record.KindParse || r.Kind == record.KindBind:
		if len(t.links.known) >= cacheSize {
			t.links.known = make(map[place]*record.Record)
		}
		t.links.known[place{r.Session, r.Seq}] = r
		t.waiting[r.Seq] = h
		if isLong(r) {
			t.keepLong(r)
		}
	case r.Kind.Action():
		t.waiting[r.Seq] = h
	}
	if r.Kind == record.KindExecute && h.Statement != nil {
		delete(t.longs, h.Statement.Seq) // it is used up
	}
}

// grow notes that r's value goes on in pieces, if it does.
func (t *teller) grow(r *record.Record) {
	if r.Flags&record.FlagMore != 0 {
		t.growing = r
	}
}

// extend adds a piece to the value that goes on.
func (t *teller) extend(piece *record.Record) {
	if t.growing == nil || t.growing.Seq != piece.Of {
		return
	}
	extend(t.growing, piece)
	if piece.Flags&record.FlagMore == 0 {
		t.growing = nil
	}
}

// flush tells what is complete, from the first on, and the first ones in any case while more than limit are pending.
func (t *teller) flush(limit int) bool {
	for len(t.pending) > 0 && !t.ended {
		h := t.pending[0]
		if len(t.pending) <= limit && limit > 0 && t.open(h) {
			if h.Record.Kind != record.KindExec || t.growing == &h.Record {
				return true
			}
			t.ahead(h) // a shell's answer comes when it ends
			continue
		}
		if !h.told {
			delete(t.waiting, h.Record.Seq)
		}
		t.pending[0], t.pending = nil, t.pending[1:]
		t.ended = !t.yield(*h, nil)
	}
	return !t.ended
}

// open reports whether more may come of h.
func (t *teller) open(h *Hit) bool {
	if t.growing != nil && (t.growing == &h.Record || t.growing == h.Result) {
		return true
	}
	if k := h.Record.Kind; k == record.KindParse || k == record.KindBind {
		return t.waiting[h.Record.Seq] == h && t.answer < h.Record.Seq
	}
	return t.waiting[h.Record.Seq] == h
}
