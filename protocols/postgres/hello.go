package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols"
)

// Hello negotiates encryption, reads the startup message and has the client prove its password with SCRAM. A request
// with an error names who was claimed. An error with io.EOF in its chain: the client left by itself.
func (c *conn) Hello(ctx context.Context, auth protocols.Authenticator) (req protocols.Request, err error) {
	release := protocols.Guard(ctx, c.origin.Conn)
	defer release()
	defer func() { err = loginError(ctx, err) }()

	if c.startup, err = c.readStartup(ctx); err != nil {
		return req, err
	}
	// Who it is must be known to find the verifier; that a name makes no sense is not said before the proof.
	login, unknown := auth.Resolve(c.startup.user, c.startup.givenDatabase())
	req = protocols.Request{Login: login, App: c.startup.app(), TLS: protocols.TLSName(c.client)}
	if req.TLS == "" && !c.origin.Plaintext {
		return req, &protocols.Error{Class: protocols.ClassDenied, Message: "this listener takes no unencrypted connections",
			Hint: "Connect with sslmode=require, or better sslmode=verify-full."}
	}
	if err := c.negotiateVersion(); err != nil {
		return req, err
	}
	user := login.User
	if user == "" {
		user = c.startup.user
	}
	if err := c.prove(auth.Verifier(user)); err != nil {
		return req, err
	}
	return req, unknown
}

// readStartup reads requests until the one that starts a session. TLS and GSS encryption may each be asked for once.
func (c *conn) readStartup(ctx context.Context) (*startup, error) {
	var askedTLS, askedGSS bool
	for {
		code, body, err := c.nextPacket(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case code == codeCancel:
			return nil, c.serveCancel(ctx, body)
		case code == codeTLS && !askedTLS && protocols.TLSName(c.client) == "" && len(body) == 0:
			askedTLS = true
			if err := c.answerTLS(ctx); err != nil {
				return nil, err
			}
		case code == codeGSS && !askedGSS && len(body) == 0:
			askedGSS = true
			if _, err := c.client.Write([]byte{'N'}); err != nil {
				return nil, fmt.Errorf("answer GSSENCRequest: %w", err)
			}
		default:
			return parseStartup(code, body, c.protocol.allowed)
		}
	}
}

// nextPacket reads one packet, after the handshake of direct TLS where the client begins with that (PostgreSQL 17's
// sslnegotiation=direct): the length of a startup packet never begins as a TLS record does.
func (c *conn) nextPacket(ctx context.Context) (code uint32, body []byte, err error) {
	var first [4]byte
	if _, err := io.ReadFull(c.client, first[:]); err != nil {
		return 0, nil, fmt.Errorf("read startup packet: %w", err)
	}
	if first[0] == tlsHandshake && protocols.TLSName(c.client) == "" {
		if err := c.directTLS(ctx, first[:]); err != nil {
			return 0, nil, err
		}
		if _, err := io.ReadFull(c.client, first[:]); err != nil {
			return 0, nil, fmt.Errorf("read startup packet: %w", err)
		}
	}
	return readPacket(c.client, first)
}

// negotiateVersion tells a client that asks for a newer minor version, or for protocol options that we don't know, what
// it gets (PostgreSQL's documentation, section 55.2.1).
func (c *conn) negotiateVersion() error {
	if c.startup.version <= version32 && len(c.startup.unknown) == 0 {
		return nil
	}
	c.startup.version = min(c.startup.version, version32)
	_, err := c.client.Write(encode(&pgproto3.NegotiateProtocolVersion{
		NewestMinorProtocol: c.startup.version, UnrecognizedOptions: c.startup.unknown,
	}))
	return err
}

// prove has the client prove by SCRAM-SHA-256 that it knows the password that v was made of. AuthenticationOk is not
// sent yet: the client isn't in before the target let us in.
func (c *conn) prove(v scram.Verifier) error {
	exchange := scram.NewServer(v, c.binding)
	offer := encode(&pgproto3.AuthenticationSASL{AuthMechanisms: scram.Mechanisms(c.binding)})
	if _, err := c.client.Write(offer); err != nil {
		return fmt.Errorf("ask for authentication: %w", err)
	}
	body, err := c.readAuth()
	if err != nil {
		return err
	}
	mechanism, message, err := parseSASLInitial(body)
	if err != nil {
		return err
	}
	challenge, err := exchange.First(mechanism, message)
	if err != nil {
		return c.proofError(err)
	}
	if _, err := c.client.Write(encode(&pgproto3.AuthenticationSASLContinue{Data: challenge})); err != nil {
		return fmt.Errorf("continue authentication: %w", err)
	}
	if body, err = c.readAuth(); err != nil {
		return err
	}
	final, err := exchange.Final(body)
	if err != nil {
		return c.proofError(err)
	}
	_, err = c.client.Write(encode(&pgproto3.AuthenticationSASLFinal{Data: final}))
	return err
}

// readAuth reads a message of the client's authentication.
func (c *conn) readAuth() ([]byte, error) {
	kind, body, _, err := readMessage(c.client, nil, maxAuth)
	if err != nil {
		return nil, err
	}
	if kind == 'X' { // psql hangs up so to ask for a password
		return nil, fmt.Errorf("read authentication: the client left: %w", io.EOF)
	}
	if kind != 'p' {
		return nil, violation(fmt.Sprintf("expected SASL response, got message type %q", kind))
	}
	return body, nil
}

// parseSASLInitial parses a SASLInitialResponse: mechanism, length, client-first. pgproto3's decoder ignores the length.
func parseSASLInitial(body []byte) (mechanism string, message []byte, err error) {
	i := bytes.IndexByte(body, 0)
	if i < 0 || len(body) < i+5 {
		return "", nil, violation("malformed SASLInitialResponse")
	}
	size, message := binary.BigEndian.Uint32(body[i+1:]), body[i+5:]
	if uint64(size) != uint64(len(message)) {
		return "", nil, violation("malformed SASLInitialResponse: its length does not fit")
	}
	return string(body[:i]), message, nil
}

// proofError is what the client is told of a failed exchange. A wrong user and a wrong password look alike.
func (c *conn) proofError(err error) error {
	switch {
	case errors.Is(err, scram.ErrProof):
		return &protocols.Error{Class: protocols.ClassLogin, Cause: err,
			Message: fmt.Sprintf("password authentication failed for user %q", c.startup.user)}
	case errors.Is(err, scram.ErrBinding):
		return &protocols.Error{Class: protocols.ClassLogin, Message: "SCRAM channel binding check failed", Cause: err,
			Hint: "Something between client and gateway may be reading along. If TLS ends at a load balancer, connect with channel_binding=disable."}
	}
	return &protocols.Error{Class: protocols.ClassBadRequest, Message: "malformed SCRAM message", Detail: err.Error(), Cause: err}
}
