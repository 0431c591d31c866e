package postgres

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
)

// pretender is a server that a test has play the target. It remembers all that it was sent.
type pretender struct {
	addr string
	mu   sync.Mutex
	got  bytes.Buffer
}

func (p *pretender) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.String()
}

// heard is a connection whose reads are remembered.
type heard struct {
	net.Conn
	p *pretender
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	h.p.got.Write(b[:n])
	return n, err
}

// pretend starts a server that plays script on each connection, then waits for the gateway to hang up.
func pretend(t *testing.T, script func(*rawClient)) *pretender {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pretender{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				c := &rawClient{t, &heard{nc, p}}
				script(c)
				io.Copy(io.Discard, c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return p
}

// startupMessage reads the gateway's StartupMessage.
func (c *rawClient) startupMessage() *pgproto3.StartupMessage {
	var first [4]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return nil
	}
	code, body, err := readPacket(c, first)
	if err != nil {
		return nil
	}
	var m pgproto3.StartupMessage
	if err := m.Decode(append([]byte{byte(code >> 24), byte(code >> 16), byte(code >> 8), byte(code)}, body...)); err != nil {
		c.t.Errorf("the gateway's startup message: %v", err)
	}
	return &m
}

// serveSCRAM logs the gateway in as a real server does, and stops before server-final.
func serveSCRAM(c *rawClient, password string, iterations int) (final []byte) {
	v, err := scram.NewVerifier([]byte(password), iterations)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	x := scram.NewServer(v, nil)
	c.Write(saslOffer)
	_, body, _, err := readMessage(c, nil, maxAuth)
	if err != nil {
		return nil
	}
	mechanism, message, err := parseSASLInitial(body)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	challenge, err := x.First(mechanism, message)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	c.Write(encode(&pgproto3.AuthenticationSASLContinue{Data: challenge}))
	if _, body, _, err = readMessage(c, nil, maxAuth); err != nil {
		return nil
	}
	if final, err = x.Final(body); err != nil {
		return nil
	}
	return final
}
