// Package mysql is MySQL's client/server protocol, version 10, as MySQL and MariaDB speak it ("MySQL Client/Server
// Protocol" in MySQL's source documentation; "Client/Server Protocol" in MariaDB's), seen from both sides: a server to
// clients, a client to targets.
//
// Handshakes are in hello*.go (the client's), join*.go (the target's), greeting*.go and auth*.go (what both need). They
// read each packet exactly, never a byte more. What follows the handshakes is relayed by a machine that does no I/O.
package mysql

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// Options are what a Protocol is made with. The zero value is a good one.
type Options struct {
	MaxText int          // bytes of a statement where the route says none; 0: 16 MiB
	Log     *slog.Logger // nil: slog.Default()
}

// Protocol makes connections. It knows what targets say of themselves, the sessions that a KILL may name, and what clients
// proved before.
type Protocol struct {
	opt    Options
	learnt greetings
	proofs *proofs
	live   live
}

// New returns the protocol. One is enough for all listeners, and has to be: a KILL may come in by another.
func New(opt Options) *Protocol {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Protocol{opt: opt, proofs: newProofs()}
}

// Accept makes a connection of an accepted one.
func (p *Protocol) Accept(o protocols.Origin) protocols.Conn {
	return &conn{protocol: p, origin: o, client: o.Conn, packets: packets{nc: o.Conn}}
}

// conn is one client's connection. Its fields are used by one method at a time, but for those under mu.
type conn struct {
	protocol *Protocol
	origin   protocols.Origin
	packets  packets      // of the client
	offered  capabilities // announced in the greeting
	greeted  bool         // the client was sent the greeting
	mute     bool         // the client can't read what we would say: TLS failed half way
	scramble []byte       // the last that the client was sent
	hello    *hello       // what the client said of itself
	login    protocols.Login
	target   *target
	again    []byte // payload of the COM_CHANGE_USER that ended the last relay; nil: none did

	mu     sync.Mutex
	client net.Conn   // origin.Conn, or TLS on it
	server net.Conn   // nil before Join
	entry  *liveEntry // nil before the greeting
	closed bool
}

// Relay starts to move bytes between client and target.
func (c *conn) Relay(ctx context.Context, s protocols.Session, done func(error)) {
	m := newMachine(c.machineConfig(), s)
	d := relay.New(c.client, c.server, m, s.Sync)
	go func() {
		err := d.Run(ctx)
		if m.unfinished && !errors.Is(err, relay.ErrServerClosed) { // the client is gone, or was cut off
			c.leave(s)
		}
		c.ended(err)
		done(err)
	}()
}

// machineConfig is what the machine is told of both logins.
func (c *conn) machineConfig() machineConfig {
	user, place := c.login.User, c.target.place
	return machineConfig{
		MaxText: c.target.maxText,
		Caps:    c.target.caps,
		State:   c.target.state,
		Attrs:   c.hello.attrs,
		Find:    func(id uint64) (uint64, bool) { return c.protocol.live.find(user, place, id) },
	}
}

// ended closes the target's side of a session that is over, and keeps what a client that begins again said.
func (c *conn) ended(err error) {
	c.entry.leave()
	c.mu.Lock()
	server := c.server
	c.server = nil
	c.mu.Unlock()
	if server != nil {
		server.Close()
	}
	var again *changeUser
	if errors.As(err, &again) {
		c.again = again.payload
		c.packets.seq = 1 // the command was packet 0
	}
}

// targetName is the name of the target that the client's session is on.
func (c *conn) targetName() string {
	if c.login.Target != "" {
		return c.login.Target
	}
	return c.origin.Target
}

// Refuse tells the client why it goes no further.
func (c *conn) Refuse(err error) {
	c.mu.Lock()
	client, closed := c.client, c.closed
	c.mu.Unlock()
	if c.mute || closed {
		return
	}
	words := loginRefusal(protocols.AsError(err), c.greeted)
	protocols.LastWords(c.origin.Conn, client, appendPacket(nil, c.packets.seq, words))
}

// Close ends the client's connection and the target's.
func (c *conn) Close() error {
	c.mu.Lock()
	client, server, entry, closed := c.client, c.server, c.entry, c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	entry.close()
	if server != nil {
		server.Close()
	}
	return client.Close()
}

// setClient replaces the client's connection by TLS on it.
func (c *conn) setClient(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client, c.packets.nc = nc, nc
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

// setEntry makes e the connection's place among the live ones, or closes it where Close was called in the meantime.
func (c *conn) setEntry(e *liveEntry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		e.close()
		return net.ErrClosed
	}
	c.entry = e
	return nil
}
