package mysql

// inbound is what came of a command that isn't whole yet. What was held may be aliased by what a step releases, and so
// stays as it is to the step's end: held and spare change places, once in a step.
type inbound struct {
	held  []byte // packets of the current command, with their heads
	spare []byte
	kept  int  // length of held before this step added to it
	aside bool // spare is in use by what this step releases
}

const keptHeld = 128 << 10 // 128 KiB: room for held commands that a session keeps

// gather returns all packets of the current command, and how many bytes of p are in them. nil: they aren't all there; all of
// p is held then.
func (in *inbound) gather(p []byte) (n int, msg []byte) {
	if in.kept = len(in.held); in.kept == 0 {
		if end := commandEnd(p); end > 0 {
			return end, p[:end:end]
		}
	}
	in.held = append(in.held, p...)
	end := commandEnd(in.held)
	if end <= 0 {
		return len(p), nil
	}
	in.held = in.held[:end]
	return end - in.kept, in.held
}

// settle ends what gather began with: n bytes of p were used. Not taken: the command waits, and the next step begins as
// this one did.
func (in *inbound) settle(n int, taken bool) int {
	if !taken {
		in.held = in.held[:in.kept]
		return 0
	}
	if len(in.held) == 0 {
		return n
	}
	room := in.spare[:0]
	if in.aside {
		room = nil
	}
	in.held, in.spare, in.aside = room, in.held, true
	return n
}

// rest follows the end of a step: what it released is written, or nobody needs it.
func (in *inbound) rest() {
	in.aside = false
	if cap(in.spare) > keptHeld {
		in.spare = nil
	}
}

// commandEnd returns where the command at the start of b ends; 0: not in b.
func commandEnd(b []byte) int {
	for at := 0; len(b)-at >= headSize; {
		size, _ := packetHead(b[at:])
		at += headSize + size
		if size < maxPayload {
			if at <= len(b) {
				return at
			}
			return 0
		}
	}
	return 0
}

// payload returns the payload of a command's packets, put together where there are several, and the sequence number of
// the last.
func payload(msg []byte) (b []byte, last byte) {
	size, seq := packetHead(msg)
	if size < maxPayload {
		return msg[headSize:], seq
	}
	b = make([]byte, 0, len(msg)-headSize)
	for len(msg) >= headSize {
		size, last = packetHead(msg)
		b = append(b, msg[headSize:headSize+size]...)
		msg = msg[headSize+size:]
	}
	return b, last
}

// begins reads how the current command begins: the size and the number of its first packet, and its first byte. there is
// false where not so much has come.
func (in *inbound) begins(p []byte) (size int, seq, kind byte, there bool) {
	var start [headSize + 1]byte
	n := copy(start[:], in.held)
	n += copy(start[n:], p)
	if n < headSize {
		return 0, 0, 0, false
	}
	if size, seq = packetHead(start[:]); size == 0 {
		return 0, seq, 0, true
	}
	return size, seq, start[headSize], n > headSize
}

// walker goes along the packets of a command of which not all is held.
type walker struct {
	head [headSize]byte
	have int  // bytes of the head
	left int  // bytes of the current payload to come
	more bool // another packet goes on with it
	seq  byte // number of the current packet
}

// next takes the next part of b: bytes of a head, or of one packet's payload. end: the command ends with it.
func (w *walker) next(b []byte) (n int, payload []byte, end bool) {
	if w.left == 0 {
		n = copy(w.head[w.have:], b)
		if w.have += n; w.have < headSize {
			return n, nil, false
		}
		w.have = 0
		w.left, w.seq = packetHead(w.head[:])
		w.more = w.left == maxPayload
		return n, nil, w.left == 0
	}
	n = min(w.left, len(b))
	w.left -= n
	return n, b[:n], w.left == 0 && !w.more
}
