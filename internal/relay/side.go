package relay

import (
	"net"
	"sync"
	"syscall"
)

const (
	bufferSize = 64 << 10 // 64 KiB: how much is read from a socket at once
	recordSize = 16 << 10 // 16 KiB: TLS gives no more at once (RFC 8446, section 5.1)
)

// Buffers are shared by all connections. A plain socket that is idle holds none; a TLS connection can't tell when there
// is something to read, and holds one.
var (
	buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}
	records = sync.Pool{New: func() any { b := make([]byte, recordSize); return &b }}
)

// side is one of the two connections.
type side struct {
	conn   net.Conn
	pool   *sync.Pool
	buffer *[]byte // borrowed from pool while bytes read are in use

	raw      syscall.RawConn // set where conn is a plain socket
	readable func(fd uintptr) bool
	n        int
	readErr  error

	writing sync.Mutex
	broken  bool // a write failed: what the other end saw is not known
	batch   net.Buffers
	whole   []byte // room for what goes out in one write where there is no writev
}

func (s *side) init(conn net.Conn) {
	s.conn, s.pool = conn, &records
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			s.raw, s.readable, s.pool = raw, s.readReady, &buffers
		}
	}
}

// write sends all of b: with writev on a plain socket, in one piece elsewhere (a TLS record costs more than a copy).
func (s *side) write(b *Batch) error {
	err := s.writeAll(b)
	if err != nil {
		s.broken = true
	}
	return err
}

func (s *side) writeAll(b *Batch) error {
	pieces := b.Pieces()
	if len(pieces) > 1 && s.raw != nil {
		s.batch = net.Buffers(pieces)
		_, err := s.batch.WriteTo(s.conn)
		return err
	}
	all := b.Bytes(s.whole)
	if len(pieces) > 1 {
		s.whole = all
		if cap(all) > bufferSize {
			s.whole = nil
		}
	}
	_, err := s.conn.Write(all)
	return err
}

// closeWrite says that nothing more will come, where the connection can say that.
func (s *side) closeWrite() error {
	half, ok := s.conn.(interface{ CloseWrite() error })
	if !ok {
		return net.ErrClosed
	}
	return half.CloseWrite()
}
