package postgres

// mode is what happens to the bytes of a side's current message.
type mode uint8

const (
	modeMessage mode = iota // a message begins, or is held until it is whole
	modeDrop                // the rest of the body is passed over
	modePass                // the rest of the body goes on
	modeCopy                // the rest of a CopyData goes on, counted
	modeBind                // client: a long Bind goes on chunk by chunk
)

// inbound is where the stream of one side stands. What must be judged whole is held; what was held may be aliased by
// what a step releases, and so stays as it is to the step's end: held and spare change places, once in a step.
type inbound struct {
	mode  mode
	left  int    // bytes of the body still to come, in a mode that holds nothing
	held  []byte // the start of a message that isn't whole yet
	spare []byte
	kept  int  // length of held before fill added to it
	aside bool // spare is in use by what this step releases
}

const keptHeld = 128 << 10 // 128 KiB: room for held messages that a session keeps

// inBody reports whether the other side was given a message's start and not yet its end.
func (in *inbound) inBody() bool { return in.mode == modePass || in.mode == modeCopy }

// start begins a body of size bytes in a mode that holds nothing.
func (in *inbound) start(m mode, size int) {
	if size > 0 {
		in.mode, in.left = m, size
	}
}

// pass takes up to n bytes of such a body.
func (in *inbound) pass(n int) int {
	n = min(n, in.left)
	if in.left -= n; in.left == 0 {
		in.mode = modeMessage
	}
	return n
}

// fill returns the first size bytes of the current message: from p where it holds them all, else from held, to which it
// adds from p. n is how much of p it used; nil: they aren't all there, and what there was is held.
func (in *inbound) fill(p []byte, size int) (n int, b []byte) {
	in.kept = len(in.held)
	if in.kept >= size {
		return 0, in.held[:size]
	}
	if in.kept == 0 && len(p) >= size {
		return size, p[:size:size]
	}
	n = min(size-in.kept, len(p))
	in.held = append(in.held, p[:n]...)
	if len(in.held) < size {
		return n, nil
	}
	return n, in.held[:size]
}

// complete goes on where fill, having used n bytes of p, gave the message's head: the whole message of size bytes, or nil.
func (in *inbound) complete(p []byte, n, size int) (int, []byte) {
	if in.kept == 0 && len(p) >= size {
		in.held = in.held[:0]
		return size, p[:size:size]
	}
	if len(in.held) == 0 {
		n = 0
	}
	more := min(size-len(in.held), len(p)-n)
	in.held = append(in.held, p[n:n+more]...)
	n += more
	if len(in.held) < size {
		return n, nil
	}
	return n, in.held
}

// settle ends a step that used n bytes of p. Not taken: nothing was used, and the next step begins as this one did.
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

// hold keeps b, the start of a message that fill gave, for the next step.
func (in *inbound) hold(b []byte) {
	if len(in.held) == 0 {
		in.held = append(in.held, b...)
	}
}
