// Package postgres is the Postgres protocol (PostgreSQL's documentation, chapter 55; versions 3.0 to 3.2), seen from
// both sides: a server to clients, a client to targets.
//
// Handshakes are in hello.go (the client's) and join.go (the target's). They read each message exactly, never a byte
// more, and build and decode with pgproto3. What follows the handshakes is relayed by a machine that does no I/O.
package postgres

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// Options are what a Protocol is made with. The zero value is a good one.
type Options struct {
	MaxText  int          // bytes of a statement where the route says none; 0: 16 MiB
	Settings []string     // more startup parameters that are passed on to targets, beside the usual harmless ones
	Log      *slog.Logger // nil: slog.Default()
}

// Protocol makes connections, and knows the sessions that a CancelRequest may name.
type Protocol struct {
	opt     Options
	allowed func(setting string) bool
	cancels cancels
}

// New returns the protocol. One is enough for all listeners, and has to be: a cancel request may come in by another.
func New(opt Options) *Protocol {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Protocol{opt: opt, allowed: allowedSettings(opt.Settings)}
}

// Accept makes a connection of an accepted one.
func (p *Protocol) Accept(o protocols.Origin) protocols.Conn {
	return &conn{protocol: p, origin: o, client: o.Conn}
}

// conn is one client's connection. Its fields are used by one method at a time, but for those under mu.
type conn struct {
	protocol *Protocol
	origin   protocols.Origin
	startup  *startup
	binding  []byte // tls-server-end-point data of the certificate that the client was shown; nil: none
	mute     bool   // the client can't read what we would say: TLS failed half way
	target   *target

	mu     sync.Mutex
	client net.Conn     // origin.Conn, or TLS on it
	server net.Conn     // nil before Join
	cancel *cancelEntry // nil before Join
	closed bool
}

// Relay starts to move bytes between client and target.
func (c *conn) Relay(ctx context.Context, s protocols.Session, done func(error)) {
	m := newMachine(machineConfig{MaxText: c.target.maxText, Settings: c.target.settings}, s)
	d := relay.New(c.client, c.server, m, s.Sync)
	c.cancel.open(s, d, m)
	go func() {
		err := d.Run(ctx)
		if ctx.Err() != nil && m.unfinished {
			c.cancel.leave(s)
		}
		c.cancel.close()
		done(err)
	}()
}

// Refuse tells the client why it goes no further.
func (c *conn) Refuse(err error) {
	c.mu.Lock()
	client, closed := c.client, c.closed
	c.mu.Unlock()
	if c.mute || closed {
		return
	}
	protocols.LastWords(c.origin.Conn, client, loginRefusal(protocols.AsError(err)))
}

// Close ends the client's connection and the target's.
func (c *conn) Close() error {
	c.mu.Lock()
	client, server, cancel, closed := c.client, c.server, c.cancel, c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	cancel.close()
	if server != nil {
		server.Close()
	}
	return client.Close()
}

// setClient replaces the client's connection by TLS on it.
func (c *conn) setClient(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = nc
}

// setServer makes nc the target's connection, or closes it where Close was called in the meantime.
func (c *conn) setServer(nc net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		nc.Close()
		return net.ErrClosed
	}
	c.server = nc
	return nil
}

// setCancel makes e the session's cancel key, or closes it where Close was called in the meantime.
func (c *conn) setCancel(e *cancelEntry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		e.close()
		return net.ErrClosed
	}
	c.cancel = e
	return nil
}
