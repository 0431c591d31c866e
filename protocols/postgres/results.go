package postgres

import (
	"hash"

	"github.com/gatefold/gatefold/internal/record"
)

// running is what the oldest action outstanding has answered so far.
type running struct {
	rows, bytes uint64 // returned or affected; bytes of rows or of COPY content
	counted     uint64 // of rows, those of statements that are complete
	tags        []byte // their command tags, "; " between them: a Query of several statements has one Result
	failed      bool
	code        []byte
	message     []byte
	last        uint64    // the action before this one
	hash        hash.Hash // of COPY content; nil: there was none
	sum         [32]byte  // room for it
}

const maxTags = 4 << 10 // 4 KiB of command tags are kept of a Query

// reset keeps the room.
func (r *running) reset() {
	*r = running{last: r.last, tags: r.tags[:0], code: r.code[:0], message: r.message[:0]}
}

// complete counts a statement that is complete. A tag's number counts where no rows were seen.
func (r *running) complete(tag []byte) {
	if r.rows == r.counted {
		r.rows += tagRows(tag)
	}
	r.counted = r.rows
	if len(r.tags)+len(tag) > maxTags {
		return
	}
	if len(r.tags) > 0 {
		r.tags = append(r.tags, "; "...)
	}
	r.tags = append(r.tags, tag...)
}

// tagRows is the number that a command tag ends with ("INSERT 0 5"); 0: none.
func tagRows(tag []byte) uint64 {
	var rows, unit uint64 = 0, 1
	for i := len(tag) - 1; i >= 0 && unit < 1e18; i-- {
		switch c := tag[i]; {
		case c >= '0' && c <= '9':
			rows += uint64(c-'0') * unit
			unit *= 10
		case c == ' ':
			return rows
		default:
			return 0
		}
	}
	return 0
}

// failedWith keeps the first error of an action.
func (r *running) failedWith(n *notice) {
	if r.failed {
		return
	}
	r.failed = true
	r.code = append(r.code[:0], n.code...)
	r.message = append(r.message[:0], n.message...)
	if len(n.detail) > 0 {
		r.message = append(append(r.message, '\n'), n.detail...)
	}
}

// result is the Result of e, with what has been answered.
func (m *machine) result(e *expect) record.Record {
	r := &m.run
	rec := record.Record{Kind: record.KindResult, Of: e.seq, Outcome: record.OutcomeDone,
		Rows: r.rows, Bytes: r.bytes, Text: r.tags, Code: r.code, Message: r.message}
	if r.hash != nil {
		rec.Hash = r.hash.Sum(r.sum[:0])
	}
	switch {
	case e.refused != nil:
		return refusedResult(e)
	case r.failed && m.cancelled && string(r.code) == "57014":
		m.cancelled = false
		rec.Outcome = record.OutcomeCancelled
	case r.failed:
		rec.Outcome = record.OutcomeFailed
	}
	return rec
}

func refusedResult(e *expect) record.Record {
	return record.Record{Kind: record.KindResult, Of: e.seq, Outcome: record.OutcomeRefused,
		Code: []byte(e.state()), Message: []byte(e.refused.Message)}
}

// finish tells the Result of the oldest entry, which is over.
func (m *machine) finish(flags record.Flags) error {
	e := m.queue.first()
	if e.kind == typeQuery || e.kind == typeExecute || e.kind == typeFunctionCall {
		m.copyIn, m.copyOut = false, false
	}
	var err error
	if e.asked {
		rec := m.result(e)
		rec.Flags |= flags
		m.run.last = e.seq
		err = m.s.Tell(rec)
	}
	m.run.reset()
	m.queue.pop()
	return err
}

// completed follows the end of a statement: of an Execute it is the end, a Query goes on until ReadyForQuery.
func (m *machine) completed(kind byte, b []byte) error {
	e := m.queue.first()
	if e == nil || e.refused != nil || e.kind != typeExecute && (e.kind != typeQuery || kind == typePortalSuspended) {
		return outOfStep(kind)
	}
	var flags record.Flags
	switch kind {
	case typeCommandComplete:
		r := body{b: b}
		tag := r.text()
		if !r.done() {
			return outOfStep(kind)
		}
		m.run.complete(tag)
		m.names.command(tag)
		if e.marks&marksChain != 0 && string(tag) == "ROLLBACK" {
			m.names.closePortals()
		}
	case typePortalSuspended:
		flags = record.FlagSuspended
	}
	if e.kind == typeExecute {
		return m.finish(flags)
	}
	return nil
}

// failed follows an ErrorResponse. In the extended protocol the server then passes over everything up to the next Sync.
func (m *machine) failed(b []byte) (instead []byte, err error) {
	n := decodeNotice(b)
	e := m.queue.first()
	if e == nil || e.kind == typeSync { // the server speaks for itself, or what a Sync commits has failed
		return nil, m.tellNotice(&n, m.run.last)
	}
	if n.fatal() {
		return nil, m.failedFatal(e, &n)
	}
	if e.refused != nil {
		instead = e.refusal()
	}
	m.copyIn, m.copyOut = false, false
	m.run.failedWith(&n)
	if e.kind == typeQuery || e.kind == typeFunctionCall {
		return instead, nil
	}
	if err := m.finish(0); err != nil {
		return nil, err
	}
	return instead, m.skipRest()
}

// failedFatal follows an error with which the server ends the session: what it was running has failed with it.
func (m *machine) failedFatal(e *expect, n *notice) error {
	m.run.failedWith(n)
	if !e.asked {
		return m.tellNotice(n, 0)
	}
	err := m.s.Tell(m.result(e))
	e.asked = false
	return err
}

// skipRest follows what the server passes over after an error: all up to the next Sync.
func (m *machine) skipRest() error {
	for e := m.queue.first(); e != nil; e = m.queue.first() {
		if e.kind == typeSync {
			return nil
		}
		if err := m.tellSkipped(e); err != nil {
			return err
		}
		m.queue.pop()
	}
	m.skipping = true
	return nil
}

// tellSkipped tells that the server passed e over, or, had gatefold refused it, that.
func (m *machine) tellSkipped(e *expect) error {
	switch {
	case !e.asked:
		return nil
	case e.refused != nil:
		return m.s.Tell(refusedResult(e))
	}
	return m.s.Tell(record.Record{Kind: record.KindResult, Of: e.seq, Outcome: record.OutcomeSkipped})
}

// tellRest tells, at the session's end, what is known of the actions that are still open: nothing, unless they were refused.
func (m *machine) tellRest() error {
	for ; m.queue.len() > 0; m.queue.pop() {
		e := m.queue.first()
		var rec record.Record
		switch {
		case e.asked && e.refused != nil:
			rec = refusedResult(e)
		case e.isAction():
			rec = m.result(e)
			rec.Outcome = record.OutcomeUnknown
		default:
			continue
		}
		m.run.reset()
		if err := m.s.Tell(rec); err != nil {
			return err
		}
	}
	return nil
}

// noticed follows a NoticeResponse.
func (m *machine) noticed(b []byte) error {
	n := decodeNotice(b)
	if e := m.queue.first(); e != nil && e.asked {
		return m.tellNotice(&n, e.seq)
	}
	return m.tellNotice(&n, 0)
}

// tellNotice tells what the server says beside the Results. of is what it speaks of; 0: not known.
func (m *machine) tellNotice(n *notice, of uint64) error {
	return m.s.Tell(record.Record{Kind: record.KindNotice, Of: of, Code: n.code, Message: n.message})
}
