package sftp

import (
	"cmp"
	"maps"
	"slices"
)

// SFTP follows one channel that speaks SFTP. It gives its own answer to what is refused, in the place of the server's:
// after the answers to all earlier requests, for some clients take them by their order.
type SFTP struct {
	limits Limits
	state  state
	home   string // where relative paths begin; empty: the server did not tell
	budget int    // bytes of content that may still be held

	table   table
	handles map[string]*file
	opening int // OPENs and OPENDIRs in flight
	actions int // requests in flight that were asked about

	asked   pending
	hello   []byte // the VERSION that the client gets when home is known
	replies []byte // our own answers that are due
	owed    int    // how many these are

	up   body // of the client's packet
	down body // of the server's packet
}

// state is how far the beginning got (section 4).
type state uint8

const (
	stateInit    state = iota // the client says INIT
	stateVersion              // the server says VERSION
	stateHome                 // the server answers our REALPATH
	stateOpen
)

// body is the rest of a packet that is passed on as it comes.
type body struct {
	left    uint32
	drop    bool
	content *content // nil: it isn't a file's
	offset  uint64   // of the next byte in it
	answers bool     // a server's: the request at at is answered with its last byte
	at      int32
}

// pending is a request that waits for its verdict, at the head of what was not taken.
type pending struct {
	request Request
	parsed  parsed
	waits   bool
	decided bool
	allow   bool
	token   uint64
	message string
}

// end tells of a request that may pass and didn't any more.
func (a *pending) end(out *Out) {
	if a.allow && a.token != 0 {
		out.Results = append(out.Results, Result{Token: a.token, Unknown: true})
	}
}

// New makes a machine for a channel on which nothing has passed yet.
func New(l Limits) *SFTP {
	l = l.orDefault()
	return &SFTP{limits: l, budget: l.Ahead, table: newTable(), handles: map[string]*file{}}
}

// Allow lets the request that was asked about pass. The token comes back in its Result; 0: there is to be none.
func (m *SFTP) Allow(token uint64) {
	m.asked.decided, m.asked.allow, m.asked.token = true, true, token
}

// Refuse answers the request that was asked about in the server's place.
func (m *SFTP) Refuse(message string) {
	m.asked.decided, m.asked.allow, m.asked.message = true, false, message
}

// End tells of all that is open. Nothing may be called after it.
func (m *SFTP) End(out *Out) {
	m.asked.end(out)
	open := slices.Collect(maps.Values(m.handles))
	for i := m.table.first; i >= 0; i = m.table.slots[i].next {
		s := &m.table.slots[i]
		if s.token != 0 {
			out.Results = append(out.Results, Result{Token: s.token, Unknown: true})
		}
		if s.kind == fxpClose && !s.file.dir() {
			open = append(open, s.file) // it has no Result yet
		}
	}
	slices.SortFunc(open, func(a, b *file) int { return cmp.Compare(a.token, b.token) })
	for _, f := range open {
		if !f.dir() && f.token != 0 {
			m.finish(f, Result{Unknown: true, Message: "it was not closed"}, out)
		}
	}
	m.table, m.handles = newTable(), nil
}

func (m *SFTP) client(text string) error { return &Error{theClient, text} }
func (m *SFTP) server(text string) error { return &Error{theServer, text} }
