package screen

// Clean takes out of output what reaches beyond a screen: what asks a terminal something, which it would answer as if it were
// typed, and what sets its clipboard, title, palette or window, prints, or is a string for some program around it. The rest
// passes as it is: characters, colours, the cursor. It goes on from piece to piece.
type Clean struct {
	seq   []byte // the sequence under way
	state cleanState
	lead  bool // 0xc2 was read: U+0080 to U+009F, which some terminals take for controls, begin so
}

type cleanState uint8

const (
	cleanText   cleanState = iota
	cleanEscape            // ESC, and what is between it and its end
	cleanCSI               // ESC [
	cleanString            // OSC, DCS, APC, PM, SOS: dropped to their end
	cleanEnd               // ESC within a string
)

const maxSequence = 256 // bytes; a longer one is dropped

// Append adds what passes of a piece to dst.
func (c *Clean) Append(dst, piece []byte) []byte {
	for i := 0; i < len(piece); {
		if c.state == cleanText {
			n := i
			for !c.lead && n < len(piece) && passes(piece[n]) && piece[n] != 0xc2 {
				n++
			}
			dst = append(dst, piece[i:n]...)
			if i = n; i == len(piece) {
				break
			}
		}
		dst = c.next(dst, piece[i])
		i++
	}
	return dst
}

// passes reports whether a byte is text, or a control character that moves the cursor, rings or changes the character set.
func passes(b byte) bool { return b >= ' ' && b != 0x7f || b >= '\a' && b <= 0x0f }

// next takes a control character, or a byte of a sequence.
func (c *Clean) next(dst []byte, b byte) []byte {
	if c.state == cleanText && (c.lead || b == 0xc2) {
		return c.second(dst, b)
	}
	if c.state == cleanEnd && b != '\\' { // the string ended without its mark
		c.state, c.seq = cleanEscape, append(c.seq[:0], 0x1b)
	}
	switch {
	case b == 0x18 || b == 0x1a: // CAN, SUB: what is under way is not meant
		c.state, c.seq = cleanText, c.seq[:0]
		return dst
	case c.state == cleanString:
		switch b {
		case '\a':
			c.state = cleanText
		case 0x1b:
			c.state = cleanEnd
		}
		return dst
	case c.state == cleanEnd:
		c.state = cleanText
		return dst
	case b == 0x1b:
		c.state, c.seq = cleanEscape, append(c.seq[:0], b)
		return dst
	case c.state == cleanText: // a control character that does nothing or asks (ENQ)
		return dst
	case b < ' ' || b >= 0x7f: // amidst a sequence a control does what it does elsewhere
		if passes(b) && b < 0x7f {
			dst = append(dst, b)
		}
		return dst
	}
	if len(c.seq) < maxSequence {
		c.seq = append(c.seq, b)
	}
	return c.sequence(dst, b)
}

// second takes a byte of which the one before it, or it, is 0xc2.
func (c *Clean) second(dst []byte, b byte) []byte {
	if !c.lead {
		c.lead = true
		return dst
	}
	c.lead = false
	switch {
	case b >= 0x80 && b < 0xa0:
		return dst
	case b >= 0xa0 && b < 0xc0:
		return append(dst, 0xc2, b)
	}
	return c.Append(append(dst, "\ufffd"...), []byte{b}) // alone it would take what follows for its second half
}

// sequence ends a sequence, and lets it pass or not.
func (c *Clean) sequence(dst []byte, b byte) []byte {
	if c.state == cleanEscape {
		switch {
		case len(c.seq) == 2 && b == '[':
			c.state = cleanCSI
			return dst
		case len(c.seq) == 2 && (b == ']' || b == 'P' || b == '_' || b == '^' || b == 'X'):
			c.state = cleanString
			return dst
		case b < '0':
			return dst
		}
		c.state = cleanText
		if b == 'Z' || len(c.seq) == maxSequence { // DECID asks
			return dst
		}
		return append(dst, c.seq...)
	}
	if b < '@' || b >= 0x7f {
		return dst
	}
	c.state = cleanText
	if len(c.seq) == maxSequence || !c.shows(b) {
		return dst
	}
	return append(dst, c.seq...)
}

// shows reports whether a control sequence only changes what is shown.
func (c *Clean) shows(final byte) bool {
	plain, private := true, false
	for _, b := range c.seq[2 : len(c.seq)-1] {
		plain = plain && (b >= '0' && b <= ';')
		private = private || b == '?'
	}
	switch final {
	case 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'P', 'S', 'T', 'X', 'Z', '@', '`', 'a', 'b', 'd', 'e', 'f', 'g', 'm',
		'r', 's', 'u':
		return plain
	case 'h', 'l':
		return plain || private && !c.reports()
	}
	return string(c.seq) == "\x1b[!p"
}

// reports tells of modes that make a terminal send: of the mouse, of the focus, of pastes.
func (c *Clean) reports() bool {
	n := 0
	for _, b := range c.seq[2:] {
		switch {
		case b >= '0' && b <= '9':
			n = min(n*10+int(b-'0'), 1<<20)
			continue
		case n == 9 || n >= 1000 && n <= 1016 && n != 1007 || n == 2004 || n == 2031 || n == 2048:
			return true
		}
		n = 0
	}
	return false
}
