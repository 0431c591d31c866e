package mysql

import (
	"encoding/binary"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
)

// own is a question of the gateway's own, asked between two commands of the client, which learns nothing of it.
type own uint8

const (
	ownNone  own = iota
	ownState     // stateQuery
	ownReset     // COM_STMT_RESET after an execution was refused
)

// askState asks the target for its settings; the command that waits for them is looked at again when they are there.
func (m *machine) askState(out *relay.Out) {
	m.ask0(ownState, m.queryPayload(stateQuery), out)
}

// queryPayload is a COM_QUERY of the gateway's: with no query attributes, where those were negotiated.
func (m *machine) queryPayload(text string) []byte {
	b := []byte{comQuery}
	if m.caps.has(clientQueryAttributes) {
		b = append(b, 0, 1)
	}
	return append(b, text...)
}

// askReset has the target forget long data that it was sent for an execution that was refused.
func (m *machine) askReset(s *statement, out *relay.Out) {
	m.ask0(ownReset, binary.LittleEndian.AppendUint32([]byte{comStmtReset}, s.id), out)
}

func (m *machine) ask0(question own, payload []byte, out *relay.Out) {
	m.cmd = command{kind: payload[0], own: question}
	m.expect(phaseFirst)
	out.ToServer.Append(appendPacket(nil, 0, payload))
}

// ownEnds follows the answer to such a question. A target that doesn't tell its settings is taken to read every text in a
// way of its own; it is asked again before the next.
func (m *machine) ownEnds() error {
	asked := m.cmd.own
	m.cmd = command{}
	if asked != ownState {
		return nil
	}
	m.dirty = false
	m.blind = m.run.failed || m.run.row == nil || !m.learn(m.run.row)
	if !m.blind {
		return m.told
	}
	return m.s.Tell(record.Record{Kind: record.KindNotice, Code: m.run.code, Message: []byte("the target did not tell its settings when the gateway asked")})
}
