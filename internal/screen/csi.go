package screen

import "github.com/charmbracelet/x/ansi"

// csi does what a control sequence asks (ECMA-48, section 8.3; xterm's ctlseqs). What isn't known changes nothing that is
// shown: a sequence that asks the terminal something, reaches its clipboard or its window is passed over.
func (t *Terminal) csi(c ansi.Cmd, p ansi.Params) {
	if c.Intermediate() != 0 {
		if c.Intermediate() == '!' && c.Final() == 'p' {
			t.softReset()
		}
		return
	}
	switch c.Prefix() {
	case 0:
		t.match()
		t.plain(c.Final(), p)
	case '?':
		t.match()
		t.private(c.Final(), p)
	}
}

// param is a parameter, at least 1: 0 stands for 1 where it counts something.
func param(p ansi.Params, i int) int {
	n, _, _ := p.Param(i, 1)
	return max(1, min(n, 1<<16))
}

// choice is a parameter that says which.
func choice(p ansi.Params, i int) int {
	n, _, _ := p.Param(i, 0)
	return n
}

func (t *Terminal) plain(final byte, p ansi.Params) {
	x := t.cursor.x
	switch final {
	case '@': // ICH
		t.touch().insert(x, min(param(p, 0), t.cols-x), t.cols, t.blank())
	case 'A', 'B', 'C', 'D', 'E', 'F', 'G', '`', 'a', 'd', 'e', 'f', 'H':
		t.cursorTo(final, p)
	case 'I': // CHT
		t.tab(min(param(p, 0), t.cols))
	case 'Z': // CBT
		t.tab(-min(param(p, 0), t.cols))
	case 'J':
		t.eraseDisplay(choice(p, 0))
	case 'K':
		t.eraseLine(choice(p, 0))
	case 'L', 'M': // IL, DL
		t.lines(final, param(p, 0))
	case 'P': // DCH
		t.touch().remove(x, min(param(p, 0), t.cols-x), t.cols, t.blank())
	case 'S': // SU
		t.scrollUp(param(p, 0))
	case 'T': // SD
		t.scrollDown(t.top, param(p, 0))
	case 'X': // ECH
		t.touch().blank(x, min(x+param(p, 0), t.cols), t.cols, t.blank())
	case 'b': // REP
		t.repeat(param(p, 0))
	case 'g': // TBC
		t.clearTabs(choice(p, 0))
	case 'h', 'l':
		t.ansiMode(choice(p, 0), final == 'h')
	case 'm':
		t.sgr(p)
	case 'r': // DECSTBM
		t.region(param(p, 0), p)
	case 's':
		t.save()
	case 'u':
		t.restore()
	}
}

// cursorTo moves the cursor.
func (t *Terminal) cursorTo(final byte, p ansi.Params) {
	n, y, x := param(p, 0), t.cursor.y, t.cursor.x
	switch final {
	case 'A': // CUU
		y = t.above(n)
	case 'B', 'e': // CUD, VPR
		y = t.below(n)
	case 'C', 'a': // CUF, HPR
		x += n
	case 'D': // CUB
		x -= n
	case 'E': // CNL
		y, x = t.below(n), 0
	case 'F': // CPL
		y, x = t.above(n), 0
	case 'G', '`': // CHA, HPA
		x = n - 1
	case 'd': // VPA
		y = t.origin(n - 1)
	case 'H', 'f': // CUP, HVP
		y, x = t.origin(n-1), param(p, 1)-1
	}
	if y != t.cursor.y {
		t.jump(final, y)
	}
	t.move(y, x)
}

// above and below stop at the region's edge where the cursor is within.
func (t *Terminal) above(n int) int {
	if t.cursor.y >= t.top {
		return max(t.cursor.y-n, t.top)
	}
	return t.cursor.y - n
}

func (t *Terminal) below(n int) int {
	if t.cursor.y <= t.bot {
		return min(t.cursor.y+n, t.bot)
	}
	return t.cursor.y + n
}

// origin counts lines from the region's top in that mode.
func (t *Terminal) origin(y int) int {
	if t.modes.origin {
		return min(t.top+y, t.bot)
	}
	return y
}

// touch is the cursor's row, to be changed.
func (t *Terminal) touch() *row {
	t.cursor.wrap = false
	r := t.on.row(t.cursor.y)
	r.dirty, r.changed = r.dirty || r.used > 0, t.now
	return r
}

func (t *Terminal) eraseLine(which int) {
	r, x := t.on.row(t.cursor.y), t.cursor.x
	switch which {
	case 0:
		r.cut(x, t.cols, t.blank())
	case 1:
		r.blank(0, x+1, t.cols, t.blank())
	case 2:
		r.cut(0, t.cols, t.blank())
	default:
		return
	}
	t.cursor.wrap = false
	r.changed = t.now
}

func (t *Terminal) eraseDisplay(which int) {
	from, to := 0, t.rows
	switch which {
	case 0:
		from = t.cursor.y + 1
		if t.cursor.x == 0 {
			from--
		} else {
			t.eraseLine(0)
		}
	case 1:
		to = t.cursor.y
		defer t.eraseLine(1)
	case 2:
	default: // 3 is the lines that were scrolled off, which nobody sees
		return
	}
	t.cursor.wrap = false
	t.tellFrom(from, to)
	for y := from; y < to; y++ {
		t.on.row(y).erase(t.blank())
	}
}

func (t *Terminal) lines(final byte, n int) {
	if t.cursor.y < t.top || t.cursor.y > t.bot {
		return
	}
	if final == 'L' {
		t.scrollDown(t.cursor.y, n)
	} else {
		t.removeLines(t.cursor.y, n)
	}
	t.move(t.cursor.y, 0)
}

// repeat prints the last character again: no more than fill a line, whatever the number.
func (t *Terminal) repeat(n int) {
	if t.last == 0 {
		return
	}
	for range min(n, t.cols) {
		t.put(t.last, max(1, t.wide.of(t.last)))
	}
}

func (t *Terminal) clearTabs(which int) {
	switch which {
	case 0:
		t.tabs[t.cursor.x] = false
	case 3:
		clear(t.tabs)
	}
}

func (t *Terminal) region(top int, p ansi.Params) {
	bot, _, _ := p.Param(1, t.rows)
	if bot <= 0 || bot > t.rows {
		bot = t.rows
	}
	if top >= bot {
		return
	}
	t.top, t.bot = top-1, bot-1
	t.move(t.origin(0), 0)
}
