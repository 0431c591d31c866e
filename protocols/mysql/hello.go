package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/protocols"
)

// lateLogin is what a client is told whose login took too long.
const lateLogin = "the login took too long"

// errPlaintext is the cause of a refusal to go on without TLS.
var errPlaintext = errors.New("the client did not ask for TLS")

// Hello greets the client, reads what it says of itself, inside TLS where it asks for that, and has it prove who it is. A
// request with an error names who was claimed. An error with io.EOF in its chain: the client left by itself.
func (c *conn) Hello(ctx context.Context, auth protocols.Authenticator) (req protocols.Request, err error) {
	release := protocols.Guard(ctx, c.origin.Conn)
	defer release()
	defer func() { err = protocols.LoginError(ctx, err, lateLogin) }()

	if c.again != nil {
		err = c.readAgain()
	} else {
		err = c.readHello(ctx)
	}
	if err != nil {
		return req, err
	}
	defer func() {
		clear(c.hello.auth)
		c.hello.auth = nil
	}()
	// Who it is must be known to find the verifier; that a name makes no sense is not said before the proof.
	login, unknown := auth.Resolve(c.hello.user, c.hello.database)
	c.login = login
	req = protocols.Request{Login: login, App: c.hello.app(), TLS: protocols.TLSName(c.client)}
	if req.TLS == "" && !c.origin.Plaintext {
		return req, &protocols.Error{Class: protocols.ClassDenied, Message: "this listener takes no unencrypted connections", Cause: errPlaintext,
			Hint: "Connect with TLS: --ssl, or better --ssl-verify-server-cert (MariaDB), --ssl-mode=VERIFY_IDENTITY (MySQL)."}
	}
	user := login.User
	if user == "" {
		user = c.hello.user
	}
	if err := c.prove(auth, user); err != nil {
		return req, err
	}
	return req, unknown
}

// readHello greets the client and reads its HandshakeResponse41, in TLS where an SSLRequest comes first.
func (c *conn) readHello(ctx context.Context) error {
	if err := c.greet(ctx); err != nil {
		return err
	}
	payload, err := c.packets.read(maxHello)
	if err != nil {
		return err
	}
	if isTLSRequest(payload) {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
		if payload, err = c.packets.read(maxHello); err != nil {
			return err
		}
	}
	defer clear(payload)
	c.hello, err = parseHello(payload)
	if err != nil {
		return err
	}
	if c.hello.caps.has(clientTLS) && protocols.TLSName(c.client) == "" {
		return violation("the client asks for TLS and goes on in plaintext")
	}
	return nil
}

// greet sends the greeting: the target's own where it is known, with a connection id of the gateway's.
func (c *conn) greet(ctx context.Context) error {
	said := &announced{version: c.origin.Announce, caps: common, collation: collationUTF8MB4, status: statusAutocommit}
	if c.origin.Target != "" {
		if known := c.protocol.learnt.get(ctx, c.origin.Target, c.origin.Dial); known != nil {
			said = known
		}
	}
	entry := c.protocol.live.issue()
	if err := c.setEntry(entry); err != nil {
		return err
	}
	c.scramble = newScramble()
	g := greeting{
		version: said.version, thread: entry.id, scramble: c.scramble, caps: said.caps&announceable | always,
		collation: said.collation, status: said.status, plugin: pluginSHA2,
	}
	if g.version == "" {
		g.version = defaultVersion
	}
	c.offered = g.caps
	if err := c.packets.write(g.append(nil)); err != nil {
		return fmt.Errorf("greet the client: %w", err)
	}
	c.greeted = true
	return nil
}

// startTLS does the handshake that an SSLRequest asked for. Tickets are off: a certificate that proves a user is then
// looked at each time.
func (c *conn) startTLS(ctx context.Context) error {
	config := c.origin.TLS.Clone()
	config.SessionTicketsDisabled = true
	bounded := &protocols.Bounded{Conn: c.client, Left: maxHandshake}
	t := tls.Server(bounded, config)
	if err := t.HandshakeContext(ctx); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) && header.Conn != nil {
			return &protocols.Error{Class: protocols.ClassBadRequest, Message: "received unencrypted data after the request for TLS", Cause: err,
				Hint: "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack."}
		}
		c.mute = true // part of a handshake is under way: words in plaintext would only be garbage to the client
		return fmt.Errorf("shake hands with the client: %w", err)
	}
	bounded.Release()
	c.setClient(t)
	return nil
}
