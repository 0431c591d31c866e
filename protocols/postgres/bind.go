package postgres

import (
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// bindWhole takes a Bind that is held whole.
func (m *machine) bindWhole(msg, b []byte, out *relay.Out) (bool, error) {
	e := expect{kind: typeBind}
	h, _, ok := decodeBindHead(b)
	if !ok {
		return m.malformed(e, msg, out)
	}
	stmt, wait := m.statementFor(h.statement)
	if wait != nil {
		return m.awaitServer(wait, out), nil
	}
	m.bind.values.begin(h, stmt.types)
	_, params, ok := m.bind.values.feed(b[h.size:], m.params[:0])
	m.keepParams(params)
	if !ok || !m.bind.values.whole() {
		return m.malformed(e, msg, out)
	}
	answer, ok := m.askBind(h, stmt, record.Record{Params: params}, out)
	if !ok {
		return false, nil
	}
	return true, m.releaseBind(h, stmt, answer, msg, out)
}

// askBind asks about a Bind, whose values rec holds.
func (m *machine) askBind(h bindHead, stmt prepared, rec record.Record, out *relay.Out) (protocols.Answer, bool) {
	rec.Kind, rec.Of, rec.Name, rec.Portal = record.KindBind, stmt.seq, h.statement, h.portal
	action := protocols.Action{Record: rec, Facts: stmt.facts}
	if !stmt.known {
		action.Unsure = unknownStatement
	}
	answer, ok := m.ask(action, out)
	if ok && answer.Verdict == record.VerdictAllow && len(m.names.portals) >= maxStatements {
		answer.Verdict = record.VerdictDeny
		answer.Refusal = &protocols.Error{Class: protocols.ClassTooLong, Message: "too many portals",
			Hint: "Close those that are no longer used."}
	}
	return answer, ok
}

func (m *machine) releaseBind(h bindHead, stmt prepared, answer protocols.Answer, msg []byte, out *relay.Out) error {
	e := expect{kind: typeBind, marks: stmt.marks & marksInert}
	m.absent(&e, &answer, stmt.known, preparedStatement, h.statement)
	e.portal = bound{known: true, name: m.ownPortal(h.portal), seq: answer.Seq, stmt: stmt}
	return m.release(e, answer, msg, out)
}

// bindStream is a Bind that is longer than a chunk. Its values are recorded and released chunk by chunk: the first in the
// Bind's own record, the others in Data records. Chunks are cut at fixed places of the body, however it arrives.
type bindStream struct {
	values values
	size   int    // bytes of the whole body
	offset int    // bytes of it that are dealt with
	want   int    // bytes of the next chunk
	seq    uint64 // of the Bind's record
}

func (m *machine) bindBegin(head []byte, size int) {
	if len(m.client.held) == 0 {
		m.client.held = append(m.client.held, head...)
	}
	m.bind.size, m.bind.offset, m.bind.want = size, 0, headSize+m.chunk
	m.client.mode = modeBind
}

// bindPiece takes the next part of a long Bind.
func (m *machine) bindPiece(p []byte, out *relay.Out) (int, error) {
	n, chunk := m.client.fill(p, m.bind.want)
	if chunk == nil {
		return n, nil
	}
	if m.bind.offset == 0 {
		return m.bindStart(n, chunk, out)
	}
	taken, err := m.bindNext(chunk, out)
	if taken {
		m.bindAdvance()
	}
	return m.client.settle(n, taken), err
}

// bindStart takes the first chunk, n bytes of which are new, as message takes a whole message.
func (m *machine) bindStart(n int, chunk []byte, out *relay.Out) (int, error) {
	if taken, gone, err := m.copyGate(typeBind, out); gone || err != nil {
		if taken {
			m.bindDrop(len(chunk))
		}
		return m.client.settle(n, taken), err
	}
	if m.queue.len() >= maxQueue {
		return m.client.settle(n, m.awaitServer(m.hasRoom, out)), nil
	}
	taken, more, err := m.bindFirst(chunk, out)
	if more {
		return n, nil
	}
	if taken && m.client.mode == modeBind {
		m.bindAdvance()
	}
	return m.client.settle(n, taken), err
}

// bindDrop passes over what follows the first size bytes of the message.
func (m *machine) bindDrop(size int) {
	m.client.mode = modeMessage
	m.client.start(modeDrop, headSize+m.bind.size-size)
}

// bindAdvance goes on to the next chunk, or to the next message.
func (m *machine) bindAdvance() {
	b := &m.bind
	if b.offset == 0 {
		b.want -= headSize
	}
	b.offset += b.want
	if b.want = min(m.chunk, b.size-b.offset); b.want == 0 {
		m.client.mode = modeMessage
	}
}

// bindFirst takes the first chunk, with the message's head. more: the names and formats go on past it, and another chunk
// is held with it.
func (m *machine) bindFirst(chunk []byte, out *relay.Out) (taken, more bool, err error) {
	b := chunk[headSize:]
	rest := m.bind.size - len(b)
	h, short, ok := decodeBindHead(b)
	if short && rest > 0 && len(b) < maxBindHead*m.chunk {
		m.bind.want += min(m.chunk, rest)
		m.client.hold(chunk)
		return false, true, nil
	}
	stmt, wait := m.statementFor(h.statement)
	if wait != nil {
		return m.awaitServer(wait, out), false, nil
	}
	var params []record.Param
	if ok {
		m.bind.values.begin(h, stmt.types)
		_, params, ok = m.bind.values.feed(b[h.size:], m.params[:0])
		m.keepParams(params)
	}
	if !ok {
		m.bindDrop(len(chunk))
		taken, err = m.malformed(expect{kind: typeBind}, nil, out)
		return taken, false, err
	}
	answer, ok := m.askBind(h, stmt, record.Record{Params: params, Flags: record.FlagMore, Length: m.bind.missing()}, out)
	if !ok {
		return false, false, nil
	}
	if answer.Verdict != record.VerdictAllow {
		m.bindDrop(len(chunk))
	}
	m.bind.seq = answer.Seq
	return true, false, m.releaseBind(h, stmt, answer, chunk, out)
}

// bindNext takes a later chunk. Too late to refuse in place: what can't be recorded or read ends the session, and the
// server, which has half a message, runs nothing of it.
func (m *machine) bindNext(chunk []byte, out *relay.Out) (bool, error) {
	offset := uint64(m.bind.values.size - m.bind.values.left)
	before := m.bind.values
	rest, params, ok := m.bind.values.feed(chunk, m.params[:0])
	m.keepParams(params)
	last := m.bind.offset+len(chunk) == m.bind.size
	if !ok || last && !m.bind.values.whole() {
		return false, violation("invalid message format")
	}
	rec := record.Record{Kind: record.KindData, Of: m.bind.seq, Text: rest, Params: params, Length: m.bind.missing()}
	if len(rest) > 0 {
		rec.Bytes = offset
	}
	if !last {
		rec.Flags = record.FlagMore
	}
	answer, ok := m.ask(protocols.Action{Record: rec}, out)
	if !ok {
		m.bind.values = before
		return false, nil
	}
	if answer.Verdict != record.VerdictAllow {
		return false, answer.Refusal
	}
	out.ToServer.Forward(chunk)
	return true, nil
}

// missing is the size of the value that goes on in the next chunk; 0: none does.
func (b *bindStream) missing() uint64 {
	if b.values.left == 0 {
		return 0
	}
	return uint64(b.values.size)
}
