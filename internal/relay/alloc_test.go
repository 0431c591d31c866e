//go:build !race

// The race detector's own sync.Pool drops at random.

package relay

import (
	"io"
	"testing"
)

// passing is a machine that passes everything on, in two pieces.
type passing struct{}

func (passing) Client(p []byte, out *Out) (int, error) {
	out.ToServer.Forward(p)
	return len(p), nil
}

func (passing) Server(p []byte, out *Out) error {
	out.ToClient.Forward(p[:1:1])
	out.ToClient.Forward(p[1:])
	return nil
}

func (passing) HalfClosed() bool              { return true }
func (passing) End(cause error, _ *Out) error { return cause }

// The driver allocates nothing for an exchange over sockets. (crypto/tls allocates about once for a record.)
func TestNoAllocations(t *testing.T) {
	near, client := socketPair(t)
	server, far := socketPair(t)
	done := make(chan error)
	go func() { done <- Run(t.Context(), client, server, passing{}, func() error { return nil }) }()
	message, got := make([]byte, 200), make([]byte, 200)
	exchange := func(from, to io.ReadWriter) {
		if _, err := from.Write(message); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(to, got); err != nil {
			t.Fatal(err)
		}
	}
	both := func() {
		exchange(near, far)
		exchange(far, near)
	}
	both()
	if n := testing.AllocsPerRun(200, both); n >= 1 {
		t.Errorf("%v allocations for an exchange", n)
	}
	near.Close()
	far.Close()
	<-done
	client.Close()
	server.Close()
}
