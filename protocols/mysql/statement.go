package mysql

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// statement is a prepared statement, as the server's answer to its PREPARE made it. Ids are the server's: what a client
// calls by an id runs what the server said that the id is.
type statement struct {
	id      uint32
	name    []byte // id in decimal
	seq     uint64 // of its PREPARE's record
	facts   protocols.Facts
	marks   marks
	size    int    // of its text
	touchy  bool   // what its text means depends on the settings that it is read under, and the server may read it again
	charset string // ... which were these when it was prepared
	mode    string
	params  int
	types   []byte           // two bytes for each parameter, as they were last sent to the server; nil: never
	long    []byte           // bit map of parameters that long data went out for since the last execution; nil: none
	first   uint64           // of the first record with that long data
	refused *protocols.Error // of long data: told at the next execution, since long data has no answer
}

// unread forgets the types of parameters after an execution that the server may have refused before it had read all of those
// that were sent: it takes later values by its own. s may be nil.
func (s *statement) unread(code uint16) {
	switch code {
	case codeUnknown, codeArguments, codeNotInPrepared:
		if s != nil {
			s.types = nil
		}
	}
}

// lastPrepared is MariaDB's name for the statement prepared last.
const lastPrepared = 0xffffffff

// statementAt finds a statement by its id; nil: there is none.
func (m *machine) statementAt(id uint32) *statement {
	if id == lastPrepared && m.state.dialect == protocols.DialectMariaDB {
		return m.last
	}
	return m.stmts[id]
}

// prepare judges COM_STMT_PREPARE. It is a step: what is executed tells that it worked.
func (m *machine) prepare(msg, b []byte, out *relay.Out) (bool, error) {
	rec := record.Record{Kind: record.KindParse, Text: b}
	if sent, note := m.killPrepared(b); sent != nil {
		b, rec.Text, rec.Message = sent, sent, note
		msg = appendPacket(nil, 0, append([]byte{comStmtPrepare}, sent...))
	}
	answer, ok := m.askText(rec, b, out)
	if !ok {
		return false, nil
	}
	if len(m.stmts) >= maxStatements || m.texts+len(b) > maxPrepared {
		refuse(&answer, &protocols.Error{Class: protocols.ClassTooMany, Message: "too many prepared statements", Hint: "Close those that are no longer used."})
	}
	m.last = nil // the server's own goes as well, unless it prepares this one
	if answer.Verdict == record.VerdictAllow {
		m.cmd.step = true
		m.cmd.stmt = &statement{seq: answer.Seq, facts: answer.Facts, marks: m.cmd.marks, size: len(b)}
		if s := m.cmd.stmt; m.touchy(b, s.marks) {
			s.touchy, s.charset, s.mode = true, string(m.state.charset), string(m.state.mode)
		}
		m.cmd.marks = 0 // it changes nothing before it is executed
	}
	return true, m.release(answer, msg, phaseFirst, out)
}

// prepared takes the server's answer to PREPARE ("COM_STMT_PREPARE_OK"), all of it but the definitions that follow.
func (m *machine) prepared(b []byte) error {
	r := body{b: b}
	r.byte()
	s := m.cmd.stmt
	s.id = r.uint32()
	columns, params := int(r.uint16()), int(r.uint16())
	r.byte()
	if len(r.b) >= 2 {
		m.run.warnings += uint64(r.uint16())
	}
	if r.bad {
		return outOfStep("a malformed answer to PREPARE")
	}
	s.params, s.name = params, strconv.AppendUint(nil, uint64(s.id), 10)
	m.forget(m.stmts[s.id])
	m.stmts[s.id], m.last = s, s
	m.texts += s.size
	m.answer.definitions(params, columns)
	return m.nextDefinitions()
}

// execute judges COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE that are held whole.
func (m *machine) execute(msg, b []byte, out *relay.Out) (bool, error) {
	h, _, ok := m.executeHead(b)
	if h.stmt == nil {
		return true, m.noStatement(h.id, out)
	}
	var params []record.Param
	if ok {
		var used int
		used, _, params, ok = m.stream.values.feed(b[h.size:], true, m.params[:0])
		m.keepParams(params)
		ok = ok && used == len(b)-h.size
	}
	if !ok {
		return true, m.badArguments(out)
	}
	answer, there := m.askExecute(h, record.Record{Params: params}, out)
	if !there {
		return false, nil
	}
	return true, m.releaseExecute(h, answer, msg, out)
}

