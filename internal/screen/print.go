package screen

import "unicode/utf8"

// cursor is where the next character goes, and how.
type cursor struct {
	y, x  int
	wrap  bool // the last column was just written: the next character goes to the next line
	style style
	sets  charsets
}

// saved is what DECSC keeps.
type saved struct {
	cursor
	origin bool
}

// print puts plain ASCII at the cursor.
func (t *Terminal) print(b []byte) {
	if t.modes.insert || t.cursor.sets.graphic() {
		for _, c := range b {
			t.put(t.cursor.sets.draw(rune(c)), 1)
		}
		return
	}
	t.last = rune(b[len(b)-1])
	for len(b) > 0 {
		if t.cursor.wrap {
			t.wrapLine()
		}
		x := t.cursor.x
		n := min(len(b), t.cols-x)
		if n < len(b) && !t.modes.autowrap { // the rest falls on the last column, one upon another
			b = append(b[:n-1:n-1], b[len(b)-1])
		}
		t.fill(x, b[:n])
		b = b[n:]
		t.forward(n)
	}
}

func (t *Terminal) fill(x int, b []byte) {
	r := t.written(x, len(b))
	cells, s := r.cells[x:x+len(b)], t.cursor.style
	for i, c := range b {
		cells[i] = cell{rune(c), s}
	}
}

// written makes the cursor's row ready for n cells at x.
func (t *Terminal) written(x, n int) *row {
	r := t.on.row(t.cursor.y)
	if r.used < x || r.cells == nil {
		r.reach(x, t.cols)
	}
	if r.used > x {
		r.split(x)
		r.split(x + n)
	}
	r.used = max(r.used, x+n)
	r.dirty, r.changed = true, t.now
	return r
}

// forward moves the cursor over what was written.
func (t *Terminal) forward(n int) {
	if t.cursor.x += n; t.cursor.x >= t.cols {
		t.cursor.x = t.cols - 1
		t.cursor.wrap = t.modes.autowrap
	}
}

// put puts one character of 1 or 2 columns at the cursor.
func (t *Terminal) put(r rune, width int) {
	if width > t.cols {
		return
	}
	if t.cursor.wrap || t.cursor.x+width > t.cols && t.modes.autowrap {
		t.wrapLine()
	}
	t.last = r
	x := min(t.cursor.x, t.cols-width)
	if t.modes.insert {
		t.on.row(t.cursor.y).insert(x, min(width, t.cols-x), t.cols, t.cursor.style)
	}
	row := t.written(x, width)
	row.cells[x] = cell{r, t.cursor.style}
	if width == 2 {
		row.cells[x+1] = cell{tail, t.cursor.style}
	}
	t.cursor.x = x
	t.forward(width)
}

// wrapLine goes on in the next line, since the text is too long for this one.
func (t *Terminal) wrapLine() {
	t.match()
	t.on.row(t.cursor.y).wrapped = true
	t.cursor.x, t.cursor.wrap = 0, false
	t.index1()
}

// unicode takes a character of more than one byte, or the part of one that is here. What isn't UTF-8 is shown as U+FFFD.
func (t *Terminal) unicode(b []byte) []byte {
	held := t.parts
	n := copy(t.part[held:], b)
	whole := t.part[:held+n]
	if !utf8.FullRune(whole) {
		t.parts = len(whole)
		return b[n:]
	}
	r, size := utf8.DecodeRune(whole)
	t.parts = 0
	t.character(r)
	if size <= held { // the bytes before were none of this character
		t.replay(held - size)
		return b
	}
	return b[size-held:]
}

// replay shows held bytes that turned out to begin no character.
func (t *Terminal) replay(n int) {
	for range n {
		t.character(utf8.RuneError)
	}
}

func (t *Terminal) character(r rune) {
	if r >= 0x80 && r < 0xa0 { // the 8-bit controls, as UTF-8 has them
		t.advance(byte(r))
		return
	}
	w := t.wide.of(r)
	if w > 0 {
		t.put(r, w)
		return
	}
	t.mark(r)
}

// mark puts a mark on the character before the cursor.
func (t *Terminal) mark(m rune) {
	x := t.cursor.x - 1
	if t.cursor.wrap {
		x++
	}
	r := t.on.row(t.cursor.y)
	if x < 0 || x >= r.used {
		return
	}
	if r.cells[x].r == tail && x > 0 {
		x--
	}
	r.cells[x].r = t.marks.join(r.cells[x].r, m)
}
