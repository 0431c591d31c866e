package relay

// Out collects what one step of a machine releases. Slices are kept by reference and adjacent ones are joined, so that a
// read which passes untouched is one write. It is reused from step to step.
type Out struct {
	ToServer, ToClient Run
	// Wait, when the machine took less than all, is what it waits for; nil: the server's next bytes.
	Wait <-chan struct{}
}

// Reset empties o and keeps its room.
func (o *Out) Reset() {
	o.ToServer.reset()
	o.ToClient.reset()
	o.Wait = nil
}

// Run is bytes for one side, in order, in as few pieces as their places in memory allow.
type Run struct {
	pieces [][]byte
	own    []byte // bytes that the machine made itself; pieces may point into it
	size   int
}

// Forward adds b by reference: it must stay as it is until the run is written.
func (r *Run) Forward(b []byte) {
	if len(b) == 0 {
		return
	}
	r.size += len(b)
	if n := len(r.pieces); n > 0 {
		last := r.pieces[n-1]
		if cap(last) > len(last) && &last[:len(last)+1][len(last)] == &b[0] {
			if end := len(last) + len(b); end <= cap(last) {
				r.pieces[n-1] = last[:end]
				return
			}
		}
	}
	r.pieces = append(r.pieces, b)
}

// Append adds a copy of b.
func (r *Run) Append(b []byte) {
	start := len(r.own)
	r.own = append(r.own, b...)
	r.Forward(r.own[start:len(r.own)])
}

// Len is the number of bytes in r.
func (r *Run) Len() int { return r.size }

// Pieces are the bytes, in order. They are r's until Reset.
func (r *Run) Pieces() [][]byte { return r.pieces }

// Bytes returns the bytes in one piece, copied where there are several.
func (r *Run) Bytes() []byte {
	if len(r.pieces) == 1 {
		return r.pieces[0]
	}
	all := make([]byte, 0, r.size)
	for _, p := range r.pieces {
		all = append(all, p...)
	}
	return all
}

func (r *Run) reset() {
	clear(r.pieces)
	r.pieces, r.own, r.size = r.pieces[:0], r.own[:0], 0
}
