package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/protocols"
)

// target is what a target said in its login.
type target struct {
	place
	caps    capabilities // agreed on with it
	thread  uint64       // its own name for the session
	version string
	state   sessionState
	maxText int
	route   protocols.Route // without its credential
}

// place is where a thread's number means something: one server, of several that a target's address may lead to.
type place struct {
	target string // name
	server string // what it says of itself
}

// Join logs in to the target with the route's credential and, when that let us in, tells the client that it is in.
func (c *conn) Join(ctx context.Context, route protocols.Route) (joined protocols.Joined, err error) {
	release := protocols.Guard(ctx, c.origin.Conn)
	defer release()
	defer func() { err = protocols.LoginError(ctx, err, lateLogin) }()

	l, err := c.reach(ctx, route)
	if err != nil {
		return joined, err
	}
	if err := c.setServer(l.packets.nc); err != nil {
		return joined, err
	}
	releaseServer := protocols.Guard(ctx, l.packets.nc)
	defer releaseServer()
	if c.target, err = l.run(); err != nil {
		return joined, err
	}
	c.protocol.learnt.learn(c.targetName(), l.greeting)
	c.target.target, c.target.route = c.targetName(), route
	c.target.route.Credential = nil
	if c.target.maxText = route.MaxText; c.target.maxText == 0 {
		c.target.maxText = c.protocol.opt.MaxText
	}
	c.entry.join(c.login.User, c.target.place, c.target.thread)
	if err := c.welcome(); err != nil {
		return joined, err
	}
	return protocols.Joined{
		Peer: l.packets.nc.RemoteAddr().String(), PID: c.target.thread,
		Version: c.target.version, TLS: protocols.TLSName(l.packets.nc),
	}, nil
}

// welcome tells the client that it is in and, where it tracks its session's state, in which schema.
func (c *conn) welcome() error {
	const trackSchema = 1 // SESSION_TRACK_SCHEMA
	status, schema := c.target.state.status&^statusStateChanged, c.target.state.schema
	var tracked []byte
	if c.target.caps.has(clientSessionTrack) && len(schema) > 0 {
		status |= statusStateChanged
		name := appendLenencText(nil, schema)
		tracked = appendLenencText([]byte{0}, appendLenencText([]byte{trackSchema}, name)) // behind an info of no bytes
	}
	ok := []byte{answerOK, 0, 0, byte(status), byte(status >> 8), 0, 0}
	if err := c.packets.write(append(ok, tracked...)); err != nil {
		return fmt.Errorf("tell the client that it is in: %w", err)
	}
	return nil
}

// reach dials the target, reads its greeting, agrees on capabilities and puts TLS on the connection where the route has
// it.
func (c *conn) reach(ctx context.Context, route protocols.Route) (*login, error) {
	nc, err := route.Dial(ctx)
	if err != nil {
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the target can't be reached", Cause: err,
			Hint: "It may be down; try again later, or ask whoever runs the gateway."}
	}
	l := &login{route: route, hello: c.hello, packets: packets{nc: nc}}
	if err := c.agree(ctx, l); err != nil {
		nc.Close()
		return nil, err
	}
	return l, nil
}

// agree reads the greeting and settles with the target what was settled with the client.
func (c *conn) agree(ctx context.Context, l *login) (err error) {
	release := protocols.Guard(ctx, l.packets.nc)
	defer release()
	if l.greeting, err = readGreeting(&l.packets); err != nil {
		return greetingError(err)
	}
	if !l.greeting.caps.has(required) {
		return &protocols.Error{Class: protocols.ClassTarget, Message: "the target is too old for this gateway",
			Hint: "Any MySQL from 5.7 and MariaDB from 10.0 on will do."}
	}
	client := c.hello.caps & c.offered
	l.caps = agreed(client, l.greeting.caps)
	if l.route.TLS != nil {
		if err := l.startTLS(ctx); err != nil {
			return err
		}
	}
	if missing := client & framing &^ l.caps; missing != 0 {
		c.protocol.learnt.learn(c.targetName(), l.greeting) // so that the next client is told better
		return &protocols.Error{Class: protocols.ClassTarget, Message: "the target speaks less of the protocol than this client was offered",
			Hint: "Connect again; on a listener for several targets have it announce less.", Cause: fmt.Errorf("capabilities %#x are missing", uint64(missing))}
	}
	return nil
}

// agreed are the capabilities for a target that can do theirs, on behalf of a client with which client were agreed on:
// the same, so that packets can pass as they are, but for what only concerns a login.
func agreed(client, theirs capabilities) capabilities {
	const own = always | clientLongPassword
	caps := client&theirs&announceable&^own | required
	return caps | theirs&(clientLongPassword|clientPluginAuthLenenc|clientConnectAttrs)
}

// greetingError is what the client is told of a target that does not greet.
func greetingError(err error) error {
	var refused *targetError
	switch {
	case errors.As(err, &refused):
		return refusedBy(refused, "")
	case errors.Is(err, errGreeting):
		return brokeProtocol(err)
	}
	return targetIO("read the target's greeting", err)
}

// startTLS asks the target for TLS and does the handshake. It never falls back. Each packet is read exactly, so that
// nothing said in plaintext behind the greeting is taken for something said inside TLS.
func (l *login) startTLS(ctx context.Context) error {
	if !l.greeting.caps.has(clientTLS) {
		return &protocols.Error{Class: protocols.ClassTarget, Message: "the target does not offer TLS, and the gateway does not go on without it",
			Hint: "Turn TLS on at the target (ssl_cert, ssl_key); the gateway never falls back to plaintext."}
	}
	l.caps |= clientTLS
	if err := l.packets.write(l.head()); err != nil {
		return targetIO("ask the target for TLS", err)
	}
	t := tls.Client(l.packets.nc, l.route.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		return &protocols.Error{Class: protocols.ClassTarget, Message: "the TLS handshake with the target failed", Cause: err,
			Hint: "Its certificate may not be the one that the gateway is told to trust; the gateway's log names the cause."}
	}
	l.packets.nc = t
	return nil
}

// targetIO is what the client is told when the target's connection fails: that, not how.
func targetIO(doing string, err error) error {
	var broke *protocols.Error
	if errors.As(err, &broke) { // the packets were not as they should be
		return brokeProtocol(fmt.Errorf("%s: %w", doing, err))
	}
	return &protocols.Error{Class: protocols.ClassTarget, Message: "the connection to the target failed during login",
		Cause: fmt.Errorf("%s: %w", doing, err)}
}

func brokeProtocol(cause error) error {
	return &protocols.Error{Class: protocols.ClassTarget, Message: "the target does not speak MySQL's protocol as it should", Cause: cause}
}
