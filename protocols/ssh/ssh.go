// Package ssh takes clients' SSH connections (RFC 4251 to 4254) and carries their sessions to a server: shells, programs
// and files. golang.org/x/crypto/ssh does the transport on both sides; what passes through channels is here.
package ssh

import (
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// Options are the gateway's own part.
type Options struct {
	Log      *slog.Logger
	HostKeys func() []ssh.Signer // what clients know the gateway by; at least one. Asked for each connection
	Banner   func() string       // what clients are shown before they log in (RFC 4252, section 5.4); nil or empty: nothing
	// KeepAlive is how often each side is asked whether it is still there; 0: each minute.
	KeepAlive time.Duration
}

type protocol struct {
	Options
	startups startups
}

// New makes the protocol.
func New(o Options) protocols.Protocol { return &protocol{Options: o} }

// Accept makes a connection; nothing is read from it yet.
func (p *protocol) Accept(o protocols.Origin) protocols.Conn {
	return &conn{Options: p.Options, startups: &p.startups, origin: o, socket: o.Conn}
}

// conn is one client's connection and, once it has joined, the target's.
type conn struct {
	Options
	startups *startups
	origin   protocols.Origin
	socket   interface{ Close() error }

	mu     sync.Mutex // guards the two; Close may come at any time
	closed bool
	client *side
	target *side

	grant grant              // set by Hello
	still func() error       // set by Hello; nil: what proved the user is not asked again
	route protocols.SSHRoute // set by Join
}

// side is one connection's multiplexer: what the other side opens and asks.
type side struct {
	ssh.Conn
	channels <-chan ssh.NewChannel
	requests <-chan *ssh.Request
	meter    *meter // of its connection
}

// keep holds on to a side; false where Close was there first.
func (c *conn) keep(at **side, s *side) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		s.Close()
		return false
	}
	*at = s
	return true
}

// Close ends both connections.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.target != nil {
		c.target.Close()
	}
	if c.client != nil {
		c.client.Close()
	}
	return c.socket.Close()
}
