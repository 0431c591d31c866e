package postgres

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// method is a way to log in to a target, weakest first. Each tells a server that only pretends to be the target less
// than the one before: all of the password, a hash to replay, a hash to guess at, nothing.
type method int

const (
	methodNone method = iota
	methodPassword
	methodMD5
	methodSCRAM
	methodSCRAMPlus
)

var methodNames = [...]string{"trust", "password", "md5", "scram-sha-256", "scram-sha-256-plus"}

func (m method) String() string { return methodNames[m] }

// parseMethod reads a floor. Empty is scram-sha-256; none is another word for trust.
func parseMethod(s string) (method, error) {
	switch s {
	case "":
		return methodSCRAM, nil
	case "none":
		return methodNone, nil
	}
	for m, name := range methodNames {
		if s == name {
			return method(m), nil
		}
	}
	return 0, fmt.Errorf("read floor of authentication: %q is none of %v", s, methodNames)
}

// exchange answers a target's demands for authentication, none of which is answered that is weaker than floor. It does
// no I/O.
type exchange struct {
	floor      method
	credential *vault.Credential
	binding    []byte        // tls-server-end-point data; nil: none
	scram      *scram.Client // under way
	verified   bool          // the target has proved itself in scram
	done       method        // what the target was satisfied with so far
	answered   bool          // a password, or its hash, was sent: once is enough
	ok         bool          // the target said AuthenticationOk, and it was enough
}

// take takes the body of an Authentication message and returns the message to answer with, which the caller overwrites
// when it is sent; nil: none.
func (x *exchange) take(body []byte) (answer []byte, err error) {
	if len(body) < 4 {
		return nil, brokeProtocol(errors.New("an authentication message of less than 4 bytes"))
	}
	switch kind := binary.BigEndian.Uint32(body); kind {
	case pgproto3.AuthTypeOk:
		return nil, x.finish()
	case pgproto3.AuthTypeCleartextPassword:
		return x.password(methodPassword, func() []byte { return x.credential.Secret })
	case pgproto3.AuthTypeMD5Password:
		var m pgproto3.AuthenticationMD5Password
		if err := m.Decode(body); err != nil {
			return nil, brokeProtocol(err)
		}
		return x.password(methodMD5, func() []byte { return md5Password(x.credential, m.Salt) })
	case pgproto3.AuthTypeSASL:
		return x.begin(body)
	case pgproto3.AuthTypeSASLContinue:
		return x.prove(body)
	case pgproto3.AuthTypeSASLFinal:
		return nil, x.verify(body)
	default:
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the target asks for a way to log in that the gateway does not know",
			Cause: fmt.Errorf("authentication type %d", kind)}
	}
}

// demand refuses a method that is weaker than the floor, before a byte of the credential is used.
func (x *exchange) demand(m method) error {
	if x.answered || x.scram != nil {
		return brokeProtocol(errors.New("it asks for authentication twice"))
	}
	if m < x.floor {
		return tooWeak(m, x.floor)
	}
	return nil
}

func tooWeak(m, floor method) error {
	return &protocols.Error{Class: protocols.ClassTarget, Message: "the target asks for a weaker login than the gateway may give",
		Hint:  "Have its pg_hba.conf ask for " + floor.String() + ", or have the target's auth lowered in the gateway's configuration.",
		Cause: fmt.Errorf("it asks for %s, the floor is %s", m, floor)}
}

// password answers with a PasswordMessage.
func (x *exchange) password(m method, secret func() []byte) ([]byte, error) {
	if err := x.demand(m); err != nil {
		return nil, err
	}
	x.answered, x.done = true, m
	b := secret()
	if m != methodPassword {
		defer clear(b)
	}
	n := uint32(len(b) + 5)
	answer := make([]byte, 0, len(b)+6)
	answer = append(answer, 'p', byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	answer = append(answer, b...)
	return append(answer, 0), nil
}

// md5Password is "md5" and md5(md5(password, user), salt) in hex.
func md5Password(c *vault.Credential, salt [4]byte) []byte {
	inner := md5.New()
	inner.Write(c.Secret)
	inner.Write([]byte(c.User))
	outer := md5.New()
	hashed := hex.AppendEncode(nil, inner.Sum(nil))
	outer.Write(hashed)
	clear(hashed)
	outer.Write(salt[:])
	return hex.AppendEncode([]byte("md5"), outer.Sum(nil))
}

// begin answers AuthenticationSASL with client-first.
func (x *exchange) begin(body []byte) ([]byte, error) {
	var m pgproto3.AuthenticationSASL
	if err := m.Decode(body); err != nil {
		return nil, brokeProtocol(err)
	}
	client, err := scram.NewClient(x.credential.Secret, m.AuthMechanisms, x.binding)
	if err != nil {
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the target asks for a way to log in that the gateway does not know", Cause: err}
	}
	offered := methodSCRAM
	if client.Mechanism == scram.SHA256Plus {
		offered = methodSCRAMPlus
	}
	if err := x.demand(offered); err != nil {
		client.Wipe()
		return nil, err
	}
	x.scram, x.done = client, offered
	return encode(&pgproto3.SASLInitialResponse{AuthMechanism: client.Mechanism, Data: client.First()}), nil
}

// prove answers AuthenticationSASLContinue with client-final.
func (x *exchange) prove(body []byte) ([]byte, error) {
	var m pgproto3.AuthenticationSASLContinue
	if err := m.Decode(body); err != nil {
		return nil, brokeProtocol(err)
	}
	if x.scram == nil || x.answered {
		return nil, brokeProtocol(errors.New("AuthenticationSASLContinue out of turn"))
	}
	x.answered = true
	final, err := x.scram.Final(m.Data)
	if err != nil {
		return nil, brokeProtocol(err)
	}
	return encode(&pgproto3.SASLResponse{Data: final}), nil
}

// verify checks in AuthenticationSASLFinal that the target knows the password too.
func (x *exchange) verify(body []byte) error {
	var m pgproto3.AuthenticationSASLFinal
	if err := m.Decode(body); err != nil {
		return brokeProtocol(err)
	}
	if x.scram == nil || !x.answered || x.verified {
		return brokeProtocol(errors.New("AuthenticationSASLFinal out of turn"))
	}
	if err := x.scram.Verify(m.Data); err != nil {
		return &protocols.Error{Class: protocols.ClassTarget, Message: "the target could not prove that it knows the gateway's password", Cause: err,
			Hint: "Something else may be answering in the target's place; the gateway's log says more."}
	}
	x.verified = true
	return nil
}

// finish takes AuthenticationOk. A target that asked for nothing was satisfied with none; one that broke off SCRAM
// before its own proof has proved nothing.
func (x *exchange) finish() error {
	if x.scram != nil && !x.verified {
		return brokeProtocol(errors.New("AuthenticationOk before the target proved itself in SCRAM"))
	}
	if x.done < x.floor {
		return tooWeak(x.done, x.floor)
	}
	x.ok = true
	x.wipe()
	return nil
}

// wipe overwrites what was kept of the credential.
func (x *exchange) wipe() {
	if x.scram != nil {
		x.scram.Wipe()
	}
}

// peerBinding is the channel binding of the target's certificate; nil: not TLS, or it has none.
func peerBinding(nc net.Conn) []byte {
	t, ok := nc.(*tls.Conn)
	if !ok {
		return nil
	}
	certs := t.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return nil
	}
	binding, err := scram.EndPoint(certs[0])
	if err != nil {
		return nil
	}
	return binding
}
