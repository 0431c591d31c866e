package recorder

import (
	"errors"
	"sync/atomic"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// Room set aside in the journal, in bytes with frames: for the Result of each open action or step, and for each
// session's Close. A Result or a Close that is longer takes free room, or, when there is none, is shortened and says so.
const (
	resultRoom = 1 << 10 // 1 KiB
	closeRoom  = 1 << 10 // 1 KiB
)

// maxSteps bounds for how many steps that may yet fail room is kept: a client can prepare without end.
const maxSteps = 1 << 10

// Tape is one session's record. It has one owner at a time; only Sync and the reading of its position may be elsewhere.
// Invariant: the journal holds resultRoom for each of open and steps, and closeRoom until Close.
type Tape struct {
	r      *Recorder
	id     record.ID
	secret [secretSize]byte
	next   uint64        // Seq of the next record
	open   []pending     // actions without a Result, oldest first
	steps  []uint64      // steps that may yet get one, oldest first
	buf    []byte        // a small entry being made
	pos    atomic.Uint64 // behind the last entry
	closed bool
	begun  bool  // ahead is set
	ahead  int64 // nanoseconds by which the wall clock was ahead of the monotonic one at the last record
}

type pending struct {
	seq     uint64
	inOrder bool // its Result comes after those of all steps before it
}

// Append numbers r, sets its Session, and puts it in the journal; it survives the process from then on. seq is the number
// of the record; a value too long for one record takes more numbers, for the KindData records that go on with it. Where At
// isn't set, it is now. Slices of r are copied. On an error nothing was recorded: record.ErrNoRoom may pass, after any other the tape is of no
// more use.
func (t *Tape) Append(r record.Record) (seq uint64, err error) {
	if t.closed {
		return 0, ErrClosed
	}
	if err := t.date(&r); err != nil {
		return 0, err
	}
	r.Session, r.Seq = t.id, t.next
	switch {
	case r.Kind == record.KindResult:
		err = t.result(&r)
	case r.Kind.Action():
		if err = t.append(&r, resultRoom); err == nil {
			t.open = append(t.open, pending{r.Seq, r.Kind != record.KindCancel})
		}
	case r.Kind == record.KindParse || r.Kind == record.KindBind:
		err = t.step(&r)
	default:
		err = t.append(&r, 0)
	}
	return r.Seq, err
}

func (t *Tape) step(r *record.Record) error {
	if len(t.steps) == maxSteps {
		return t.append(r, 0)
	}
	err := t.append(r, resultRoom)
	if err == nil {
		t.steps = append(t.steps, r.Seq)
	}
	return err
}

// result appends a Result, in the room that was set aside when its action or step was accepted. The Result of an action
// also tells that nothing more will come of the steps before it.
func (t *Tape) result(r *record.Record) error {
	if r.Flags&record.FlagSimple != 0 { // the action's own Result is still to come
		return t.append(r, 0)
	}
	action, step, settled := t.find(r.Of)
	draw := int64(0)
	if action >= 0 || step >= 0 {
		draw = resultRoom
	}
	err := t.append(r, -draw)
	if errors.Is(err, record.ErrNoRoom) && draw > 0 {
		t.shorten(r, resultRoom)
		err = t.append(r, -draw)
	}
	if err != nil {
		return err
	}
	if step >= 0 {
		t.steps = append(t.steps[:step], t.steps[step+1:]...)
	}
	if action >= 0 {
		t.open = append(t.open[:action], t.open[action+1:]...)
		if settled > 0 {
			t.steps = append(t.steps[:0], t.steps[settled:]...)
			t.r.journal.Unreserve(int64(settled) * resultRoom)
		}
	}
	return nil
}

// find returns where of stands among the open actions or the steps, -1 where it doesn't, and how many steps its Result
// settles.
func (t *Tape) find(of uint64) (action, step, settled int) {
	action, step = -1, -1
	for i := range t.open {
		if t.open[i].seq == of {
			action = i
			break
		}
	}
	for i, seq := range t.steps {
		if seq == of {
			step = i
		}
		if seq < of && action >= 0 && t.open[action].inOrder {
			settled = i + 1
		}
		if seq >= of {
			break
		}
	}
	return action, step, settled
}

// append numbers are set: encodes r and appends it, in several records where it is too long for one.
func (t *Tape) append(r *record.Record, reserve int64) error {
	if payloadSize(r) > t.r.chunk {
		return t.appendSplit(r, reserve)
	}
	return t.put(r, reserve)
}

// smallPayload is up to what size an entry is made in the tape's own room, so that a session that is silent holds little.
const smallPayload = 2 << 10 // 2 KiB

func (t *Tape) put(r *record.Record, reserve int64) error {
	if payloadSize(r) <= smallPayload {
		t.buf = t.encode(t.buf[:0], r)
		return t.write(t.buf, reserve)
	}
	buf := t.r.entries.Get().(*[]byte)
	defer t.r.entries.Put(buf)
	*buf = t.encode((*buf)[:0], r)
	return t.write(*buf, reserve)
}

func (t *Tape) write(entry []byte, reserve int64) error {
	pos, err := t.r.journal.Append(entry, reserve)
	if err != nil {
		return noRoom(err)
	}
	t.next++
	t.pos.Store(uint64(pos))
	return nil
}

// encode appends the entry of r to dst.
func (t *Tape) encode(dst []byte, r *record.Record) []byte {
	if r.Seq == 0 {
		dst = append(append(dst, entryFirst), t.secret[:]...)
	} else {
		dst = append(dst, entryRecord)
	}
	return record.AppendRecord(dst, r)
}

// size is how long the entry of r is.
func (t *Tape) size(r *record.Record) int { return len(t.encode(nil, r)) }

// shorten cuts what r says so that its entry fits in room, and says in Length how long its message was. It comes to this
// when the disk is full: that there was a result and what it was is kept.
func (t *Tape) shorten(r *record.Record, room int) {
	if r.Length == 0 {
		r.Length = uint64(len(r.Message))
	}
	message := r.Message
	r.Message = nil
	for _, field := range []*[]byte{&r.Text, &r.Code, &r.Hash} {
		*field = (*field)[:min(len(*field), 64)]
	}
	r.Params, r.Name, r.Portal, r.Rule, r.Actions, r.Tables, r.Columns = nil, nil, nil, "", nil, nil, nil
	r.Programs, r.Paths = nil, nil
	r.Message = message[:max(0, min(len(message), room-journal.FrameOverhead-t.size(r)-16))]
}

// Sync returns when all that was appended would survive what the journal's options name.
func (t *Tape) Sync() error { return t.r.journal.Sync(journal.Position(t.pos.Load())) }

// Close ends the session's record with r, a KindClose. Actions that have no Result yet get one: unknown, the session
// ended first. The tape is of no more use, also after an error.
func (t *Tape) Close(r record.Record) error {
	if t.closed {
		return ErrClosed
	}
	err := t.end(r)
	t.closed = true
	t.r.tapes.Add(-1)
	if err != nil { // what is still set aside is not needed any more
		t.r.journal.Unreserve(closeRoom + resultRoom*int64(len(t.open)+len(t.steps)))
		return err
	}
	return t.Sync()
}

func (t *Tape) end(r record.Record) error {
	if err := t.date(&r); err != nil {
		return err
	}
	for len(t.open) > 0 {
		unknown := record.Record{Kind: record.KindResult, At: r.At, Of: t.open[0].seq, Outcome: record.OutcomeUnknown}
		if _, err := t.Append(unknown); err != nil {
			return err
		}
	}
	t.r.journal.Unreserve(resultRoom * int64(len(t.steps)))
	t.steps = t.steps[:0]
	r.Kind, r.Session, r.Seq = record.KindClose, t.id, t.next
	err := t.append(&r, -closeRoom)
	if errors.Is(err, record.ErrNoRoom) {
		t.shorten(&r, closeRoom)
		err = t.append(&r, -closeRoom)
	}
	return err
}