// keepParams keeps the room of parameters, which grew perhaps.
func (m *machine) keepParams(params []record.Param) {
	if cap(params) <= 1024 {
		m.params = params
	}
}

// askExecute asks about an execution, whose values rec holds. false: it waits for the settings that the server may read the
// statement's text under, or for the answer.
func (m *machine) askExecute(h executeHead, rec record.Record, out *relay.Out) (protocols.Answer, bool) {
	if !m.asking.Pending() && m.dirty && h.stmt.touchy {
		m.askState(out)
		return protocols.Answer{}, false
	}
	rec.Kind, rec.Of, rec.Name = record.KindExecute, h.stmt.seq, h.stmt.name
	if h.stmt.long != nil {
		rec.Of = h.stmt.first
	}
	if m.cmd.kind == comStmtBulkExecute {
		rec.Portal = bulkPortal
	}
	action := protocols.Action{Record: rec, Facts: h.stmt.facts, Reading: m.reading}
	if action.Unsure = m.reread(h.stmt); action.Unsure != "" {
		action.Facts = nil
	}
	m.dirty, m.blind = m.dirty || m.blind, false
	answer, ok := m.ask(action, out)
	if ok && h.stmt.refused != nil {
		refuse(&answer, h.stmt.refused)
	}
	return answer, ok
}

// releaseExecute sends an execution or its first chunk, or refuses it.
func (m *machine) releaseExecute(h executeHead, answer protocols.Answer, msg []byte, out *relay.Out) error {
	s := h.stmt
	long := s.long != nil
	s.long, s.refused = nil, nil
	m.cmd.stmt, m.cmd.marks, m.cmd.cursor = s, s.marks, h.cursor
	if answer.Verdict == record.VerdictAllow {
		if h.types != nil {
			s.types = append(s.types[:0], h.types...)
		}
		return m.release(answer, msg, phaseFirst, out)
	}
	return m.refusedExecute(s, answer, long, out)
}

// refusedExecute refuses an execution; long: the server still has long data for it, and would add to that.
func (m *machine) refusedExecute(s *statement, answer protocols.Answer, long bool, out *relay.Out) error {
	err := m.refused(m.cmd.last, answer, out)
	if long && err == nil {
		m.askReset(s, out)
	}
	return err
}

// refuseAs answers a command on statements in the server's own words, with its code: what isn't prepared, or can't be
// taken apart, has no text to ask about.
func (m *machine) refuseAs(code uint16, message string, out *relay.Out) error {
	m.number = strconv.AppendUint(m.number[:0], uint64(code), 10)
	if err := m.s.Tell(record.Record{Kind: record.KindNotice, Code: m.number, Message: []byte(message)}); err != nil {
		return err
	}
	last := m.cmd.last
	m.cmd, m.answer.last = command{}, last+1
	b := binary.LittleEndian.AppendUint16([]byte{answerError}, code)
	out.ToClient.Append(appendPacket(nil, last+1, append(append(b, "#HY000"...), message...)))
	return nil
}

// noStatement refuses what names a statement that there is none of (ER_UNKNOWN_STMT_HANDLER).
func (m *machine) noStatement(id uint32, out *relay.Out) error {
	verb := "mysqld_stmt_execute"
	switch m.cmd.kind {
	case comStmtFetch:
		verb = "mysqld_stmt_fetch"
	case comStmtBulkExecute:
		verb = "mysqld_stmt_bulk_execute"
	case comStmtReset:
		verb = "mysqld_stmt_reset"
	}
	return m.refuseAs(1243, fmt.Sprintf("Unknown prepared statement handler (%d) given to %s", id, verb), out)
}

// badArguments refuses an execution whose values don't fit its statement (ER_WRONG_ARGUMENTS; ER_UNSUPPORTED_PS).
func (m *machine) badArguments(out *relay.Out) error {
	if m.cmd.kind == comStmtBulkExecute && !m.caps.has(mariadbBulk) {
		return m.refuseAs(codeNotInPrepared, "This command is not supported in the prepared statement protocol yet", out)
	}
	return m.refuseAs(1210, "Incorrect arguments to mysqld_stmt_execute", out)
}

