package mysql

import (
	"bytes"
	"strconv"

	"github.com/gatefold/gatefold/internal/record"
)

// inspect takes a packet that is looked at as a whole.
func (m *machine) inspect(b []byte) error {
	if len(b) == 0 {
		return outOfStep("an empty packet")
	}
	if b[0] == answerError {
		return m.failed(b)
	}
	switch m.cmd.phase {
	case phaseIdle:
		return outOfStep("a packet that nobody asked for")
	case phaseFirst:
		return m.first(b)
	case phaseEOF:
		return m.definitionsEnd(b)
	}
	if m.cmd.own != ownNone && b[0] != answerEOF {
		m.run.row = bytes.Clone(b)
		return nil
	}
	return m.rowsEnd(b)
}

// first takes the first packet of an answer, or of a further result.
func (m *machine) first(b []byte) error {
	switch {
	case b[0] == answerOK && m.cmd.kind == comStmtPrepare && m.cmd.own == ownNone:
		return m.prepared(b)
	case b[0] == answerOK, b[0] == answerEOF:
		return m.done(b)
	case b[0] == answerFile:
		return m.fileAsked(b[1:])
	}
	r := body{b: b}
	n := r.lenenc()
	follow := true
	if m.caps.has(mariadbCacheMetadata) && len(r.b) > 0 {
		follow = r.byte() != 0
	}
	if !r.done() || n == 0 || n > maxParams {
		return outOfStep("a result without columns")
	}
	m.answer.count, m.answer.next = int(n), 0
	if !follow {
		m.answer.count = 0
		m.cmd.phase = phaseColumns
	}
	return m.nextDefinitions()
}

// definitionsEnd takes the EOF behind definitions.
func (m *machine) definitionsEnd(b []byte) error {
	e, ok := decodeEnd(b, false)
	if !ok || b[0] != answerEOF {
		return outOfStep("definitions without an end")
	}
	if m.cmd.cursor && e.status&statusCursorExists != 0 {
		m.run.suspended = true // the rows are fetched
		return m.finish()
	}
	m.cmd.phase = phaseFirst // behind their end
	return m.nextDefinitions()
}

// rowsEnd takes what ends rows: an EOF or, with clientDeprecateEOF, an OK in its place.
func (m *machine) rowsEnd(b []byte) error {
	e, ok := decodeEnd(b, m.caps.has(clientDeprecateEOF))
	if !ok {
		return outOfStep("rows without an end")
	}
	cursor := m.cmd.cursor || m.cmd.kind == comStmtFetch // MariaDB leaves the flag on where a block has had a cursor
	m.run.suspended = cursor && e.status&statusCursorExists != 0 && e.status&statusLastRowSent == 0
	return m.ends(&e)
}

// done takes an OK that is a whole result.
func (m *machine) done(b []byte) error {
	e, ok := decodeEnd(b, b[0] == answerOK || m.caps.has(clientDeprecateEOF) && len(b) >= 7)
	if !ok {
		return outOfStep("a malformed OK")
	}
	m.run.rows += e.affected
	if e.insertID != 0 {
		m.run.insertID = e.insertID
	}
	m.run.addInfo(e.info)
	return m.ends(&e)
}

// ends follows the end of a result: of the last one the command is done.
func (m *machine) ends(e *end) error {
	m.run.warnings += uint64(e.warnings)
	m.autocommit(e.status)
	if e.status&statusMoreResults != 0 {
		m.cmd.phase = phaseFirst
		return nil
	}
	if m.cmd.kind == comResetConnection && m.cmd.own == ownNone {
		clear(m.stmts)
		m.last, m.texts = nil, 0
	}
	return m.finish()
}

// autocommit records when it is switched.
func (m *machine) autocommit(status uint16) {
	if (status^m.state.status)&statusAutocommit != 0 && m.told == nil {
		text := "off"
		if status&statusAutocommit != 0 {
			text = "on"
		}
		m.told = m.s.Tell(record.Record{Kind: record.KindState, Name: []byte("autocommit"), Text: []byte(text)})
	}
	m.state.status = status
}

// end is an OK ("OK_Packet") or an EOF, as far as it is looked at.
type end struct {
	affected, insertID uint64
	status, warnings   uint16
	info               []byte
}

// decodeEnd reads an OK, or an EOF in its old form (whole is false): warnings and status.
func decodeEnd(b []byte, whole bool) (e end, ok bool) {
	r := body{b: b[1:]}
	if !whole {
		e.warnings, e.status = r.uint16(), r.uint16()
		return e, r.done()
	}
	e.affected, e.insertID = r.lenenc(), r.lenenc()
	e.status, e.warnings = r.uint16(), r.uint16()
	e.info = r.b
	return e, !r.bad
}

// failure is an ERR ("ERR_Packet"); state is nil where it has none, as before a login.
type failure struct {
	code    uint16
	state   []byte
	message []byte
}

func decodeError(b []byte) (f failure, ok bool) {
	r := body{b: b[1:]}
	f.code = r.uint16()
	if len(r.b) > 0 && r.b[0] == '#' {
		r.byte()
		f.state = r.take(5)
	}
	f.message = r.b
	return f, !r.bad
}

const (
	codeProgress      = 0xffff // MariaDB's progress report, which comes as an ERR and ends nothing
	codeUnknown       = 1105   // ER_UNKNOWN_ERROR, of long data that are too long
	codeArguments     = 1210   // ER_WRONG_ARGUMENTS
	codeNotInPrepared = 1295   // ER_UNSUPPORTED_PS

	codeInterrupted = 1317 // ER_QUERY_INTERRUPTED
	codeKilled      = 1927 // ER_CONNECTION_KILLED
)

// failed takes an ERR: the command is over, whatever results were to follow.
func (m *machine) failed(b []byte) error {
	f, ok := decodeError(b)
	switch {
	case !ok:
		return outOfStep("a malformed ERR")
	case f.code == codeProgress && m.caps.has(mariadbProgress) && m.cmd.phase != phaseIdle:
		return nil
	}
	m.number = strconv.AppendUint(m.number[:0], uint64(f.code), 10)
	if m.cmd.phase == phaseIdle {
		return m.unasked(&f)
	}
	m.run.failedWith(m.number, f.message, f.code == codeInterrupted || f.code == codeKilled)
	m.cmd.stmt.unread(f.code)
	return m.finish()
}

// unasked takes an ERR that answers nothing: the server ends the session, or has had enough of a command that still goes
// on. A server that goes on talking after that is none: each of its words would be a record.
func (m *machine) unasked(f *failure) error {
	if m.answer.parted {
		return outOfStep("a second error that nobody asked for")
	}
	m.answer.parted = true
	if s := &m.stream; m.mode == modeStream && s.begun && !s.drop && !s.answered && s.kind != comStmtSendLongData {
		s.answered = true
		s.stmt.unread(f.code)
		return m.s.Tell(record.Record{Kind: record.KindResult, Of: s.seq, Outcome: record.OutcomeFailed, Code: m.number, Message: f.message})
	}
	return m.s.Tell(record.Record{Kind: record.KindNotice, Code: m.number, Message: f.message})
}
