package ssh

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/gatefold/gatefold/internal/record"
)

// carrier carries a program's data. What it carries is on record before it goes on. Both methods end when what they read from
// does; a *protocols.Error that they return ends the channel and is told on its stderr.
type carrier interface {
	// feed carries what the client sends to the target. It is on record for good (relay.sync) before it goes on.
	feed(near io.Reader, far io.Writer) error
	// show carries what the target sends on its first stream to the client. Its second is carried alike for all programs.
	show(far io.Reader, near io.Writer) error
}

// source is a stream of the target's or the client's. It knows whether all that came so far has been dealt with.
type source struct {
	io.Reader
	from  *meter        // nil: nobody counts
	taken atomic.Uint64 // bytes
	waits atomic.Bool   // whoever reads waits for more
}

func (s *source) Read(p []byte) (int, error) {
	s.waits.Store(true)
	n, err := s.Reader.Read(p)
	s.taken.Add(uint64(n))
	if s.from != nil {
		s.from.took(n)
	}
	s.waits.Store(err != nil) // at its end there is nothing left to deal with
	return n, err
}

const (
	smallBuffer = 2 << 10   // 2 KiB, which each stream has
	largeBuffer = 128 << 10 // 128 KiB, while much comes: what golang.org/x/crypto/ssh has gathered is taken in one read
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// pump moves what comes from src to dst until either ends. first is called with each piece before that goes on; the piece is
// good until it returns.
func pump(dst io.Writer, src io.Reader, first func([]byte) error) error {
	small := make([]byte, smallBuffer)
	var large *[largeBuffer]byte
	defer func() {
		if large != nil {
			largeBuffers.Put(large)
		}
	}()
	for {
		buf := small
		if large != nil {
			buf = large[:]
		}
		n, err := src.Read(buf)
		if n > 0 {
			if err := first(buf[:n]); err != nil {
				return err
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n < smallBuffer && large != nil:
			largeBuffers.Put(large)
			large = nil
		case n == smallBuffer && large == nil:
			large = largeBuffers.Get().(*[largeBuffer]byte)
		}
	}
}

// plain carries data as it is.
type plain struct {
	ch      *channel
	in, out keeper
}

// keeper has a stream on record.
type keeper interface {
	keep(piece []byte) error // before it goes on
	end() error              // there is no more
}

func (c *plain) feed(near io.Reader, far io.Writer) error {
	return carried(c.in, pump(far, near, c.in.keep))
}

func (c *plain) show(far io.Reader, near io.Writer) error {
	return carried(c.out, pump(near, far, c.out.keep))
}

// carried is how a stream's carrying ended, with its end on record however that came.
func carried(k keeper, err error) error {
	if e := k.end(); err == nil {
		err = e
	}
	return err
}

// showStderr carries the target's second stream.
func (ch *channel) showStderr(p *program) error {
	out := show(ch, p, record.FlagStderr)
	return carried(out, pump(stderr{ch}, &p.err, out.keep))
}

// stderr writes to the client's, where the gateway has its own words, too.
type stderr struct{ ch *channel }

func (w stderr) Write(p []byte) (int, error) {
	w.ch.words.Lock()
	defer w.ch.words.Unlock()
	return w.ch.near.Stderr().Write(p)
}
