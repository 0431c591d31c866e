package sftp

import (
	"io"
	"sync"
)

const (
	smallBuffer = 4 << 10 // 4 KiB, which each direction has
	largeBuffer = 2 * MinBuffer
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// buffer holds what was read and not taken yet, at its front. It is large while much comes.
type buffer struct {
	small []byte
	large *[largeBuffer]byte // nil: it is small
	n     int                // bytes held
}

func (b *buffer) all() []byte {
	if b.large != nil {
		return b.large[:]
	}
	return b.small
}

func (b *buffer) held() []byte { return b.all()[:b.n] }

// fill reads once. The machine takes something of what fills a large buffer, so there is always room.
func (b *buffer) fill(r io.Reader) error {
	n, err := r.Read(b.all()[b.n:])
	b.n += n
	return err
}

// drop forgets the first n bytes, which were taken.
func (b *buffer) drop(n int) {
	rest, full := b.held()[n:], b.n == len(b.all())
	switch {
	case full && b.large == nil:
		large := largeBuffers.Get().(*[largeBuffer]byte)
		b.n, b.large = copy(large[:], rest), large
		return
	case b.large != nil && b.n < smallBuffer:
		b.n = copy(b.small, rest)
		b.release()
		return
	}
	b.n = copy(b.all(), rest)
}

func (b *buffer) release() {
	if b.large != nil {
		largeBuffers.Put(b.large)
		b.large = nil
	}
}
