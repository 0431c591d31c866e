package screen

import "github.com/charmbracelet/x/ansi"

// modes are the terminal's switches that change what is shown, or what is typed means.
type modes struct {
	autowrap bool // DECAWM
	origin   bool // DECOM
	insert   bool // IRM
	newline  bool // LNM
	hidden   bool // DECTCEM off: the cursor isn't shown
	inverse  bool // DECSCNM
	keypad   bool // DECKPAM
	paste    bool // bracketed paste: the client's terminal says where a paste begins and ends
}

var startModes = modes{autowrap: true}

func (t *Terminal) ansiMode(n int, on bool) {
	switch n {
	case 4:
		t.modes.insert = on
	case 20:
		t.modes.newline = on
	}
}

// private sets DEC's and xterm's modes.
func (t *Terminal) private(final byte, p ansi.Params) {
	if final != 'h' && final != 'l' {
		return
	}
	for i := range p {
		t.decMode(choice(p, i), final == 'h')
	}
}

func (t *Terminal) decMode(n int, on bool) {
	switch n {
	case 5:
		t.modes.inverse = on
	case 6:
		t.modes.origin = on
		t.move(t.origin(0), 0)
	case 7:
		t.modes.autowrap = on
		t.cursor.wrap = t.cursor.wrap && on
	case 25:
		t.modes.hidden = !on
	case 47, 1047, 1049:
		t.switchTo(n, on)
	case 1048:
		if on {
			t.save()
		} else {
			t.restore()
		}
	case 2004:
		t.modes.paste = on
	}
}

// switchTo changes to the alternate screen and back.
func (t *Terminal) switchTo(n int, alt bool) {
	if alt == (t.on != t.main) {
		return
	}
	t.forgetLine()
	t.failTo(len(t.echo.keys)) // what was typed to the program before
	t.echo.blind = false
	if !alt {
		t.tellAll()
		t.on = t.main
		if n == 1049 {
			t.restore()
		}
		t.arrived()
		return
	}
	if n == 1049 {
		t.save()
	}
	if t.alt == nil {
		t.alt = newGrid(t.rows)
	}
	t.on = t.alt
	if n != 47 {
		for _, r := range t.alt.rows {
			r.erase(t.blank())
		}
	}
	t.cursor.wrap = false
	t.arrived()
}

// softReset is DECSTR.
func (t *Terminal) softReset() {
	paste := t.modes.paste
	t.modes = startModes
	t.modes.paste = paste
	t.top, t.bot = 0, t.rows-1
	t.cursor.style, t.cursor.sets = style{}, charsets{}
	t.saved[t.index(t.on)] = saved{}
}

// charsets are G0 to G3 and which of G0 and G1 is in use. Only DEC's drawing characters differ from ASCII.
type charsets struct {
	drawn [4]bool
	right bool // G1 is in use
}

func (c *charsets) designate(g byte, set byte) { c.drawn[g] = set == '0' }

func (c *charsets) graphic() bool {
	if c.right {
		return c.drawn[1]
	}
	return c.drawn[0]
}

// special are the drawing characters for 0x5f to 0x7e.
var special = []rune("\u00a0◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

func (c *charsets) draw(r rune) rune {
	if c.graphic() && r >= 0x5f && r <= 0x7e {
		return special[r-0x5f]
	}
	return r
}
