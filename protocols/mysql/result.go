package mysql

import (
	"hash"

	"github.com/gatefold/gatefold/internal/record"
)

// running is what the current command has answered so far.
type running struct {
	rows, bytes uint64 // returned or affected; bytes of rows or of a file's content
	insertID    uint64 // last insert id
	warnings    uint64
	info        []byte // what the server says of it ("Rows matched: 1  Changed: 1  Warnings: 0"); of several results "; " between
	suspended   bool   // a cursor has more rows
	failed      bool
	cancelled   bool
	code        []byte
	message     []byte
	hash        hash.Hash // of a file's content; nil: there was none
	sum         [32]byte  // room for it
	row         []byte    // the answer to a question of the gateway's
}

const maxInfo = 4 << 10 // 4 KiB of info are kept of a command

// reset keeps the room.
func (r *running) reset() {
	*r = running{info: r.info[:0], code: r.code[:0], message: r.message[:0]}
}

// addInfo keeps the text of an OK. Its length stands in front of it, whatever was negotiated.
func (r *running) addInfo(info []byte) {
	if b := (body{b: info}); len(info) > 0 {
		if text := b.lenencText(); !b.bad {
			info = text
		}
	}
	if len(info) == 0 || len(r.info)+len(info) > maxInfo {
		return
	}
	if len(r.info) > 0 {
		r.info = append(r.info, "; "...)
	}
	r.info = append(r.info, info...)
}

func (r *running) failedWith(code, message []byte, cancelled bool) {
	r.failed, r.cancelled = true, cancelled
	r.code = append(r.code[:0], code...)
	r.message = append(r.message[:0], message...)
}

// result is the Result of the current command, with what has been answered.
func (m *machine) result() record.Record {
	r := &m.run
	rec := record.Record{Kind: record.KindResult, Of: m.cmd.seq, Outcome: record.OutcomeDone, Rows: r.rows, Bytes: r.bytes,
		InsertID: r.insertID, Warnings: r.warnings, Text: r.info, Code: r.code, Message: r.message}
	if r.hash != nil {
		rec.Hash = r.hash.Sum(r.sum[:0])
	}
	switch {
	case r.cancelled:
		rec.Outcome = record.OutcomeCancelled
	case r.failed:
		rec.Outcome = record.OutcomeFailed
	}
	if r.suspended {
		rec.Flags |= record.FlagSuspended
	}
	return rec
}

// finish follows the end of an answer.
func (m *machine) finish() error {
	if m.cmd.own != ownNone {
		return m.ownEnds()
	}
	var err error
	if m.cmd.asked && !(m.cmd.step && !m.run.failed) {
		err = m.s.Tell(m.result())
	}
	m.cmd = command{}
	return err
}

// tellUnknown tells, at the session's end, that nobody knows what became of what was running.
func (m *machine) tellUnknown() error {
	if !m.cmd.asked || m.cmd.step {
		return nil
	}
	rec := m.result()
	rec.Outcome = record.OutcomeUnknown
	m.cmd = command{}
	return m.s.Tell(rec)
}
