package postgres

import (
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// ask proposes an action. false: the answer is awaited.
func (m *machine) ask(a protocols.Action, out *relay.Out) (protocols.Answer, bool) {
	answer, ok := m.asking.Ask(m.s, a)
	if !ok {
		out.Wait = m.await
	}
	return answer, ok
}

// condition is what the client waits for the server to bring about. nil: nothing.
type condition func() bool

// The conditions that there are.

func (m *machine) settledNames() bool   { return m.queue.renames == 0 }
func (m *machine) settledReplies() bool { return m.queue.replies == 0 }
func (m *machine) settledCopies() bool  { return m.queue.copies == 0 || m.copyIn }
func (m *machine) hasRoom() bool        { return m.queue.len() < maxQueue }
func (m *machine) answered(place uint64) condition {
	return func() bool { return m.queue.head > place }
}

// awaitServer makes the client wait until the condition holds, and sees to it that the server's answers come: they may sit
// there until a Flush, and the client's own may be behind what waits. It returns false, for "not taken".
func (m *machine) awaitServer(until condition, out *relay.Out) bool {
	m.until = until
	if m.unflushed {
		out.ToServer.Append(flush)
		m.unflushed = false
	}
	return false
}

// What stands in place of a refused message is a message of the same kind of answer that the server itself refuses: it
// keeps its place in a pipeline, ends a transaction as an error does, and a Sync isn't sent too early (which would
// commit what went before). The error that comes is rewritten.
var (
	flush       = message(nil, typeFlush)
	brokenQuery = message(nil, typeQuery, []byte("refused by gatefold\x00")) // does not parse
	callNothing = message(nil, typeFunctionCall, make([]byte, 4+2+2+2))      // function 0
)

// release sends msg to the server, or what stands in its place, and notes what is expected for it.
func (m *machine) release(e expect, answer protocols.Answer, msg []byte, out *relay.Out) error {
	e.seq, e.asked = answer.Seq, true
	if answer.Verdict != record.VerdictAllow {
		e.refused = answer.Refusal
	}
	return m.send(e, msg, out)
}

// send is release of what was asked or needn't be.
func (m *machine) send(e expect, msg []byte, out *relay.Out) error {
	e.segment = m.segment
	if m.skipping {
		if e.refused == nil {
			out.ToServer.Forward(msg)
		}
		return m.tellSkipped(&e)
	}
	switch {
	case e.refused == nil:
		out.ToServer.Forward(msg)
	case e.kind == typeQuery:
		out.ToServer.Forward(brokenQuery)
	case e.kind == typeFunctionCall:
		out.ToServer.Forward(callNothing)
	default:
		out.ToServer.Forward(m.nothing)
	}
	if e.refused != nil {
		e.marks = 0
	}
	m.queue.push(e)
	m.follow(&e)
	return nil
}

// follow keeps what a message that went out may change.
func (m *machine) follow(e *expect) {
	switch e.kind {
	case typeQuery, typeFunctionCall, typeSync:
		m.names.fromSQL = m.names.fromSQL || e.marks&marksName != 0
		m.unflushed, m.settings.changed = false, false
		return
	case typeBind, typeExecute:
		m.names.fromSQL = m.names.fromSQL || e.marks&marksName != 0
		if e.refused == nil && e.marks&marksInert == 0 {
			m.settings.changed = true
		}
	}
	m.unflushed = true
}

// malformed refuses in place a message that can't be taken apart. There is nothing in it to ask about.
func (m *machine) malformed(e expect, msg []byte, out *relay.Out) (bool, error) {
	e.refused = violation("invalid message format")
	err := m.s.Tell(record.Record{Kind: record.KindNotice, Code: []byte(sqlState(e.refused.Class, severityError)),
		Message: []byte("a malformed message of type " + string(e.kind) + " was refused")})
	if err != nil {
		return false, err
	}
	return true, m.send(e, msg, out)
}

// tooLong refuses in place a statement that is too long to be held. Its body is passed over.
func (m *machine) tooLong(n int, kind byte, size int, out *relay.Out) (int, error) {
	if taken, gone, err := m.copyGate(kind, out); gone || err != nil {
		if taken {
			m.client.start(modeDrop, size)
		}
		return m.client.settle(n, taken), err
	}
	if m.queue.len() >= maxQueue {
		return m.client.settle(n, m.awaitServer(m.hasRoom, out)), nil
	}
	rec := record.Record{Kind: record.KindQuery, Length: uint64(size), Flags: record.FlagUnread}
	switch kind {
	case typeParse:
		rec.Kind = record.KindParse
	case typeFunctionCall:
		rec.Kind = record.KindCall
	}
	answer, ok := m.ask(protocols.Action{Record: rec, Unsure: "it is longer than what is read of a statement"}, out)
	if !ok {
		return m.client.settle(n, false), nil
	}
	if answer.Verdict == record.VerdictAllow {
		answer.Verdict = record.VerdictDeny
		answer.Refusal = &protocols.Error{Class: protocols.ClassTooLong, Message: "statement is too long",
			Hint: "Send long values as parameters: they are not limited, the statement's text is."}
	}
	m.client.start(modeDrop, size)
	return m.client.settle(n, true), m.release(expect{kind: kind}, answer, nil, out)
}
