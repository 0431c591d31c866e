package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

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
	config, _ := protocoltest.NewTLS(f)
	p := New(Options{Log: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, said []byte) {
		nc := protocoltest.NewScript(said)
		c := p.Accept(protocols.Origin{Conn: nc, TLS: config, Plaintext: true}).(*conn)
		defer c.Close()
		_, err := c.Hello(t.Context(), protocoltest.Auth{})
		if err == nil {
			t.Fatal("let in")
		}
		if errors.Is(err, protocols.ErrServed) {
			return
		}
		nc.Out.Reset()
		c.Refuse(err)
		if refusal := nc.Out.Bytes(); protocols.TLSName(c.client) == "" && !c.mute {
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
		server := protocoltest.NewScript(said)
		client := protocoltest.NewScript(nil)
		c := New(Options{}).Accept(protocols.Origin{Conn: client}).(*conn)
		defer c.Close()
		c.startup = &startup{version: version32, user: "alice", settings: map[string]string{}}
		_, err := c.Join(t.Context(), protocols.Route{Floor: method(floor).String(),
			Credential: &vault.Credential{User: "app", Secret: []byte(targetSecret)},
			Dial:       func(context.Context) (net.Conn, error) { return server, nil }})
		if err == nil && method(floor) >= methodSCRAM {
			t.Fatal("let in by a target that can't know the password")
		}
		if method(floor) > methodPassword && strings.Contains(server.Out.String(), targetSecret) {
			t.Fatalf("the secret went out: %q", server.Out.String())
		}
		if err != nil && client.Out.Len() > 0 {
			t.Fatalf("the client was told %q, then refused", client.Out.String())
		}
		if err == nil && c.target.pid > 0 && len(c.target.key) > maxCancelKey {
			t.Fatal("an endless cancel key")
		}
	})
}
