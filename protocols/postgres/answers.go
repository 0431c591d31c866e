package postgres

import (
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
)

// maxHeld is how much of a server's message is held to be read: of a longer error or notice, the rest goes on unread.
const maxHeld = 64 << 10 // 64 KiB

// Server implements relay.Machine. What the server sends goes on by reference; only an error that answers what stands in
// a refused message's place is swallowed, and another is told in its stead.
func (m *machine) Server(p []byte, out *relay.Out) error {
	m.server.rest()
	from := 0 // p[from:i] is seen and goes on as it is
	for i := 0; i < len(p); {
		n, instead, asIs, err := m.serverPiece(p[i:])
		if err != nil {
			out.ToClient.Forward(p[from:i])
			return err
		}
		if !asIs {
			out.ToClient.Forward(p[from:i])
			out.ToClient.Append(instead)
			from = i + n
		}
		i += n
	}
	out.ToClient.Forward(p[from:])
	return nil
}

// serverPiece takes the next part of p: of a body that isn't held, the start of a message, or a whole one. The client gets
// the same bytes (asIs), or instead.
func (m *machine) serverPiece(p []byte) (n int, instead []byte, asIs bool, err error) {
	in := &m.server
	switch in.mode {
	case modeDrop:
		return in.pass(len(p)), nil, false, nil
	case modePass:
		return in.pass(len(p)), nil, true, nil
	case modeCopy:
		n = in.pass(len(p))
		m.copied(p[:n])
		return n, nil, true, nil
	}
	cut := len(in.held) > 0
	n, head := in.fill(p, headSize)
	if head == nil {
		return n, nil, false, nil
	}
	kind, size, ok := frame(head)
	if !ok {
		return 0, nil, false, fmt.Errorf("read from target: invalid length of a message of type %q", kind)
	}
	if streamed(kind) {
		err = m.streams(kind, size)
		n = in.settle(n, true)
		if !cut {
			return n, nil, true, err
		}
		return n, head, false, err
	}
	return m.serverWhole(p, n, kind, size)
}

// serverWhole takes a message that is read, having used n bytes of p for its head.
func (m *machine) serverWhole(p []byte, n int, kind byte, size int) (int, []byte, bool, error) {
	in := &m.server
	whole := headSize + min(size, maxHeld)
	n, msg := in.complete(p, n, whole)
	if msg == nil {
		return n, nil, false, nil
	}
	cut := len(in.held) > 0
	rewritten, err := m.answer(kind, msg[headSize:])
	n = in.settle(n, true)
	switch rest := headSize + size - whole; {
	case rewritten != nil:
		in.start(modeDrop, rest)
		return n, rewritten, false, err
	case cut:
		in.start(modePass, rest)
		return n, msg, false, err
	default:
		in.start(modePass, rest)
		return n, nil, true, err
	}
}

// streamed reports whether messages of this type may be long, and are not read but for their head.
func streamed(kind byte) bool {
	switch kind {
	case typeDataRow, typeRowDescription, typeCopyData, typeFunctionCallResponse:
		return true
	}
	return false
}

// streams follows the head of a message whose body goes on unread.
func (m *machine) streams(kind byte, size int) error {
	e := m.queue.first()
	if e == nil || e.refused != nil {
		return outOfStep(kind)
	}
	next := modePass
	switch {
	case kind == typeDataRow && (e.kind == typeQuery || e.kind == typeExecute):
		m.run.rows++
		m.run.bytes += uint64(size)
		if e.kind == typeExecute {
			m.queue.uncopy(e)
		}
	case kind == typeRowDescription && e.kind == typeDescribe:
		m.queue.pop()
	case kind == typeRowDescription && e.kind == typeQuery:
	case kind == typeFunctionCallResponse && e.kind == typeFunctionCall:
		m.run.bytes += uint64(size)
	case kind == typeCopyData && m.copyOut:
		next = modeCopy
	default:
		return outOfStep(kind)
	}
	m.server.start(next, size)
	return nil
}

