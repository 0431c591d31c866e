package sftp

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
)

// content is what passes of a file in one direction. It is hashed in the order of offsets, from the first that was asked
// for; what comes early waits, within a bound.
type content struct {
	bytes   uint64 // the server gave or took
	begun   bool
	from    uint64 // offset of the first byte
	next    uint64 // offset of the byte that the hash waits for
	sum     hash.Hash
	ahead   []piece // by offset; none touches another
	noHash  string  // why there is none
	ordered bool    // nothing may come early: the server writes in the order of requests, whatever their offsets
}

// maxPieces is how many pieces of one file may wait, however small they are.
const maxPieces = 1024

// piece is content that came before what precedes it.
type piece struct {
	at   uint64
	data []byte
}

func (p *piece) end() uint64 { return p.at + uint64(len(p.data)) }

// begin notes the offset of a request; the first one's is where the transfer begins.
func (c *content) begin(offset uint64) {
	if !c.begun {
		c.begun, c.from, c.next = true, offset, offset
	}
}

// fail gives the hash up.
func (c *content) fail(budget *int, why string, args ...any) {
	if c.noHash != "" {
		return
	}
	c.noHash = fmt.Sprintf(why, args...)
	for _, p := range c.ahead {
		*budget += len(p.data)
	}
	c.ahead, c.sum = nil, nil
}

// add takes the bytes at offset; they are borrowed. budget is how many may still be held, of all files together.
func (c *content) add(budget *int, offset uint64, p []byte) {
	switch {
	case c.noHash != "" || len(p) == 0:
		return
	case offset+uint64(len(p)) < offset:
		c.fail(budget, "an offset over 2^64")
		return
	case offset < c.next:
		c.fail(budget, "byte %d came more than once", offset)
		return
	case offset > c.next && c.ordered:
		c.fail(budget, "byte %d was passed over in a file that is appended to", c.next)
		return
	case offset > c.next:
		c.hold(budget, offset, p)
		return
	}
	if c.sum == nil {
		c.sum = sha256.New()
	}
	c.sum.Write(p)
	c.next += uint64(len(p))
	if len(c.ahead) > 0 {
		c.drain(budget)
	}
}

// hold keeps a copy of what came early.
func (c *content) hold(budget *int, offset uint64, p []byte) {
	if len(p) > *budget || len(c.ahead) == maxPieces {
		c.fail(budget, "too much came out of order")
		return
	}
	i, there := slices.BinarySearchFunc(c.ahead, offset, func(q piece, at uint64) int {
		switch {
		case q.at < at:
			return -1
		case q.at > at:
			return 1
		}
		return 0
	})
	end := offset + uint64(len(p))
	if there || i > 0 && c.ahead[i-1].end() > offset || i < len(c.ahead) && c.ahead[i].at < end {
		c.fail(budget, "byte %d came more than once", offset)
		return
	}
	*budget -= len(p)
	if i > 0 && c.ahead[i-1].end() == offset {
		c.ahead[i-1].data = append(c.ahead[i-1].data, p...)
		return
	}
	c.ahead = slices.Insert(c.ahead, i, piece{offset, slices.Clone(p)})
}

// drain hashes what has waited for what came now.
func (c *content) drain(budget *int) {
	n := 0
	for n < len(c.ahead) && c.ahead[n].at <= c.next {
		p := &c.ahead[n]
		if p.at < c.next {
			c.fail(budget, "byte %d came more than once", p.at)
			return
		}
		c.sum.Write(p.data)
		c.next = p.end()
		*budget += len(p.data)
		n++
	}
	c.ahead = slices.Delete(c.ahead, 0, n)
}

// total fills in what r tells of c. It is called once, when nothing more comes.
func (c *content) total(budget *int, r *Result) {
	if len(c.ahead) > 0 {
		c.fail(budget, "byte %d never came", c.next)
	}
	if c.noHash != "" {
		r.NoHash = c.noHash
		return
	}
	if c.sum == nil {
		c.sum = sha256.New()
	}
	r.From, r.Hash = c.from, c.sum.Sum(nil)
}
