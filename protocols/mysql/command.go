package mysql

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// command is what the server is answering.
type command struct {
	phase  phase
	kind   byte
	own    own        // a question of the gateway's: its answer isn't the client's
	asked  bool       // it was asked about, and its Result is still to be told
	cursor bool       // EXECUTE: rows were asked for behind a cursor
	step   bool       // a Result is told only of failure
	seq    uint64     // of its record
	last   byte       // number of its last packet
	marks  marks      // of its text
	stmt   *statement // PREPARE: what it makes; EXECUTE, FETCH: what it runs
	text   []byte     // with marksLocal its text, which a request for a file is compared with
}

// commandNames are the words of commands in records and for policies. Commands without one are refused.
var commandNames = [...]string{
	comInitDB: "init_db", comFieldList: "field_list", comCreateDB: "create_db", comDropDB: "drop_db", comRefresh: "refresh",
	comShutdown: "shutdown", comStatistics: "statistics", comProcessInfo: "process_info", comProcessKill: "process_kill",
	comDebug: "debug", comBinlogDump: "binlog_dump", comTableDump: "table_dump", comRegisterSlave: "register_slave",
	comSetOption: "set_option", comBinlogDumpGTID: "binlog_dump_gtid", comResetConnection: "reset_connection",
}

func commandName(kind byte) string {
	if int(kind) < len(commandNames) && commandNames[kind] != "" {
		return commandNames[kind]
	}
	return "command 0x" + strconv.FormatUint(uint64(kind), 16)
}

// command judges one whole command and releases it, or answers it with a refusal. false: it waits, and is looked at again.
func (m *machine) command(msg []byte, out *relay.Out) (bool, error) {
	b, last := payload(msg)
	m.cmd = command{kind: b[0], last: last}
	b = b[1:]
	switch m.cmd.kind {
	case comQuery:
		return m.query(msg, b, out)
	case comStmtPrepare:
		return m.prepare(msg, b, out)
	case comStmtExecute, comStmtBulkExecute:
		return m.execute(msg, b, out)
	case comStmtFetch:
		return m.fetch(msg, b, out)
	case comStmtSendLongData:
		return m.longData(msg, b, out)
	case comStmtClose:
		return m.closeStatement(msg, b, out)
	case comStmtReset:
		return m.resetStatement(msg, b, out)
	case comPing: // touches nothing, and pools of connections send it all day: it is not on record
		m.expect(phaseFirst)
	case comQuit:
		m.terminated = true
	case comChangeUser:
		out.ToServer.Append([]byte{1, 0, 0, 0, comQuit})
		m.again = &changeUser{payload: bytes.Clone(b)}
		return true, m.again
	default:
		return m.other(msg, b, out)
	}
	out.ToServer.Forward(msg)
	return true, nil
}

// isAgain reports whether a session ends because its client begins another.
func isAgain(err error) bool { return errors.Is(err, protocols.ErrAgain) }

// query judges COM_QUERY: a text of one or several statements, behind its attributes.
func (m *machine) query(msg, b []byte, out *relay.Out) (bool, error) {
	attrs, text, ok := m.attributes(b)
	if !ok {
		return true, m.malformed(out)
	}
	if thread, form, ok := killText(text); ok {
		if taken, own, err := m.kill(text, thread, form, out); own {
			return taken, err
		}
	}
	rec := record.Record{Kind: record.KindQuery, Text: text, Params: attrs}
	answer, ok := m.askText(rec, text, out)
	if !ok {
		return false, nil
	}
	if m.cmd.marks&marksLocal != 0 {
		m.cmd.text = bytes.Clone(text)
	}
	return true, m.release(answer, msg, phaseFirst, out)
}

// askText asks about a text under the settings that the target reads it with. false: it waits for them, or for the answer.
func (m *machine) askText(rec record.Record, text []byte, out *relay.Out) (protocols.Answer, bool) {
	found := markText(text)
	if !m.asking.Pending() && m.dirty && !diagnostic(text) {
		m.askState(out)
		return protocols.Answer{}, false
	}
	m.cmd.marks = found
	unsure := m.unsure(found)
	m.dirty, m.blind = m.dirty || m.blind, false
	return m.ask(protocols.Action{Record: rec, Reading: m.reading, Unsure: unsure}, out)
}

