package screen

// AppendRow adds row y as a terminal is to be shown it: no more than the first columns of it, with colours, in the default
// style before and after. Blanks at the end that look like nothing are left out.
func (t *Terminal) AppendRow(dst []byte, y, columns int) []byte {
	r, n := t.on.row(y), min(t.cols, columns)
	if r.fill == (style{}) {
		n = min(n, r.used)
	}
	p := painter{t: t, dst: dst}
	for x := 0; x < n; x++ {
		c := cell{style: r.fill}
		if x < r.used {
			c = r.cells[x]
		}
		if x == n-1 && x+1 < r.used && r.cells[x+1].r == tail {
			c.r = ' ' // half of a wide character
		}
		p.cell(c)
	}
	p.style(style{})
	return p.dst
}

// Cursor is where the cursor stands, and whether it is shown.
func (t *Terminal) Cursor() (y, x int, shown bool) { return t.cursor.y, t.cursor.x, !t.modes.hidden }
