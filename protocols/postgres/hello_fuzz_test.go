package postgres

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// script is a connection whose other side has said all that it will ever say.
type script struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)       { return s.in.Read(b) }
func (s *script) Write(b []byte) (int, error)      { return s.out.Write(b) }
func (s *script) Close() error                     { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

var fuzzTLS = sync.OnceValue(func() *tls.Config {
	cert, err := testenv.NewCert()
	if err != nil {
		panic(err)
	}
	pair, err := tls.X509KeyPair(cert.Cert, cert.Key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
})

// FuzzHello: whatever a client says, nothing panics, nothing is let in without the password, and a refusal is a whole
// ErrorResponse.
func FuzzHello(f *testing.F) {
	initial := encode(&pgproto3.SASLInitialResponse{AuthMechanism: scram.SHA256, Data: []byte("n,,n=,r=rOprNGfwEbeRWgbNEkqO")})
	response := encode(&pgproto3.SASLResponse{Data: []byte("c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")})
	f.Add(bytes.Join([][]byte{aliceStarts, initial, response}, nil))
	f.Add(bytes.Join([][]byte{packet(codeGSS, nil), aliceStarts, initial}, nil))
	f.Add(append(packet(codeTLS, nil), 0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0))
	f.Add(packet(codeCancel, []byte{0, 0, 0, 7, 1, 2, 3, 4}))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	p := New(Options{Log: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, said []byte) {
		nc := &script{in: bytes.NewReader(said)}
		c := p.Accept(protocols.Origin{Conn: nc, TLS: fuzzTLS(), Plaintext: true}).(*conn)
		defer c.Close()
		_, err := c.Hello(t.Context(), gateAuth{})
		if err == nil {
			t.Fatal("let in")
		}
		if errors.Is(err, protocols.ErrServed) {
			return
		}
		nc.out.Reset()
		c.Refuse(err)
		if refusal := nc.out.Bytes(); protocols.TLSName(c.client) == "" && !c.mute {
			if len(refusal) < 5 || refusal[0] != 'E' || int(binary.BigEndian.Uint32(refusal[1:])) != len(refusal)-1 {
				t.Fatalf("refusal %q", refusal)
			}
		}
	})
}

// FuzzTarget: whatever a target says, nothing panics, the gateway's floor holds and the secret stays in.
func FuzzTarget(f *testing.F) {
	f.Add(encode(&pgproto3.AuthenticationOk{}), byte(methodNone))
	f.Add(append(encode(&pgproto3.AuthenticationOk{}), greeting...), byte(methodNone))
	f.Add(bytes.Join([][]byte{saslOffer, encode(&pgproto3.AuthenticationSASLContinue{Data: []byte("r=x,s=c2FsdA==,i=4096")}),
		encode(&pgproto3.AuthenticationSASLFinal{Data: []byte("v=AAAA")}), encode(&pgproto3.AuthenticationOk{}), greeting}, nil), byte(methodSCRAM))
	f.Add(bytes.Join([][]byte{auth(pgproto3.AuthTypeMD5Password, 1, 2, 3, 4), encode(&pgproto3.AuthenticationOk{}), greeting}, nil), byte(methodMD5))
	f.Add(encode(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: version30},
		&pgproto3.ErrorResponse{Severity: "FATAL", Code: "3D000", Message: "m"}), byte(methodSCRAM))
	f.Fuzz(func(t *testing.T, said []byte, floor byte) {
		if int(floor) >= len(methodNames) {
			return
		}
		server := &script{in: bytes.NewReader(said)}
		client := &script{in: bytes.NewReader(nil)}
		c := New(Options{}).Accept(protocols.Origin{Conn: client}).(*conn)
		defer c.Close()
		c.startup = &startup{version: version32, user: "alice", settings: map[string]string{}}
		_, err := c.Join(t.Context(), protocols.Route{Floor: method(floor).String(),
			Credential: &vault.Credential{User: "app", Secret: []byte(targetSecret)},
			Dial:       func(context.Context) (net.Conn, error) { return server, nil }})
		if err == nil && method(floor) >= methodSCRAM {
			t.Fatal("let in by a target that can't know the password")
		}
		if method(floor) > methodPassword && strings.Contains(server.out.String(), targetSecret) {
			t.Fatalf("the secret went out: %q", server.out.String())
		}
		if err != nil && client.out.Len() > 0 {
			t.Fatalf("the client was told %q, then refused", client.out.String())
		}
		if err == nil && c.target.pid > 0 && len(c.target.key) > maxCancelKey {
			t.Fatal("an endless cancel key")
		}
	})
}