// other judges a command without a statement.
func (m *machine) other(msg, b []byte, out *relay.Out) (bool, error) {
	kind := m.cmd.kind
	rec := record.Record{Kind: record.KindCommand, Name: append(m.number[:0], commandName(kind)...), Text: b}
	m.number = rec.Name
	next := phaseFirst
	switch kind {
	case comFieldList:
		rec.Text, _, _ = bytes.Cut(b, []byte{0})
		next = phaseFields
	case comProcessKill:
		if len(b) < 4 {
			return true, m.malformed(out)
		}
		id := uint64(binary.LittleEndian.Uint32(b))
		rec.Text = strconv.AppendUint(nil, id, 10)
		if taken, own, err := m.kill(append([]byte("KILL "), rec.Text...), id, "KILL ", out); own {
			return taken, err
		}
	case comStatistics:
		next = phaseSingle
	case comBinlogDump, comBinlogDumpGTID, comTableDump:
		next = phaseStream
	case comInitDB, comResetConnection, comCreateDB, comDropDB, comRefresh, comShutdown, comProcessInfo, comDebug,
		comRegisterSlave, comSetOption:
	default:
		return m.unknown(rec, out)
	}
	if (kind == comFieldList) && m.dirty {
		m.askState(out)
		return false, nil
	}
	answer, ok := m.ask(protocols.Action{Record: rec, Reading: m.reading}, out)
	if !ok {
		return false, nil
	}
	if kind == comInitDB || kind == comResetConnection {
		m.cmd.marks = marksState
	}
	return true, m.release(answer, msg, next, out)
}

// unknown refuses by name what no gatefold knows how to relay.
func (m *machine) unknown(rec record.Record, out *relay.Out) (bool, error) {
	rec.Text, rec.Flags = nil, record.FlagUnread
	answer, ok := m.ask(protocols.Action{Record: rec, Reading: m.reading, Unsure: "the gateway does not know this command"}, out)
	if !ok {
		return false, nil
	}
	answer.Verdict, answer.Refusal = record.VerdictDeny, &protocols.Error{Class: protocols.ClassUnsupported,
		Message: "the gateway does not pass on " + commandName(m.cmd.kind), Hint: "Use a statement instead, which policy sees."}
	return true, m.refused(m.cmd.last, answer, out)
}

// release sends a command that may go, or answers it with its refusal.
func (m *machine) release(answer protocols.Answer, msg []byte, next phase, out *relay.Out) error {
	if answer.Verdict != record.VerdictAllow {
		return m.refused(m.cmd.last, answer, out)
	}
	out.ToServer.Forward(msg)
	m.sent(answer, next)
	return nil
}

// sent notes that a command that was asked about went out.
func (m *machine) sent(answer protocols.Answer, next phase) {
	m.cmd.seq, m.cmd.asked = answer.Seq, true
	m.dirty = m.dirty || m.cmd.marks&marksState != 0
	m.expect(next)
}

// expect begins to wait for an answer.
func (m *machine) expect(next phase) {
	m.cmd.phase = next
	m.answer.last, m.answer.parted = m.cmd.last, false
	m.run.reset()
}

// refused answers a command in its place: last is the number of its last packet. The connection and its transaction go on.
func (m *machine) refused(last byte, answer protocols.Answer, out *relay.Out) error {
	m.cmd = command{}
	out.ToClient.Append(appendPacket(nil, last+1, appendError(nil, answer.Refusal)))
	m.answer.last = last + 1
	if answer.Seq == 0 {
		return nil
	}
	return m.tellRefused(answer)
}

// tellRefused records that what was asked about was refused, and why.
func (m *machine) tellRefused(answer protocols.Answer) error {
	return m.s.Tell(record.Record{Kind: record.KindResult, Of: answer.Seq, Outcome: record.OutcomeRefused,
		Code: refusalCode(answer.Refusal), Message: []byte(answer.Refusal.Message)})
}

func refusalCode(e *protocols.Error) []byte {
	return strconv.AppendUint(nil, uint64(codeOf(e).code), 10)
}

// malformed refuses in place what can't be taken apart. There is nothing in it to ask about.
func (m *machine) malformed(out *relay.Out) error {
	kind := m.cmd.kind
	e := violation("malformed packet")
	if err := m.s.Tell(record.Record{Kind: record.KindNotice, Code: refusalCode(e),
		Message: []byte("a malformed command was refused: " + commandName(kind))}); err != nil {
		return err
	}
	return m.refused(m.cmd.last, protocols.Answer{Refusal: e}, out)
}
