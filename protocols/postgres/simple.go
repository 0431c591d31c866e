package postgres

import (
	"bytes"
	"strconv"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// simpleQuery takes a Query (section 55.2.3): one text of any number of statements, judged and refused whole.
func (m *machine) simpleQuery(msg, b []byte, out *relay.Out) (bool, error) {
	e := expect{kind: typeQuery}
	q, ok := decodeQuery(b)
	if !ok {
		return m.malformed(e, msg, out)
	}
	e.marks = markText(q.text)
	why, wait := m.sure(q.text, e.marks)
	if wait != nil {
		return m.awaitServer(wait, out), nil
	}
	answer, ok := m.ask(protocols.Action{Record: record.Record{Kind: record.KindQuery, Text: q.text}, Unsure: why}, out)
	if !ok {
		return false, nil
	}
	return true, m.release(e, answer, msg, out)
}

// functionCall takes a FunctionCall (section 55.2.5). The function is known by its number only.
func (m *machine) functionCall(msg, b []byte, out *relay.Out) (bool, error) {
	e := expect{kind: typeFunctionCall}
	call, ok := decodeCall(b, m.params[:0])
	if !ok {
		return m.malformed(e, msg, out)
	}
	m.keepParams(call.args)
	m.number = strconv.AppendUint(m.number[:0], uint64(call.function), 10)
	answer, ok := m.ask(protocols.Action{Record: record.Record{
		Kind: record.KindCall, Text: m.number, Params: call.args}}, out)
	if !ok {
		return false, nil
	}
	return true, m.release(e, answer, msg, out)
}

// keptParams is how many parameters a session keeps room for.
const keptParams = 256

// keepParams keeps the room that params lie in for the next message.
func (m *machine) keepParams(params []record.Param) {
	if cap(params) > keptParams {
		m.params = nil
		return
	}
	m.params = params[:0]
}

// isBogus reports whether name is the one that must never exist.
func (m *machine) isBogus(name []byte) bool { return bytes.Equal(clip(name), clip(m.bogus)) }