// fetch judges COM_STMT_FETCH: the statement behind the cursor goes on.
func (m *machine) fetch(msg, b []byte, out *relay.Out) (bool, error) {
	r := body{b: b}
	id, _ := r.uint32(), r.uint32()
	s := m.statementAt(id)
	switch {
	case !r.done():
		return true, m.malformed(out)
	case s == nil:
		return true, m.noStatement(id, out)
	}
	rec := record.Record{Kind: record.KindExecute, Of: s.seq, Name: s.name, Portal: fetchPortal}
	answer, ok := m.ask(protocols.Action{Record: rec, Facts: s.facts, Reading: m.reading}, out)
	if !ok {
		return false, nil
	}
	m.cmd.stmt = s
	return true, m.release(answer, msg, phaseRows, out)
}

// What marks, in a record, an execution that goes on with a cursor's rows, and one of many rows of parameters.
var (
	fetchPortal = []byte(record.PortalCursor)
	bulkPortal  = []byte(record.PortalBulk)
)

// closeStatement passes COM_STMT_CLOSE on, which has no answer. What the gateway knows no statement by, the server may.
func (m *machine) closeStatement(msg, b []byte, out *relay.Out) (bool, error) {
	if len(b) < 4 {
		return true, m.malformed(out)
	}
	s := m.statementAt(binary.LittleEndian.Uint32(b))
	m.cmd = command{}
	if s == nil {
		return true, nil
	}
	m.forget(s)
	out.ToServer.Forward(msg)
	return true, nil
}

// forget lets go of a statement; nil is none.
func (m *machine) forget(s *statement) {
	if s == nil {
		return
	}
	delete(m.stmts, s.id)
	m.texts -= s.size
	if m.last == s {
		m.last = nil
	}
}

// resetStatement passes COM_STMT_RESET on: its long data and its cursor go.
func (m *machine) resetStatement(msg, b []byte, out *relay.Out) (bool, error) {
	if len(b) < 4 {
		return true, m.malformed(out)
	}
	id := binary.LittleEndian.Uint32(b)
	s := m.statementAt(id)
	if s == nil {
		return true, m.noStatement(id, out)
	}
	s.long, s.refused = nil, nil
	out.ToServer.Forward(msg)
	m.expect(phaseFirst)
	return true, nil
}

// longHead is what stands before the data of COM_STMT_SEND_LONG_DATA: statement and parameter.
const longHead = 4 + 2

// longData judges COM_STMT_SEND_LONG_DATA, or the first chunk of it. It has no answer: a refusal is told at the next
// execution.
func (m *machine) longData(msg, b []byte, out *relay.Out) (bool, error) {
	s, param, ok := m.longFor(b)
	if !ok {
		m.cmd = command{}
		return true, nil // the server would pass it over, too
	}
	taken, _, err := m.askLong(s, param, b[longHead:], msg, out)
	return taken, err
}

func (m *machine) longFor(b []byte) (s *statement, param int, ok bool) {
	r := body{b: b}
	s, param = m.statementAt(r.uint32()), int(r.uint16())
	return s, param, !r.bad && s != nil && param < s.params
}

// askLong asks about a piece of long data and sends msg, which it stands in. allowed is false where it was refused.
func (m *machine) askLong(s *statement, param int, piece, msg []byte, out *relay.Out) (taken, allowed bool, err error) {
	m.params = append(m.params[:0], record.Param{Type: typeBlob, Format: formatBinary, Value: piece})
	m.number = strconv.AppendInt(m.number[:0], int64(param), 10)
	rec := record.Record{Kind: record.KindBind, Of: s.seq, Name: s.name, Portal: m.number, Params: m.params}
	answer, ok := m.ask(protocols.Action{Record: rec, Facts: s.facts, Reading: m.reading}, out)
	if !ok {
		return false, false, nil
	}
	m.cmd = command{}
	if answer.Verdict != record.VerdictAllow {
		s.refused = answer.Refusal
		return true, false, m.tellRefused(answer)
	}
	if s.long == nil {
		s.long, s.first = make([]byte, (s.params+7)/8), answer.Seq
	}
	s.long[param/8] |= 1 << (param % 8)
	out.ToServer.Forward(msg)
	return true, true, nil
}
