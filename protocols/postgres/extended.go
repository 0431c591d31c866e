package postgres

import (
	"bytes"
	"encoding/binary"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// Extended query (section 55.2.3): Parse, Bind, Describe, Execute, Close, then Flush or Sync.

func (m *machine) parse(msg, b []byte, out *relay.Out) (bool, error) {
	e := expect{kind: typeParse}
	p, ok := decodeParse(b)
	if !ok {
		return m.malformed(e, msg, out)
	}
	found := markText(p.text)
	why, wait := m.sure(p.text, found)
	if wait != nil {
		return m.awaitServer(wait, out), nil
	}
	rec := record.Record{Kind: record.KindParse, Name: p.name, Text: p.text, Params: m.declared(p.types)}
	answer, ok := m.ask(protocols.Action{Record: rec, Unsure: why}, out)
	if !ok {
		return false, nil
	}
	if answer.Verdict == record.VerdictAllow && (len(m.names.stmts) >= maxStatements || m.isBogus(p.name)) {
		answer.Verdict = record.VerdictDeny
		answer.Refusal = &protocols.Error{Class: protocols.ClassTooLong, Message: "too many prepared statements",
			Hint: "Close those that are no longer used."}
	}
	e.stmt = prepared{known: true, name: m.ownName(p.name), seq: answer.Seq, facts: answer.Facts,
		types: ownTypes(p.types), marks: found}
	return true, m.release(e, answer, msg, out)
}

// declared gives the parameter types of a Parse as a record has them.
func (m *machine) declared(types []byte) []record.Param {
	params := m.params[:0]
	for ; len(types) >= 4; types = types[4:] {
		params = append(params, record.Param{Type: binary.BigEndian.Uint32(types)})
	}
	m.keepParams(params)
	return params
}

// ownTypes copies as many parameter types as are kept.
func ownTypes(types []byte) []uint32 {
	n := min(len(types)/4, maxTypes)
	if n == 0 {
		return nil
	}
	own := make([]uint32, n)
	for i := range own {
		own[i] = binary.BigEndian.Uint32(types[4*i:])
	}
	return own
}

// ownName copies what counts of a statement's name, unless it is known already.
func (m *machine) ownName(name []byte) []byte {
	if name = clip(name); len(name) == 0 {
		return nil
	}
	if p, known := m.names.stmts[string(name)]; known {
		return p.name
	}
	return bytes.Clone(name)
}

// ownPortal is ownName of portals.
func (m *machine) ownPortal(name []byte) []byte {
	if name = clip(name); len(name) == 0 {
		return nil
	}
	if p, known := m.names.portals[string(name)]; known {
		return p.name
	}
	return bytes.Clone(name)
}

const (
	unknownStatement = "it was not prepared in the protocol, or its name was changed in SQL"
	unknownPortal    = "it was not bound in the protocol, or its name was changed in SQL"
)

// execute takes an Execute. It is judged anew each time, by the facts of its statement: policy may have changed.
func (m *machine) execute(msg, b []byte, out *relay.Out) (bool, error) {
	e := expect{kind: typeExecute}
	x, ok := decodeExecute(b)
	if !ok {
		return m.malformed(e, msg, out)
	}
	portal, wait := m.portalFor(x.portal)
	if wait != nil {
		return m.awaitServer(wait, out), nil
	}
	action := protocols.Action{Facts: portal.stmt.facts, Record: record.Record{
		Kind: record.KindExecute, Of: portal.seq, Portal: x.portal, Name: portal.stmt.name}}
	if !portal.stmt.known { // neither is a statement that SQL prepared, and that policy let be bound
		action.Unsure = unknownPortal
	}
	answer, ok := m.ask(action, out)
	if !ok {
		return false, nil
	}
	e.marks = portal.stmt.marks
	m.absent(&e, &answer, portal.known, portalName, x.portal)
	return true, m.release(e, answer, msg, out)
}

// describe takes a Describe. It runs nothing, and isn't asked about.
func (m *machine) describe(msg, b []byte, out *relay.Out) (bool, error) {
	e := expect{kind: typeDescribe}
	d, ok := decodeNamed(b)
	if !ok {
		return m.malformed(e, msg, out)
	}
	if e.of = d.of; d.of == ofStatement {
		p, wait := m.statementFor(d.name)
		if wait != nil {
			return m.awaitServer(wait, out), nil
		}
		e.stmt = p
	}
	return true, m.send(e, msg, out)
}

// closeName takes a Close of a statement or a portal. To close what does not exist is no error.
func (m *machine) closeName(msg, b []byte, out *relay.Out) (bool, error) {
	e := expect{kind: typeClose}
	c, ok := decodeNamed(b)
	if !ok {
		return m.malformed(e, msg, out)
	}
	if e.of = c.of; c.of == ofStatement {
		e.stmt.name = m.ownName(c.name)
	} else {
		e.portal.name = m.ownPortal(c.name)
	}
	return true, m.send(e, msg, out)
}

// sync takes a Sync: the end of a segment, after which the server no longer passes messages over.
func (m *machine) sync(msg []byte, out *relay.Out) (bool, error) {
	m.skipping = false
	err := m.send(expect{kind: typeSync}, msg, out)
	m.segment++
	return true, err
}
