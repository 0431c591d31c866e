package protocoltest

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Serve listens, and has serve have each connection, which is closed after it. The test's end closes the listener and waits
// for all of them.
func Serve(t testing.TB, serve func(net.Conn)) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				serve(nc)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait() // hangs where one leaves a goroutine
	})
	return l.Addr().(*net.TCPAddr)
}

// Nowhere is an address that refuses connections.
func Nowhere(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}

// Dial connects to an address, for no longer than a test takes.
func Dial(t testing.TB, address string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return nc
}

// Pretender is a server that a test has play the target. It remembers all that it was sent.
type Pretender struct {
	Addr string
	got  Buffer
}

// Pretend starts a server that plays script on each connection, then waits for the gateway to hang up.
func Pretend(t testing.TB, script func(net.Conn)) *Pretender {
	t.Helper()
	p := &Pretender{}
	p.Addr = Serve(t, func(nc net.Conn) {
		nc = &heard{nc, &p.got}
		script(nc)
		io.Copy(io.Discard, nc)
	}).String()
	return p
}

// Received is all that it was sent so far.
func (p *Pretender) Received() string { return p.got.String() }

// heard is a connection whose reads are remembered.
type heard struct {
	net.Conn
	got *Buffer
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.got.Write(b[:n])
	return n, err
}
