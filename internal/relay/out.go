package relay

// Out collects what one step of a machine releases. Slices are kept by reference and adjacent ones are joined, so that a
// read which passes untouched is one write. It is reused from step to step.
type Out struct {
	ToServer, ToClient Batch
	// Wait, when the machine took less than all, returns when what it waits for is there or stop is closed; nil: it
	// waits for the server's next bytes. The driver calls it where it calls Client, without the lock that it holds
	// around the machine's other methods.
	Wait func(stop <-chan struct{})
}

// Reset empties o and keeps its room.
func (o *Out) Reset() {
	o.ToServer.reset()
	o.ToClient.reset()
	o.Wait = nil
}

// Batch is bytes for one side, in order, in as few pieces as their places in memory allow.
type Batch struct {
	pieces [][]byte
	own    []byte // bytes that the machine made itself; pieces may point into it
	size   int
}

// Forward adds p by reference: it must stay as it is until the batch is written.
func (b *Batch) Forward(p []byte) {
	if len(p) == 0 {
		return
	}
	b.size += len(p)
	if n := len(b.pieces); n > 0 {
		last := b.pieces[n-1]
		if cap(last) > len(last) && &last[:len(last)+1][len(last)] == &p[0] {
			if end := len(last) + len(p); end <= cap(last) {
				b.pieces[n-1] = last[:end]
				return
			}
		}
	}
	b.pieces = append(b.pieces, p)
}

// Append adds a copy of p.
func (b *Batch) Append(p []byte) {
	start := len(b.own)
	b.own = append(b.own, p...)
	b.Forward(b.own[start:len(b.own)])
}

// AppendString adds a copy of s.
func (b *Batch) AppendString(s string) {
	start := len(b.own)
	b.own = append(b.own, s...)
	b.Forward(b.own[start:len(b.own)])
}

// Len is the number of bytes in b.
func (b *Batch) Len() int { return b.size }

// Pieces are the bytes, in order. They are b's until Reset.
func (b *Batch) Pieces() [][]byte { return b.pieces }

// Bytes returns the bytes in one piece, put together in room (which grows) where there are several.
func (b *Batch) Bytes(room []byte) []byte {
	if len(b.pieces) == 1 {
		return b.pieces[0]
	}
	room = room[:0]
	for _, p := range b.pieces {
		room = append(room, p...)
	}
	return room
}

// keptOwn is how much room of a batch stays for the next step.
const keptOwn = 64 << 10 // 64 KiB

func (b *Batch) reset() {
	clear(b.pieces)
	b.pieces, b.own, b.size = b.pieces[:0], b.own[:0], 0
	if cap(b.own) > keptOwn {
		b.own = nil
	}
}
