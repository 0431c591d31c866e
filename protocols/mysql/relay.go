package mysql

import (
	"errors"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

const (
	defaultMaxText = 16 << 20 // 16 MiB
	chunkSize      = 64 << 10 // 64 KiB: what is held of longer parameters
	maxHeadChunks  = 4        // chunks that the types and names of parameters may take
	maxSmall       = 64 << 10 // 64 KiB: bytes of commands that never are long
	maxAnswer      = 1 << 20  // 1 MiB: bytes of an OK, an ERR and their like
	maxStatements  = 16_382   // prepared statements of a session: the servers' own max_prepared_stmt_count
	maxPrepared    = 32 << 20 // 32 MiB: of their texts together; what is known of each grows with its text
)

// machine is one session after login ("Command Phase"): bytes in, bytes and records out. The conversation is half
// duplex: one command, then all of its answer. So while an answer is outstanding nothing of the client is looked at, and
// when a command is judged all that came before it is known. It implements relay.Machine.
type machine struct {
	s       protocols.Session
	caps    capabilities
	find    func(uint64) (uint64, bool)
	maxText int
	chunk   int

	in     inbound // where the client's stream stands
	mode   mode    // what happens to the client's next bytes
	skip   walker  // modeSkip: packets of a command that is refused and too long to be held
	stream stream  // modeStream: long parameters, chunk by chunk
	file   file    // modeFile: content of LOAD DATA LOCAL

	state   sessionState
	reading protocols.Reading // state, as texts are judged under
	strange string            // why texts can't be judged under it
	dirty   bool              // something released since the target was last asked may have changed state
	blind   bool              // the target did not say
	stmts   map[uint32]*statement
	texts   int        // bytes of their texts
	last    *statement // MariaDB's statement -1: what was prepared last

	cmd    command // what the server is answering; its phase is idle where it isn't
	answer answer  // where the server's stream stands
	run    running // what has been answered so far

	asking     protocols.Asking
	await      func(<-chan struct{}) // asking.Await, made once
	params     []record.Param        // room
	number     []byte                // room
	told       error                 // a record could not be told: the session ends with the next step
	terminated bool                  // the client said goodbye
	unfinished bool                  // it ended while the server was answering
	again      error                 // the client begins again
	ended      bool
}

var _ relay.Machine = (*machine)(nil)

// mode is what happens to the client's next bytes.
type mode uint8

const (
	modeCommand mode = iota // a command begins, or is held until it is whole
	modeSkip
	modeStream
	modeFile
)

func newMachine(cfg machineConfig, s protocols.Session) *machine {
	m := &machine{s: s, caps: cfg.Caps, find: cfg.Find, maxText: cfg.MaxText, chunk: chunkSize, state: cfg.State,
		stmts: map[uint32]*statement{}, dirty: cfg.State.charset == nil}
	if m.maxText == 0 {
		m.maxText = defaultMaxText
	}
	m.dirty = len(cfg.State.charset) == 0 // it did not tell when it logged in
	m.reading, m.strange = m.state.reading()
	m.await = m.asking.Await
	m.begin(&cfg)
	return m
}

// begin records what the login told.
func (m *machine) begin(cfg *machineConfig) {
	tell := func(name, text []byte) {
		if m.told == nil && len(text) > 0 {
			m.told = m.s.Tell(record.Record{Kind: record.KindState, Name: name, Text: text})
		}
	}
	for _, a := range cfg.Attrs {
		tell(append([]byte("attribute "), a.name...), a.value)
	}
	tell([]byte("sql_mode"), m.state.mode)
	tell([]byte("character_set_client"), m.state.charset)
	tell([]byte("schema"), m.state.schema)
}

// Client implements relay.Machine.
func (m *machine) Client(p []byte, out *relay.Out) (int, error) {
	m.in.rest()
	for done := 0; done < len(p); {
		n, err := m.clientPiece(p[done:], out)
		done += n
		if err == nil {
			err = m.told
		}
		if isAgain(err) && done < len(p) { // it can't know yet how the login goes on
			err = violation("packets behind COM_CHANGE_USER")
		}
		if err != nil || n == 0 {
			return done, err
		}
	}
	return len(p), nil
}

// clientPiece takes the next part of p. 0: it waits.
func (m *machine) clientPiece(p []byte, out *relay.Out) (int, error) {
	switch {
	case m.terminated:
		return len(p), nil
	case m.mode == modeFile:
		return m.filePiece(p, out)
	case m.cmd.phase != phaseIdle:
		return 0, nil
	case m.mode == modeSkip:
		return m.skipPiece(p, out)
	case m.mode == modeStream:
		return m.streamPiece(p, out)
	}
	return m.clientCommand(p, out)
}

// clientCommand takes the start of a command, or all of it.
func (m *machine) clientCommand(p []byte, out *relay.Out) (int, error) {
	size, seq, kind, there := m.in.begins(p)
	switch {
	case !there:
		m.in.held = append(m.in.held, p...)
		return len(p), nil
	case size == 0:
		return 0, violation("a command without a byte")
	case seq != 0:
		return 0, violation("packets out of order: a command begins with number 0")
	case size > m.chunk && streamed(kind):
		m.mode = modeStream
		m.stream.begin(kind, &m.in, m.chunk)
		return m.streamPiece(p, out)
	}
	before := len(m.in.held)
	n, msg := m.in.gather(p)
	if limit := m.limit(kind); size > limit || before+n > limit+2*headSize {
		m.mode, m.skip = modeSkip, walker{}
		m.stream.kind = kind
		m.in.held = m.in.held[:before]
		return m.skipHeld(p, out)
	}
	if msg == nil {
		return n, nil
	}
	taken, err := m.command(msg, out)
	return m.in.settle(n, taken), err
}

// limit is how long a command of this kind may be to be held.
func (m *machine) limit(kind byte) int {
	switch kind {
	case comQuery, comStmtPrepare:
		return m.maxText + 1
	case comStmtExecute, comStmtBulkExecute, comStmtSendLongData:
		return m.chunk
	case comChangeUser:
		return 2 * maxSmall // names and attributes
	}
	return maxSmall
}

// HalfClosed implements relay.Machine: a client says goodbye, or is gone. What it was waiting for goes with it, as the servers
// see to themselves.
func (m *machine) HalfClosed() bool { return m.terminated }

// End implements relay.Machine. What is open gets a Result: nobody knows what became of it.
func (m *machine) End(cause error, out *relay.Out) error {
	if m.ended {
		return cause
	}
	m.ended = true
	m.unfinished = m.cmd.phase != phaseIdle
	seq := byte(1) // behind whatever the client asks next
	if m.cmd.phase != phaseIdle && m.cmd.own == ownNone {
		seq = m.answer.nextSeq()
	}
	told := m.tellUnknown()
	var refusal *protocols.Error
	if m.again != nil && !errors.As(cause, &refusal) { // the server hung up at our goodbye, perhaps before this was seen
		return m.again
	}
	if m.terminated { // the server hangs up on it, perhaps before it has read a last byte of TLS
		cause = nil
	}
	if cause != nil && cause != relay.ErrServerClosed && m.answer.left == 0 && len(m.answer.held) == 0 {
		out.ToClient.Append(appendPacket(nil, seq, appendError(nil, protocols.AsError(cause))))
	}
	if cause == nil {
		return told
	}
	return cause
}
