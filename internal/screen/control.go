package screen

import "github.com/charmbracelet/x/ansi"

// control does what a control character asks (ECMA-48, section 8.2; xterm's ctlseqs).
func (t *Terminal) control(c byte) {
	switch c {
	case '\a':
		t.match()
	case '\b':
		t.match()
		t.move(t.cursor.y, t.cursor.x-1)
	case '\t':
		t.match()
		t.tab(1)
	case '\n', '\v', '\f':
		t.lineFeed()
	case '\r':
		t.match()
		t.move(t.cursor.y, 0)
	case 0x0e:
		t.cursor.sets.right = true
	case 0x0f:
		t.cursor.sets.right = false
	case 0x84: // IND
		t.lineFeed()
	case 0x85: // NEL
		t.lineFeed()
		t.move(t.cursor.y, 0)
	case 0x88: // HTS
		t.tabs[t.cursor.x] = true
	case 0x8d: // RI
		t.reverseIndex()
	}
}

// lineFeed leaves a line: what it says is told.
func (t *Terminal) lineFeed() {
	t.match()
	t.leave()
	t.tellLine(t.cursor.y)
	t.cursor.wrap = false
	t.index1()
	if t.modes.newline {
		t.cursor.x = 0
	}
	t.arrived()
}

// index1 moves the cursor down, and the screen up where it is at the bottom of the region.
func (t *Terminal) index1() {
	switch {
	case t.cursor.y == t.bot:
		t.scrollUp(1)
	case t.cursor.y < t.rows-1:
		t.cursor.y++
	}
}

func (t *Terminal) reverseIndex() {
	t.match()
	t.cursor.wrap = false
	switch {
	case t.cursor.y == t.top:
		t.scrollDown(t.top, 1)
	case t.cursor.y > 0:
		t.cursor.y--
	}
}

// scrollUp moves the region up by n lines; what leaves at the top is told.
func (t *Terminal) scrollUp(n int) { t.removeLines(t.top, n) }

func (t *Terminal) removeLines(top, n int) {
	if n = min(n, t.bot-top+1); n <= 0 {
		return
	}
	all := top == 0 && t.bot == t.rows-1
	for y := top; y < top+n; y++ {
		if all && t.on == t.main {
			t.scrollOff(y)
		} else {
			t.tellLine(y)
		}
	}
	t.on.up(top, t.bot, n, t.blank())
	if all {
		t.on.off += int64(n)
		return
	}
	t.shift(top, t.bot, -n)
}

// scrollDown moves the lines from top to the region's bottom down by n.
func (t *Terminal) scrollDown(top, n int) {
	if n = min(n, t.bot-top+1); n <= 0 {
		return
	}
	for y := t.bot - n + 1; y <= t.bot; y++ {
		t.tellLine(y)
	}
	t.on.down(top, t.bot, n, t.blank())
	t.shift(top, t.bot, n)
}

// blank is how erased cells look: they take the background of the cursor's style.
func (t *Terminal) blank() style { return style{bg: t.cursor.style.bg} }

// move sets the cursor within the screen.
func (t *Terminal) move(y, x int) {
	t.cursor.wrap = false
	t.place(y, x)
}

func (t *Terminal) place(y, x int) {
	t.cursor.y = max(0, min(y, t.rows-1))
	t.cursor.x = max(0, min(x, t.cols-1))
}

// tabStops sets one at each eighth column.
func tabStops(tabs []bool) []bool {
	for x := range tabs {
		tabs[x] = x > 0 && x%8 == 0
	}
	return tabs
}

// tab moves by n tab stops, back where n is negative.
func (t *Terminal) tab(n int) {
	step := 1
	if n < 0 {
		n, step = -n, -1
	}
	x := t.cursor.x
	for ; n > 0 && x+step >= 0 && x+step < t.cols; n-- {
		for x += step; x > 0 && x < t.cols-1 && !t.tabs[x]; x += step {
		}
	}
	if x != t.cursor.x {
		t.move(t.cursor.y, x)
	}
}

// esc does what an escape sequence asks.
func (t *Terminal) esc(c ansi.Cmd) {
	switch c.Intermediate() {
	case '(', ')', '*', '+':
		t.cursor.sets.designate(c.Intermediate()-'(', c.Final())
		return
	case 0:
	default:
		return
	}
	switch c.Final() {
	case '7':
		t.save()
	case '8':
		t.restore()
	case 'D':
		t.control(0x84)
	case 'E':
		t.control(0x85)
	case 'H':
		t.control(0x88)
	case 'M':
		t.control(0x8d)
	case 'c':
		t.reset()
	case '=':
		t.modes.keypad = true
	case '>':
		t.modes.keypad = false
	}
}

func (t *Terminal) save() {
	s := saved{t.cursor, t.modes.origin}
	s.wrap = false
	t.saved[t.index(t.on)] = s
}

func (t *Terminal) restore() {
	t.match()
	s := t.saved[t.index(t.on)]
	t.cursor, t.modes.origin = s.cursor, s.origin
	t.place(t.cursor.y, t.cursor.x)
	if s.origin {
		t.cursor.y = max(t.top, min(t.cursor.y, t.bot))
	}
}

// reset is RIS: all as new, but for what was told.
func (t *Terminal) reset() {
	t.forgetLine()
	t.tellAll()
	if t.on != t.main {
		t.on = t.main
		t.tellAll()
	}
	for _, r := range t.main.rows {
		r.erase(style{})
	}
	t.alt = nil
	t.cursor, t.saved, t.modes = cursor{}, [2]saved{}, startModes
	t.top, t.bot = 0, t.rows-1
	tabStops(t.tabs)
	t.marks = clusters{}
	t.arrived()
}