// outOfStep says that the server sent what nothing outstanding can have caused. Attribution would be wrong from here on.
func outOfStep(kind byte) error {
	return fmt.Errorf("read from target: unexpected message of type %q", kind)
}

// answer follows a message that is read whole. An answer in another's stead is returned where there must be one.
func (m *machine) answer(kind byte, b []byte) (instead []byte, err error) {
	switch kind {
	case typeErrorResponse:
		return m.failed(b)
	case typeNoticeResponse:
		return nil, m.noticed(b)
	case typeNotification:
		return nil, m.notified(b)
	case typeParameterStatus:
		return nil, m.reported(b)
	case typeReadyForQuery:
		return nil, m.ready(b)
	case typeCommandComplete, typeEmptyQueryResponse, typePortalSuspended:
		return nil, m.completed(kind, b)
	case typeCopyInResponse, typeCopyOutResponse:
		return nil, m.copyBegins(kind)
	case typeCopyDone:
		if !m.copyOut {
			return nil, outOfStep(kind)
		}
		m.copyOut = false
		return nil, nil
	case typeParameterDescription:
		return nil, m.described(b)
	}
	return nil, m.prepared(kind)
}

// prepared follows the answers to Parse, Bind, Close and Describe: now the names mean what was asked for.
func (m *machine) prepared(kind byte) error {
	switch {
	case kind == typeParseComplete && m.queue.firstIs(typeParse):
		m.names.setStatement(m.queue.first().stmt)
	case kind == typeBindComplete && m.queue.firstIs(typeBind):
		m.names.setPortal(m.queue.first().portal)
	case kind == typeCloseComplete && m.queue.firstIs(typeClose):
		m.names.closed(m.queue.first())
	case kind == typeNoData && m.queue.firstIs(typeDescribe):
	default:
		return outOfStep(kind)
	}
	m.queue.pop()
	return nil
}

// described follows a ParameterDescription: the server says which types a statement's parameters have.
func (m *machine) described(b []byte) error {
	if !m.queue.firstIs(typeDescribe) || m.queue.first().of != ofStatement {
		return outOfStep(typeParameterDescription)
	}
	named := &m.queue.first().stmt
	stmt := m.names.statement(named.name)
	if !named.known || !stmt.known || stmt.seq != named.seq || len(b) < 2 {
		return nil
	}
	stmt.types = ownTypes(b[2:])
	m.names.setStatement(stmt)
	return nil
}

// ready follows ReadyForQuery: what a Sync, a Query or a FunctionCall began is over.
func (m *machine) ready(b []byte) error {
	e := m.queue.first()
	if e == nil || len(b) != 1 {
		return outOfStep(typeReadyForQuery)
	}
	switch e.kind {
	case typeSync:
		m.queue.pop()
	case typeQuery, typeFunctionCall:
		if err := m.finish(0); err != nil {
			return err
		}
	default:
		return outOfStep(typeReadyForQuery)
	}
	m.client.rest()
	if b[0] == 'I' { // no transaction: its portals are gone
		m.names.closePortals()
	}
	return nil
}

// reported follows a ParameterStatus.
func (m *machine) reported(b []byte) error {
	r := body{b: b}
	name, value := r.text(), r.text()
	if !r.done() {
		return outOfStep(typeParameterStatus)
	}
	m.settings.set(name, value)
	return m.s.Tell(record.Record{Kind: record.KindState, Name: name, Text: value})
}

// notified follows a NotificationResponse: what NOTIFY said, and who.
func (m *machine) notified(b []byte) error {
	r := body{b: b}
	pid := r.uint32()
	name, text := r.text(), r.text()
	if !r.done() {
		return outOfStep(typeNotification)
	}
	return m.s.Tell(record.Record{Kind: record.KindNotice, PID: uint64(pid), Name: name, Message: text})
}
