package postgres

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// rawClient is a client that says what a test wants it to.
type rawClient struct {
	t *testing.T
	net.Conn
}

func dialRaw(t *testing.T, g *testGate) *rawClient {
	t.Helper()
	return &rawClient{t, protocoltest.Dial(t, g.Addr.String())}
}

func (c *rawClient) send(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *rawClient) byte() byte {
	c.t.Helper()
	var b [1]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		c.t.Fatal(err)
	}
	return b[0]
}

// message reads one message, of the kind wanted.
func (c *rawClient) message(kind byte) []byte {
	c.t.Helper()
	got, body, _, err := readMessage(c, nil, 1<<20)
	if err != nil {
		c.t.Fatalf("want %q: %v", kind, err)
	}
	if got != kind {
		c.t.Fatalf("got %q %q, want %q", got, body, kind)
	}
	return body
}

// refused reads the refusal, and that nothing follows it.
func (c *rawClient) refused() *pgproto3.ErrorResponse {
	c.t.Helper()
	var m pgproto3.ErrorResponse
	if err := m.Decode(c.message('E')); err != nil {
		c.t.Fatal(err)
	}
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
		c.t.Errorf("after the refusal: %q, %v", rest, err)
	}
	return &m
}

// startTLS puts TLS on the connection.
func (c *rawClient) startTLS(config *tls.Config) {
	c.t.Helper()
	t := tls.Client(c.Conn, config)
	if err := t.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.Conn = t
}

func packet(code uint32, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(binary.BigEndian.AppendUint32(b, code), body...)
}

var aliceStarts = packet(version30, startupBody("user", "alice", "database", "shop"))

// login answers the gate's SCRAM as a client that knows password.
func (c *rawClient) login(password string) {
	c.t.Helper()
	var offer pgproto3.AuthenticationSASL
	if err := offer.Decode(c.message('R')); err != nil {
		c.t.Fatal(err)
	}
	x, err := scram.NewClient([]byte(password), offer.AuthMechanisms, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(encode(&pgproto3.SASLInitialResponse{AuthMechanism: x.Mechanism, Data: x.First()}))
	final, err := x.Final(c.message('R')[4:])
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(encode(&pgproto3.SASLResponse{Data: final}))
}

// nowhere is a gate whose target refuses connections.
func nowhere(t *testing.T, change func(*testGate)) *testGate {
	t.Helper()
	return newGate(t, protocoltest.Nowhere(t), "app", "hunter2", change)
}

func TestGarbageInPlaceOfAStartupPacket(t *testing.T) {
	g := nowhere(t, nil)
	for name, garbage := range map[string][]byte{
		"HTTP":                  []byte("GET / HTTP/1.1\r\nHost: db\r\n\r\n"),
		"SSH":                   []byte("SSH-2.0-OpenSSH_9.2\r\n"),
		"4 GB":                  binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 0xffffffff), version30),
		"2 GB":                  binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 0x80000000), version30),
		"one byte too long":     binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, maxStartup+1), version30),
		"length zero":           make([]byte, 8),
		"length that has none":  {0, 0, 0, 4},
		"length without a code": {0, 0, 0, 7, 0, 3, 0},
		"version 2":             packet(2<<16, startupBody("user", "alice")),
		"body is noise":         packet(version30, []byte("\xff\xfe\x00\x01")),
		"a Query":               []byte("Q\x00\x00\x00\x0dSELECT 1\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, g)
			c.send(garbage)
			if got := c.refused(); got.Code != "08P01" && got.Code != "0A000" || got.Severity != "FATAL" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestLargestStartupPacketIsTaken(t *testing.T) {
	g := nowhere(t, nil)
	c := dialRaw(t, g)
	fill := maxStartup - 8 - len(startupBody("user", "alice", "application_name", ""))
	c.send(packet(version30, startupBody("user", "alice", "application_name", strings.Repeat("x", fill))))
	c.login(protocoltest.Password)
	c.message('R')
	if got := c.refused(); got.Code != "57P03" || !strings.Contains(got.Message, "can't be reached") || strings.Contains(got.Message, "refused") {
		t.Errorf("a target that is down: %+v", got)
	}
}

// Pins CVE-2021-3935 and kin: what is stuffed in before TLS must not count as said inside it.
func TestPlaintextStuffedBeforeTLS(t *testing.T) {
	g := nowhere(t, nil)
	t.Run("behind the SSLRequest", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(append(packet(codeTLS, nil), aliceStarts...))
		if c.byte() != 'S' {
			t.Fatal("TLS is not offered")
		}
		if got := c.refused(); got.Code != "08P01" || !strings.Contains(got.Message, "unencrypted data") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("before a real handshake", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(append(packet(codeTLS, nil), aliceStarts...))
		if c.byte() != 'S' {
			t.Fatal("TLS is not offered")
		}
		if err := tls.Client(c.Conn, g.Trusted(t)).Handshake(); err == nil {
			t.Error("the handshake went through")
		}
	})
	t.Run("in the SSLRequest itself", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(packet(codeTLS, aliceStarts))
		if got := c.refused(); got.Severity != "FATAL" {
			t.Errorf("%+v", got)
		}
	})
}

