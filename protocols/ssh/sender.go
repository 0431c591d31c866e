package ssh

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// much is the size of golang.org/x/crypto/ssh's buffers: a read or a write as large has more behind it.
	much = 4 << 10 // 4 KiB
	// lastTime is for a side to take, when its connection is closed, what was written before.
	lastTime = time.Second
)

// sender is a connection that is written to in large pieces while much passes. golang.org/x/crypto/ssh writes each packet by
// itself, in two pieces: 70,000 system calls a GiB, each of which wakes the other side. Here what is written while much comes
// in or goes out is taken, and a goroutine that is there as long as anything waits (flush) writes it, with what came until it
// got to that. Nothing is held back for more to come. A small write that finds nothing before it, as of a key or its echo,
// goes out at once. One goroutine writes at a time.
type sender struct {
	net.Conn
	muchComes atomic.Bool // the last read was a large one: small writes make room for more, and nobody waits for them

	mu       sync.Mutex // guards all below
	changed  sync.Cond  // there is room, or flush has ended
	flushing bool       // flush is there: always while anything waits
	batch    *[largeBuffer]byte
	n        int   // bytes in it that wait
	err      error // of a write: there will be no other
}

func newSender(nc net.Conn) *sender {
	s := &sender{Conn: nc}
	s.changed.L = &s.mu
	return s
}

func (s *sender) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.muchComes.Store(n >= much)
	return n, err
}

// Write returns when p is written, or will be. Where it can't be, a later Write says so.
func (s *sender) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	if !s.flushing && s.err == nil && len(p) < much && !s.muchComes.Load() {
		s.mu.Unlock()
		return s.Conn.Write(p)
	}
	defer s.mu.Unlock()
	for n < len(p) {
		for s.n == largeBuffer && s.err == nil {
			s.changed.Wait()
		}
		if s.err != nil {
			return n, s.err
		}
		if s.batch == nil {
			s.batch = largeBuffers.Get().(*[largeBuffer]byte)
		}
		some := copy(s.batch[s.n:], p[n:])
		s.n += some
		n += some
		if !s.flushing {
			s.flushing = true
			go s.flush()
		}
	}
	return n, nil
}

// flush writes what waits until nothing does.
func (s *sender) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.n > 0 {
		batch, n := s.batch, s.n
		s.batch, s.n = nil, 0
		s.changed.Broadcast()
		if s.err == nil {
			s.mu.Unlock()
			_, err := s.Conn.Write(batch[:n])
			s.mu.Lock()
			s.err = err
		}
		largeBuffers.Put(batch)
	}
	s.flushing = false
	s.changed.Broadcast()
}

// Close waits for the system to have what was written, as it has when the Write of a socket returns; but not for long.
func (s *sender) Close() error {
	s.mu.Lock()
	if s.flushing {
		s.Conn.SetWriteDeadline(time.Now().Add(lastTime))
	}
	for s.flushing {
		s.changed.Wait()
	}
	s.mu.Unlock()
	return s.Conn.Close()
}
