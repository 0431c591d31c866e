package mysql

import (
	"fmt"

	"github.com/gatefold/gatefold/internal/relay"
)

// phase is what the server sends next.
type phase uint8

const (
	phaseIdle    phase = iota // nothing is outstanding
	phaseFirst                // OK, ERR, a request for a file, or how many columns a result has
	phaseColumns              // definitions of parameters or columns
	phaseEOF                  // the EOF behind them
	phaseRows                 // rows, then EOF, OK or ERR
	phaseFields               // COM_FIELD_LIST: definitions, then EOF
	phaseSingle               // COM_STATISTICS: one packet of text
	phaseStream               // COM_BINLOG_DUMP: packets without an end, then EOF or ERR
	phaseFile                 // the client sends a file's content
)

// answer is where the server's stream stands.
type answer struct {
	held   []byte // the start of a packet that is to be looked at and isn't whole yet
	base   int    // length of held before this piece added to it
	left   int    // bytes of a payload to come that isn't looked at
	more   bool   // the packet before was of full size: the next one goes on with it
	last   byte   // number of the last packet seen, the client's or the server's
	count  int    // definitions to come
	word   []byte // an ERR that nobody asked for, for the client
	parted bool   // such an ERR came since the last command
	quiet  bool   // held wasn't given to the client
	next   int    // with PREPARE: definitions of columns that follow those of parameters
}

// nextSeq is the number of the packet that the client expects next: of the answer, or of whatever it reads behind its next
// command.
func (a *answer) nextSeq() byte { return a.last + 1 }

// definitions begins the definitions that follow an answer to PREPARE.
func (a *answer) definitions(params, columns int) { a.count, a.next = params, columns }

// Server implements relay.Machine. All goes on as it came, but for the answers to the gateway's own questions; what nobody
// asked for goes on when it is whole and known to be an ERR, so that an answer of the gateway's never lands within it.
func (m *machine) Server(p []byte, out *relay.Out) error {
	if m.answer.quiet && m.cmd.phase != phaseIdle && m.cmd.own == ownNone {
		out.ToClient.Append(m.answer.held)
		m.answer.quiet = false
	}
	from := 0 // what goes on as it is begins here
	for at := 0; at < len(p); {
		idle, own := m.cmd.phase == phaseIdle, m.cmd.own != ownNone
		n, err := m.serverPiece(p[at:])
		if err == nil {
			err = m.told
		}
		if err != nil {
			return err
		}
		if idle || own {
			out.ToClient.Forward(p[from:at])
			out.ToClient.Append(m.answer.word)
			m.answer.word, from = nil, at+n
			m.answer.quiet = idle && len(m.answer.held) > 0
		}
		at += n
	}
	out.ToClient.Forward(p[from:])
	return nil
}

// serverPiece takes the next part of p: of a payload that isn't looked at, or the start of a packet, or all of it.
func (m *machine) serverPiece(p []byte) (int, error) {
	a := &m.answer
	if a.left > 0 {
		n := min(a.left, len(p))
		if a.left -= n; a.left == 0 {
			return n, m.passed()
		}
		return n, nil
	}
	a.base = len(a.held)
	head := a.peek(p, headSize)
	if head == nil {
		return len(p), nil
	}
	size, seq := packetHead(head)
	known := min(size, 1)
	if head = a.peek(p, headSize+known); head == nil {
		return len(p), nil
	}
	var first byte
	if known > 0 {
		first = head[headSize]
	}
	if !m.inspects(first, size) {
		// It may be the rest of one that was held, since nobody had asked for it yet.
		taken := max(a.base, headSize+known)
		n := taken - a.base
		a.last, a.held = seq, a.held[:0]
		a.left = headSize + size - taken
		m.passing(size)
		if a.left == 0 {
			return n, m.passed()
		}
		return n, nil
	}
	if size > maxAnswer {
		return 0, outOfStep("an answer that is too long")
	}
	packet := a.peek(p, headSize+size)
	if packet == nil {
		return len(p), nil
	}
	n := headSize + size - a.base
	a.last = seq
	if m.cmd.phase == phaseIdle {
		a.word = packet
	}
	err := m.inspect(packet[headSize:])
	a.held = a.held[:0]
	return n, err
}

// peek returns the first size bytes of the current packet, from p where it holds them all. nil: they aren't there yet, and all
// of p is held.
func (a *answer) peek(p []byte, size int) []byte {
	if a.base == 0 && len(p) >= size {
		return p[:size]
	}
	if have := len(a.held); have < size {
		from := have - a.base
		a.held = append(a.held, p[from:min(len(p), size-a.base)]...)
	}
	if len(a.held) < size {
		return nil
	}
	return a.held[:size]
}

// inspects reports whether a packet is looked at as a whole.
func (m *machine) inspects(first byte, size int) bool {
	switch m.cmd.phase {
	case phaseIdle, phaseFirst, phaseEOF:
		return true
	case phaseRows, phaseFields, phaseStream:
		if m.answer.more {
			return false
		}
		short := size < maxEOFPacket || m.caps.has(clientDeprecateEOF) && size < maxPayload
		return first == answerError && size > 0 || first == answerEOF && short || m.cmd.own != ownNone
	case phaseSingle:
		return first == answerError
	}
	return false
}

// passing counts a packet that isn't looked at.
func (m *machine) passing(size int) {
	switch m.cmd.phase {
	case phaseRows, phaseStream, phaseFields:
		if !m.answer.more {
			m.run.rows++
		}
		m.run.bytes += uint64(size)
	}
	m.answer.more = size == maxPayload
}

// passed follows the end of such a packet.
func (m *machine) passed() error {
	if m.answer.more {
		return nil
	}
	switch m.cmd.phase {
	case phaseColumns:
		m.answer.count--
		return m.nextDefinitions()
	case phaseSingle:
		return m.finish()
	case phaseFile:
		return outOfStep("an answer before the file's end")
	}
	return nil
}

// nextDefinitions goes on to what follows definitions, when they are all there.
func (m *machine) nextDefinitions() error {
	a := &m.answer
	for a.count == 0 {
		preparing := m.cmd.kind == comStmtPrepare && m.cmd.own == ownNone
		if m.cmd.phase == phaseColumns && !m.caps.has(clientDeprecateEOF) {
			m.cmd.phase = phaseEOF
			return nil
		}
		switch {
		case preparing && a.next == 0:
			return m.finish()
		case !preparing:
			m.cmd.phase = phaseRows
			return nil
		}
		m.cmd.phase = phaseFirst // neither behind definitions
		a.count, a.next = a.next, 0
	}
	m.cmd.phase = phaseColumns
	return nil
}

// outOfStep is an answer that has no place where it comes: whoever sends it is no server that can be relayed.
func outOfStep(what string) error {
	return fmt.Errorf("read from target: %s out of step with the protocol", what)
}
