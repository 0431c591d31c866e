package ssh

import (
	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
)

// terminal is a channel's pseudo-terminal (RFC 4254, section 6.2).
type terminal struct {
	rows, columns uint32
	watch         *watched // from when a program runs
}

// askTerminal asks the target for a terminal; its modes go on as they came.
func (ch *channel) askTerminal(q *ssh.Request) bool {
	var m ptyRequest
	if ch.malformed(q, &m, &m.Term) || ch.program != nil {
		return false
	}
	if ch.r.grant.noPTY {
		ch.notice(q.Type, "the user's certificate permits no terminal")
		return false
	}
	rec := record.Record{Kind: record.KindResize, Stream: ch.number, Name: []byte(brief(m.Term)), Rows: uint64(m.Rows), Bytes: uint64(m.Columns)}
	if ch.r.tellFirst(rec) != nil {
		return false
	}
	ok, err := ch.far.SendRequest(q.Type, true, q.Payload)
	if !ok || err != nil {
		ch.notice(q.Type, "the target gave no terminal")
		return false
	}
	ch.terminal = &terminal{rows: m.Rows, columns: m.Columns}
	return true
}

// resize passes on that the client's window has another size (section 6.7).
func (ch *channel) resize(q *ssh.Request) bool {
	var m windowChange
	if ch.malformed(q, &m) || ch.terminal == nil {
		return false
	}
	rec := record.Record{Kind: record.KindResize, Stream: ch.number, Rows: uint64(m.Rows), Bytes: uint64(m.Columns)}
	if ch.r.tellFirst(rec) != nil {
		return false
	}
	if w := ch.terminal.watch; w != nil && w.resize(m.Rows, m.Columns) != nil {
		return false
	}
	ch.terminal.rows, ch.terminal.columns = m.Rows, m.Columns
	return ch.pass(q)
}
