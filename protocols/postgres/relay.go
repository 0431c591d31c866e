package postgres

import (
	"fmt"
	"math/rand/v2"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// machineConfig is what a relay needs to know of its session.
type machineConfig struct {
	MaxText  int               // bytes of a message that is held whole to be judged; over it is refused. 0: 16 MiB
	Settings map[string]string // ParameterStatus as the target reported it at login
}

const (
	defaultMaxText = 16 << 20 // 16 MiB
	chunkSize      = 64 << 10 // 64 KiB: what is held of a longer Bind
	maxBindHead    = 4        // chunks that a Bind's names and formats may take
)

// machine is one session after login (PostgreSQL's documentation, chapter 55.2): bytes in, bytes and records out. What
// the client sends is asked about and released in the client's order; what the server answers is matched with what
// is outstanding (queue) in the server's order, and told. It implements relay.Machine.
//
// Nothing is guessed: where what a message means depends on an answer that is still to come, the machine waits for it.
type machine struct {
	s       protocols.Session
	maxText int
	chunk   int

	client   inbound // where the client's stream stands
	server   inbound // where the server's stream stands
	queue    queue
	names    names
	settings settings
	segment  uint64 // Syncs sent
	bind     bindStream

	unflushed  bool // something went out since the last message that makes the server flush its answers
	skipping   bool // the server passes over everything up to the next Sync
	copyIn     bool // the server reads COPY content
	copyOut    bool // the server sends COPY content
	unfinished bool // the session ended before the server had answered all
	terminated bool // the client said goodbye
	cancelled  bool // a cancel request was passed on and has met nothing yet
	ended      bool

	run     running               // what the oldest action has answered so far
	until   condition             // what the client waits for
	asking  protocols.Asking      // the action whose answer is awaited
	params  []record.Param        // room
	number  []byte                // room
	await   func(<-chan struct{}) // asking.Await, made once
	bogus   []byte                // the name of a statement that never exists
	nothing []byte                // a Describe of it
}

var _ relay.Machine = (*machine)(nil)

func newMachine(cfg machineConfig, s protocols.Session) *machine {
	m := &machine{s: s, maxText: cfg.MaxText, chunk: chunkSize}
	if m.maxText == 0 {
		m.maxText = defaultMaxText
	}
	for name, value := range cfg.Settings {
		m.settings.set([]byte(name), []byte(value))
	}
	m.await = m.asking.Await
	m.bogus = fmt.Appendf(nil, "gatefold_refused_%016x%016x", rand.Uint64(), rand.Uint64())
	m.nothing = message(nil, typeDescribe, []byte{ofStatement}, m.bogus, []byte{0})
	return m
}

// Client implements relay.Machine.
func (m *machine) Client(p []byte, out *relay.Out) (int, error) {
	m.client.rest()
	if m.until != nil && !m.until() {
		return 0, nil
	}
	m.until = nil
	for done := 0; done < len(p); {
		n, err := m.clientPiece(p[done:], out)
		done += n
		if err != nil || n == 0 {
			return done, err
		}
	}
	return len(p), nil
}

// clientPiece takes the next part of p: of a body that isn't held, the start of a message, or a whole one. 0: it waits.
func (m *machine) clientPiece(p []byte, out *relay.Out) (int, error) {
	if m.terminated {
		return len(p), nil
	}
	switch m.client.mode {
	case modeDrop:
		return m.client.pass(len(p)), nil
	case modeCopy:
		n := m.client.pass(len(p))
		if m.copyIn {
			m.copied(p[:n])
		}
		out.ToServer.Forward(p[:n])
		return n, nil
	case modeBind:
		return m.bindPiece(p, out)
	}
	return m.clientMessage(p, out)
}

// clientMessage takes the start of a message, or all of it.
func (m *machine) clientMessage(p []byte, out *relay.Out) (int, error) {
	n, head := m.client.fill(p, headSize)
	if head == nil {
		return n, nil
	}
	kind, size, ok := frame(head)
	if err := checkHead(kind, size, ok); err != nil {
		return 0, err
	}
	switch {
	case kind == typeCopyData:
		return m.client.settle(n, m.copyData(head, size, out)), nil
	case kind == typeBind && size > m.chunk:
		m.bindBegin(head, size)
		return n, nil
	case size > m.maxText && (kind == typeQuery || kind == typeParse || kind == typeFunctionCall):
		return m.tooLong(n, kind, size, out)
	}
	n, msg := m.client.complete(p, n, headSize+size)
	if msg == nil {
		return n, nil
	}
	taken, err := m.message(msg, out)
	return m.client.settle(n, taken), err
}

// checkHead refuses what no PostgreSQL would read on after.
func checkHead(kind byte, size int, ok bool) error {
	small := false
	switch kind {
	case typeQuery, typeParse, typeBind, typeFunctionCall, typeCopyData:
	case typeClose, typeDescribe, typeExecute, typeFlush, typeSync, typeTerminate, typeCopyDone, typeCopyFail:
		small = true
	default:
		return violation(fmt.Sprintf("invalid frontend message type %d", kind))
	}
	if !ok || small && size > maxSmall {
		return violation(fmt.Sprintf("invalid length of a message of type %q", kind))
	}
	return nil
}

// violation is a breach of the protocol that ends the session.
func violation(message string) *protocols.Error {
	return &protocols.Error{Class: protocols.ClassBadRequest, Message: message}
}

// message judges one whole message and releases it, or what stands in its place. false: it waits, and is looked at again.
func (m *machine) message(msg []byte, out *relay.Out) (bool, error) {
	if taken, gone, err := m.copyGate(msg[0], out); gone || err != nil {
		return taken, err
	}
	if m.queue.len() >= maxQueue {
		return m.awaitServer(m.hasRoom, out), nil
	}
	b := msg[headSize:]
	switch msg[0] {
	case typeQuery:
		return m.simpleQuery(msg, b, out)
	case typeParse:
		return m.parse(msg, b, out)
	case typeBind:
		return m.bindWhole(msg, b, out)
	case typeExecute:
		return m.execute(msg, b, out)
	case typeDescribe:
		return m.describe(msg, b, out)
	case typeClose:
		return m.closeName(msg, b, out)
	case typeFunctionCall:
		return m.functionCall(msg, b, out)
	case typeSync:
		return m.sync(msg, out)
	case typeFlush:
		m.unflushed = false
	case typeTerminate:
		m.terminated = true
	}
	out.ToServer.Forward(msg)
	return true, nil
}

// HalfClosed implements relay.Machine: the server answers what it was asked before (libpq's shutdown, psql's end of input).
func (m *machine) HalfClosed() bool { return true }

// End implements relay.Machine. Actions without a Result get one: nobody knows what became of them.
func (m *machine) End(cause error, out *relay.Out) error {
	if m.ended {
		return cause
	}
	m.ended = true
	m.unfinished = m.queue.len() > 0
	told := m.tellRest()
	if cause == relay.ErrServerClosed && m.terminated {
		cause = nil
	}
	if cause != nil && cause != relay.ErrServerClosed && !m.server.inBody() {
		out.ToClient.Append(errorResponse(protocols.AsError(cause), severityFatal))
	}
	if cause == nil {
		return told
	}
	return cause
}

// askCancel proposes to pass a cancel request on, under the driver's lock. The answer's Seq goes to toldCancel.
func (m *machine) askCancel() protocols.Answer {
	if m.ended {
		return protocols.Answer{Verdict: record.VerdictDeny, Refusal: &protocols.Error{
			Class: protocols.ClassBadRequest, Message: "the session is over"}}
	}
	rec := record.Record{Kind: record.KindCancel}
	for place := m.queue.head; place < m.queue.tail && rec.Of == 0; place++ {
		if e := m.queue.at(place); e.isAction() {
			rec.Of = e.seq
		}
	}
	answer := m.s.Ask(protocols.Action{Record: rec})
	m.cancelled = m.cancelled || answer.Verdict != record.VerdictDeny
	return answer
}

// toldCancel records what came of a cancel request that was allowed: nil when the target took it.
func (m *machine) toldCancel(seq uint64, err error) error {
	result := record.Record{Kind: record.KindResult, Of: seq, Outcome: record.OutcomeDone}
	if err != nil {
		result.Outcome, result.Message = record.OutcomeFailed, []byte(err.Error())
	}
	return m.s.Tell(result)
}
