package relay

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// read returns the next bytes. They are valid until release.
func (s *side) read() ([]byte, error) {
	if s.raw == nil {
		s.take()
		n, err := s.conn.Read(*s.buffer)
		return (*s.buffer)[:n], err
	}
	s.n, s.readErr = 0, nil
	if err := s.raw.Read(s.readable); err != nil {
		return nil, err
	}
	if s.n == 0 {
		return nil, s.readErr
	}
	return (*s.buffer)[:s.n], s.readErr
}

// readReady tries to read from a socket and reports whether there was anything to say. No buffer is held while there is not.
func (s *side) readReady(fd uintptr) bool {
	s.take()
	for {
		n, err := unix.Read(int(fd), *s.buffer)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			s.release()
			return false
		case err != nil:
			s.readErr = os.NewSyscallError("read", err)
		case n == 0:
			s.readErr = io.EOF
		default:
			s.n = n
		}
		return true
	}
}

func (s *side) take() {
	if s.buffer == nil {
		s.buffer = s.pool.Get().(*[]byte)
	}
}

func (s *side) release() {
	if s.buffer != nil {
		s.pool.Put(s.buffer)
		s.buffer = nil
	}
}