func TestRequestsBeforeTheStartupMessage(t *testing.T) {
	g := nowhere(t, func(g *testGate) { g.Origin.Plaintext = false })
	t.Run("GSS, then TLS, then in", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(packet(codeGSS, nil))
		if b := c.byte(); b != 'N' {
			t.Fatalf("GSSENCRequest: %q", b)
		}
		c.send(packet(codeTLS, nil))
		if b := c.byte(); b != 'S' {
			t.Fatalf("SSLRequest: %q", b)
		}
		c.startTLS(g.Trusted(t))
		c.send(aliceStarts)
		c.message('R')
	})
	t.Run("GSS twice", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(packet(codeGSS, nil))
		c.byte()
		c.send(packet(codeGSS, nil))
		if got := c.refused(); got.Code != "0A000" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("TLS inside TLS", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(packet(codeTLS, nil))
		c.byte()
		c.startTLS(g.Trusted(t))
		c.send(packet(codeTLS, nil))
		if got := c.refused(); got.Code != "0A000" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("plaintext where none is taken", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(aliceStarts)
		if got := c.refused(); got.Code != "28000" || !strings.Contains(got.Hint, "sslmode=require") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("TLS, then nothing that is TLS", func(t *testing.T) {
		c := dialRaw(t, g)
		c.send(packet(codeTLS, nil))
		c.byte()
		config := g.Trusted(t)
		config.ServerName = "elsewhere"
		if err := tls.Client(c.Conn, config).Handshake(); err == nil {
			t.Error("a client that does not trust the certificate went on")
		}
	})
}

func TestDirectTLS(t *testing.T) {
	g := nowhere(t, func(g *testGate) { g.Origin.Plaintext = false })
	t.Run("with ALPN", func(t *testing.T) {
		c := dialRaw(t, g)
		config := g.Trusted(t)
		config.NextProtos = []string{alpn}
		c.startTLS(config)
		c.send(aliceStarts)
		c.message('R')
	})
	t.Run("without", func(t *testing.T) {
		c := dialRaw(t, g)
		c.startTLS(g.Trusted(t))
		c.send(aliceStarts)
		if got := c.refused(); got.Code != "08P01" || !strings.Contains(got.Message, "ALPN") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("another protocol", func(t *testing.T) {
		c := dialRaw(t, g)
		config := g.Trusted(t)
		config.NextProtos = []string{"http/1.1"}
		if err := tls.Client(c.Conn, config).Handshake(); err == nil {
			t.Error("HTTP was let in")
		}
	})
}

func TestNegotiateProtocolVersion(t *testing.T) {
	g := nowhere(t, nil)
	for _, tt := range []struct {
		name    string
		version uint32
		options []string
		want    *pgproto3.NegotiateProtocolVersion // nil: nothing to negotiate
	}{
		{"3.0", version30, nil, nil},
		{"3.2", version32, nil, nil},
		{"3.9999, libpq's grease", 3<<16 | 9999, nil, &pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: version32}},
		{"3.0 with an option", version30, []string{"_pq_.x", "1"},
			&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: version30, UnrecognizedOptions: []string{"_pq_.x"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dialRaw(t, g)
			c.send(packet(tt.version, startupBody(append([]string{"user", "alice"}, tt.options...)...)))
			if tt.want != nil {
				var got pgproto3.NegotiateProtocolVersion
				if err := got.Decode(c.message('v')); err != nil {
					t.Fatal(err)
				}
				if got.NewestMinorProtocol != tt.want.NewestMinorProtocol || strings.Join(got.UnrecognizedOptions, " ") != strings.Join(tt.want.UnrecognizedOptions, " ") {
					t.Errorf("%+v, want %+v", got, tt.want)
				}
			}
			c.message('R')
		})
	}
}

func TestClientThatLeaves(t *testing.T) {
	g := nowhere(t, nil)
	for n, says := range [][]byte{nil, {0}, {0, 0, 0, 9, 0, 3}, aliceStarts, append(aliceStarts[:len(aliceStarts):len(aliceStarts)], 'X', 0, 0, 0, 4)} {
		c := dialRaw(t, g)
		c.send(says)
		if len(says) >= len(aliceStarts) {
			c.message('R') // psql leaves here to ask for a password
		}
		c.Close()
		if err := g.Err(t, n); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v, want that the client left", says, err)
		}
	}
}

// A slow-loris: one byte, then nothing. The deadline of Hello ends it, with a word.
func TestSlowLoris(t *testing.T) {
	g := nowhere(t, func(g *testGate) { g.Timeout = 50 * time.Millisecond })
	for name, says := range map[string][]byte{"nothing": nil, "one byte": {0}, "half a packet": aliceStarts[:10], "no answer": aliceStarts} {
		c := dialRaw(t, g)
		c.send(says)
		if len(says) == len(aliceStarts) {
			c.message('R')
		}
		if got := c.refused(); got.Code != "57014" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestShutdownReachesWhoLogsIn(t *testing.T) { nowhere(t, nil).ShutdownReachesHello(t) }

func TestCloseEndsHello(t *testing.T) {
	nowhere(t, nil).CloseEndsHello(t, func(client net.Conn) error {
		_, err := client.Write([]byte{0}) // Hello reads
		return err
	})
}
