package ssh

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// socket is a connection whose writes wait for leave to be given, where gate is set, and are noted.
type socket struct {
	net.Conn
	gate chan struct{} // nil: all may pass

	mu     sync.Mutex
	pieces [][]byte
}

func (s *socket) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces = append(s.pieces, bytes.Clone(p))
	return len(p), nil
}

func (s *socket) Read(p []byte) (int, error)       { return len(p), nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
func (s *socket) Close() error                     { return nil }

func (s *socket) written() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pieces
}

func TestSenderJoinsWhatComesWhileItWrites(t *testing.T) {
	nc := &socket{gate: make(chan struct{})}
	s := newSender(nc)
	var want []byte
	for i := range 20 {
		p := bytes.Repeat([]byte{byte(i)}, much+i)
		want = append(want, p...)
		if n, err := s.Write(p); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := s.Write([]byte("small, behind them")); err != nil {
		t.Fatal(err)
	}
	close(nc.gate)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Join(nc.written(), nil); !bytes.Equal(got, append(want, "small, behind them"...)) {
		t.Errorf("%d bytes came of %d, or others", len(got), len(want))
	}
	if n := len(nc.written()); n > 2 {
		t.Errorf("%d writes: what came while the first was under way is one", n)
	}
}

// A key must not wait for a goroutine to be woken.
func TestSenderWritesASmallPieceAtOnce(t *testing.T) {
	nc := &socket{}
	s := newSender(nc)
	s.Write([]byte("k"))
	if len(nc.written()) != 1 || s.flushing {
		t.Error("it was not written by Write itself")
	}
	if s.Read(make([]byte, much)); !s.muchComes.Load() {
		t.Error("a read that filled its buffer is not taken for much")
	}
	s.Read(make([]byte, 100))
	s.Write([]byte("k"))
	if len(nc.written()) != 2 || s.flushing {
		t.Error("after a small read it was not written by Write itself")
	}
}

// The bytes that end a session (its exit status, its close) are written just before the connection is closed.
func TestSenderDeliversWhatWasWrittenBeforeItIsClosed(t *testing.T) {
	client, server := tcpPair(t)
	s := newSender(server)
	content := make([]byte, 3<<20) // 3 MiB
	rand.NewChaCha8([32]byte{}).Read(content)
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(client)
		got <- all
	}()
	for rest := content; len(rest) > 0; {
		n, err := s.Write(rest[:min(len(rest), 1+rand.IntN(50_000))])
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if all := <-got; !bytes.Equal(all, content) {
		t.Errorf("%d bytes came of %d, or others", len(all), len(content))
	}
}

// Who reads nothing must not have memory grow, nor keep a session from its end.
func TestSenderOfAStalledSide(t *testing.T) {
	client, server := tcpPair(t)
	server.(*net.TCPConn).SetWriteBuffer(64 << 10)
	client.(*net.TCPConn).SetReadBuffer(64 << 10)
	s := newSender(server)
	ended := make(chan error)
	go func() {
		piece := make([]byte, 32<<10) // 32 KiB
		for {
			if _, err := s.Write(piece); err != nil {
				ended <- err
				return
			}
		}
	}()
	s.mu.Lock()
	for s.n < largeBuffer {
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
		s.mu.Lock()
	}
	s.mu.Unlock()
	s.Close()
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if s.flushing || s.batch != nil {
		t.Error("something is kept")
	}
}

// tcpPair is a connection and its other end.
func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}
