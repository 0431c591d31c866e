package screen

import "strconv"

// frames counts what was shown since the last one.
type frames struct {
	bytes, pieces, size int
	at                  int64
}

const (
	frameBytes  = 256 << 10
	framePieces = 4 << 10
	frameShare  = 16
	frameTime   = int64(60e9)
)

func (f *frames) count(now int64, n int) {
	if f.at == 0 {
		f.at = now
	}
	f.bytes += n
	f.pieces++
}

// FrameDue reports whether a frame should be kept now, so that a player that begins there has little to read until any place
// behind it: after a quarter of a megabyte of output or some thousand pieces, where that isn't more than a sixteenth of the
// output, and a minute after the last where anything was shown.
func (t *Terminal) FrameDue() bool {
	f := &t.frames
	if !t.ground || t.parts > 0 { // the rest of a sequence would be shown as text
		return false
	}
	return f.bytes >= max(frameBytes, frameShare*f.size) || f.pieces >= framePieces && f.bytes >= f.size ||
		f.bytes > 0 && t.now-f.at >= frameTime
}

// Frame adds the bytes that paint the screen on a terminal of this size, whatever that shows before.
func (t *Terminal) Frame(dst []byte) []byte {
	p := painter{t: t, dst: append(dst, "\x1bc"...)}
	p.grid(t.main)
	p.saved(t.saved[0])
	if t.on != t.main {
		p.add("\x1b[?1047h")
		p.style(style{})
		p.grid(t.alt)
		p.saved(t.saved[1])
	}
	p.modes()
	p.cursor()
	t.frames = frames{size: len(p.dst) - len(dst), at: t.now}
	return p.dst
}

// painter writes what makes a terminal look as another.
type painter struct {
	t   *Terminal
	dst []byte
	now style
}

func (p *painter) add(s string) { p.dst = append(p.dst, s...) }

// csi adds a control sequence.
func (p *painter) csi(final string, params ...int) {
	p.add("\x1b[")
	for i, n := range params {
		if i > 0 {
			p.add(";")
		}
		p.dst = strconv.AppendInt(p.dst, int64(n), 10)
	}
	p.add(final)
}

// grid paints a screen that is blank.
func (p *painter) grid(g *grid) {
	joined := false // the cursor is where the row begins, and so the row is known to go on from the one before
	for y := range g.rows {
		r := g.row(y)
		if r.used == 0 && r.fill == (style{}) && !joined {
			continue
		}
		if !joined {
			p.csi("H", y+1, 1)
		}
		for _, c := range r.cells[:r.used] {
			p.cell(c)
		}
		if joined = r.wrapped && r.used == p.t.cols && y < len(g.rows)-1 && g.row(y+1).used > 0; joined {
			continue
		}
		if r.used < p.t.cols && r.fill != (style{}) {
			p.style(r.fill)
			p.csi("K")
		}
	}
	p.style(style{})
}

func (p *painter) cell(c cell) {
	if c.r == tail {
		return
	}
	p.style(c.style)
	p.dst = p.t.marks.append(p.dst, c.r)
}

func (p *painter) style(s style) {
	if s == p.now {
		return
	}
	p.now = s
	p.dst = s.appendSGR(p.dst)
}

// appendSGR adds the sequence that sets a style from any other.
func (s style) appendSGR(dst []byte) []byte {
	dst = append(dst, "\x1b[0"...)
	for i, a := range attributes[:10] {
		if a != 0 && i != 6 && s.attr&a != 0 {
			dst = append(dst, ';', byte('0'+i))
		}
	}
	dst = s.fg.append(dst, 38)
	dst = s.bg.append(dst, 48)
	return append(dst, 'm')
}

func (c colour) append(dst []byte, base int64) []byte {
	n := int64(c & 0xffffff)
	switch {
	case c == 0:
		return dst
	case c&direct != 0:
		dst = strconv.AppendInt(append(dst, ';'), base, 10)
		dst = strconv.AppendInt(append(dst, ";2;"...), n>>16, 10)
		dst = strconv.AppendInt(append(dst, ';'), n>>8&0xff, 10)
		return strconv.AppendInt(append(dst, ';'), n&0xff, 10)
	case n < 8:
		return strconv.AppendInt(append(dst, ';'), base-8+n, 10)
	}
	dst = strconv.AppendInt(append(dst, ';'), base, 10)
	return strconv.AppendInt(append(dst, ";5;"...), n, 10)
}

// saved makes a terminal keep what DECSC kept.
func (p *painter) saved(s saved) {
	if s == (saved{}) {
		return
	}
	p.csi("H", s.y+1, s.x+1)
	p.style(s.style)
	p.charsets(s.sets)
	if s.origin {
		p.add("\x1b[?6h") // moves to the top
		p.csi("H", s.y+1, s.x+1)
	}
	p.add("\x1b7\x1b[?6l")
	p.charsets(charsets{})
	p.style(style{})
}

func (p *painter) charsets(c charsets) {
	for i, drawn := range c.drawn {
		set := byte('B')
		if drawn {
			set = '0'
		}
		p.dst = append(p.dst, 0x1b, "()*+"[i], set)
	}
	if c.right {
		p.add("\x0e")
	} else {
		p.add("\x0f")
	}
}

func (p *painter) modes() {
	m := p.t.modes
	for _, mode := range []struct {
		is, normal bool
		on, off    string
	}{
		{m.insert, false, "\x1b[4h", "\x1b[4l"},
		{m.newline, false, "\x1b[20h", "\x1b[20l"},
		{m.inverse, false, "\x1b[?5h", "\x1b[?5l"},
		{m.hidden, false, "\x1b[?25l", "\x1b[?25h"},
		{m.paste, false, "\x1b[?2004h", "\x1b[?2004l"},
		{m.keypad, false, "\x1b=", "\x1b>"},
	} {
		if mode.is != mode.normal {
			p.add(mode.on)
		}
	}
	p.tabs()
	if p.t.top != 0 || p.t.bot != p.t.rows-1 {
		p.csi("r", p.t.top+1, p.t.bot+1)
	}
}

func (p *painter) tabs() {
	usual := true
	for x, stop := range p.t.tabs {
		usual = usual && stop == (x > 0 && x%8 == 0)
	}
	if usual {
		return
	}
	p.csi("g", 3)
	for x, stop := range p.t.tabs {
		if stop {
			p.csi("G", x+1)
			p.add("\x1bH")
		}
	}
}

// cursor puts the cursor where it stands, with what it would write.
func (p *painter) cursor() {
	t, c := p.t, p.t.cursor
	y := c.y
	if t.modes.origin {
		p.add("\x1b[?6h")
		y -= t.top
	}
	p.csi("H", y+1, c.x+1)
	if c.wrap { // only to write the last column brings it there
		p.rewrite(t.on.row(c.y))
	}
	p.charsets(c.sets)
	p.style(c.style)
	if !t.modes.autowrap {
		p.add("\x1b[?7l")
	}
}

func (p *painter) rewrite(r *row) {
	x := p.t.cols - 1
	if x >= r.used {
		return
	}
	if r.cells[x].r == tail && x > 0 {
		x--
		p.csi("D")
	}
	p.cell(r.cells[x])
}
