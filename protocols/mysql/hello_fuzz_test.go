package mysql

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// said puts packets one behind the other, numbered from 1.
func said(payloads ...[]byte) (b []byte) {
	for i, p := range payloads {
		b = appendPacket(b, byte(i+1), p)
	}
	return b
}

// FuzzHello: whatever a client says, nothing panics, nothing is let in without the password, and a refusal is a whole ERR.
func FuzzHello(f *testing.F) {
	whole := response{caps: always &^ clientTLS, user: "alice", plugin: pluginSHA2, database: "shop", auth: make([]byte, 32),
		attrs: []byte("\x0c_client_name\x08libmysql")}
	f.Add(said(whole.bytes(), []byte("wrong\x00")))
	f.Add(said(whole.bytes(), []byte{sha2AskKey}, make([]byte, 256)))
	native := whole
	native.plugin, native.auth = pluginNative, make([]byte, 20)
	f.Add(said(native.bytes(), make([]byte, 32), []byte("x\x00")))
	f.Add(append(said(response{caps: always}.bytes()[:tlsRequestSize]), 0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	config, _ := protocoltest.NewTLS(f)
	p := New(Options{Log: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, said []byte) {
		nc := protocoltest.NewScript(said)
		c := p.Accept(protocols.Origin{Conn: nc, TLS: config, Plaintext: true}).(*conn)
		defer c.Close()
		_, err := c.Hello(t.Context(), protocoltest.Auth{KeepsNative: true})
		if err == nil {
			t.Fatal("let in")
		}
		nc.Out.Reset()
		seq := c.packets.seq
		c.Refuse(err)
		if refusal := nc.Out.Bytes(); protocols.TLSName(c.client) == "" && !c.mute {
			size, number := packetHead(refusal)
			if size != len(refusal)-headSize || number != seq || refusal[headSize] != answerError {
				t.Fatalf("refusal %q", refusal)
			}
		}
	})
}

// FuzzAgain: the same, for a COM_CHANGE_USER.
func FuzzAgain(f *testing.F) {
	f.Add([]byte("alice\x00\x14aaaaaaaaaaaaaaaaaaaashop\x00\x2d\x00mysql_native_password\x00\x00"), said([]byte("x")))
	f.Add([]byte("alice\x00\x00\x00"), said())
	f.Add([]byte("bob\x00\x00\x00\xff\x00caching_sha2_password\x00\x06\x01a\x01b\x01c\x00"), said(make([]byte, 32), []byte("x\x00")))
	p := New(Options{Log: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, payload, said []byte) {
		nc := protocoltest.NewScript(said)
		c := p.Accept(protocols.Origin{Conn: nc, Plaintext: true}).(*conn)
		defer c.Close()
		c.hello = &hello{caps: always, plugin: pluginSHA2}
		c.again, c.packets.seq = bytes.Clone(payload), 1
		if _, err := c.Hello(t.Context(), protocoltest.Auth{KeepsNative: true}); err == nil {
			t.Fatal("let in")
		}
	})
}

// FuzzGreeting: what is read of a greeting is what is written of it.
func FuzzGreeting(f *testing.F) {
	f.Add(pretended.append(nil))
	maria := pretended
	maria.version, maria.caps = "5.5.5-10.11.19-MariaDB", announceable&^clientLongPassword
	f.Add(maria.append(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		g, err := parseGreeting(payload)
		if err != nil || !g.caps.has(clientPluginAuth) {
			return
		}
		again, err := parseGreeting(g.append(nil))
		if err != nil || again.version != g.version || again.caps != g.caps || again.plugin != g.plugin || !bytes.Equal(again.scramble, g.scramble) {
			t.Fatalf("%+v became %+v, %v", g, again, err)
		}
	})
}

// FuzzTarget: whatever a target says, nothing panics, the gateway's floor holds and the secret stays in.
func FuzzTarget(f *testing.F) {
	begin := appendPacket(nil, 0, pretended.append(nil))
	then := func(payloads ...[]byte) (b []byte) {
		b = bytes.Clone(begin)
		for i, p := range payloads {
			b = appendPacket(b, byte(i*2+2), p)
		}
		return b
	}
	state := []byte("\x01\x00\x00\x01\x06")
	f.Add(append(then(allIsWell), state...), byte(methodNone), true)
	f.Add(then(switchTo(pluginNative, make([]byte, 20)), allIsWell), byte(methodNative), true)
	f.Add(then(switchTo(pluginEd25519, make([]byte, 31)), allIsWell), byte(methodSHA2), true)
	f.Add(then(switchTo(pluginClear, nil), allIsWell), byte(methodClear), true)
	f.Add(then([]byte{answerAuth, sha2AskClear}, append([]byte{answerAuth}, loginKey().public...)), byte(methodSHA2), true)
	f.Add(then([]byte("\xff\x15\x04#28000Access denied")), byte(methodSHA2), false)
	f.Fuzz(func(t *testing.T, said []byte, floor byte, secret bool) {
		if int(floor) >= len(methodNames) {
			return
		}
		server := protocoltest.NewScript(said)
		client := protocoltest.NewScript(nil)
		c := New(Options{}).Accept(protocols.Origin{Conn: client}).(*conn)
		defer c.Close()
		c.hello, c.offered = &hello{caps: always | clientDeprecateEOF}, always
		c.entry = c.protocol.live.issue()
		credential := &vault.Credential{User: "app"}
		if secret {
			credential.Secret = []byte(targetSecret)
		}
		_, err := c.Join(t.Context(), protocols.Route{Floor: method(floor).String(), Credential: credential,
			Dial: func(context.Context) (net.Conn, error) { return server, nil }})
		if err == nil && !secret && method(floor) > methodNone {
			t.Fatal("in without a password")
		}
		if strings.Contains(server.Out.String(), targetSecret) {
			t.Fatalf("the secret went out: %q", server.Out.String())
		}
		if err != nil && client.Out.Len() > 0 {
			t.Fatalf("the client was told %q, then refused", client.Out.String())
		}
	})
}
