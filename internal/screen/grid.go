package screen

// row is one line of the screen. Cells from used on are blank and look like fill, so that to erase a line costs nothing:
// a target that erases the screen in each four bytes must not keep a processor busy.
type row struct {
	cells   []cell // as many as columns, once something was written
	used    int
	fill    style
	wrapped bool   // the text goes on in the next row: it was too long for this one
	dirty   bool   // there is text that was not told
	changed int64  // when it last changed
	told    uint64 // a hash of the text that was told last
}

// grid is the main or the alternate screen. Its rows are a ring, since a screen scrolls at each line.
type grid struct {
	rows  []*row
	first int   // where the ring begins
	off   int64 // how many rows have left it at the top: what counts rows is counted from the first that there was
}

func newGrid(rows int) *grid {
	g := &grid{rows: make([]*row, rows)}
	for i := range g.rows {
		g.rows[i] = &row{}
	}
	return g
}

func (g *grid) row(y int) *row {
	i := g.first + y
	if i >= len(g.rows) {
		i -= len(g.rows)
	}
	return g.rows[i]
}

func (g *grid) set(y int, r *row) {
	i := g.first + y
	if i >= len(g.rows) {
		i -= len(g.rows)
	}
	g.rows[i] = r
}

// up moves rows top to bot up by n; those that leave are blank at the bottom. All of them: nothing is moved.
func (g *grid) up(top, bot, n int, fill style) {
	if top == 0 && bot == len(g.rows)-1 {
		for range n {
			g.row(0).erase(fill)
			if g.first++; g.first == len(g.rows) {
				g.first = 0
			}
		}
		return
	}
	gone := make([]*row, 0, 8)
	for y := top; y <= bot; y++ {
		if y < top+n {
			gone = append(gone, g.row(y))
		} else {
			g.set(y-n, g.row(y))
		}
	}
	for i, r := range gone {
		r.erase(fill)
		g.set(bot-n+1+i, r)
	}
}

// down is the way back.
func (g *grid) down(top, bot, n int, fill style) {
	gone := make([]*row, 0, 8)
	for y := bot; y >= top; y-- {
		if y > bot-n {
			gone = append(gone, g.row(y))
		} else {
			g.set(y+n, g.row(y))
		}
	}
	for i, r := range gone {
		r.erase(fill)
		g.set(top+i, r)
	}
}

// fit changes the size. Where rows must go, blank ones below the cursor go first, then those at the top; it returns how many
// went there.
func (g *grid) fit(rows, cols, cursor int) int {
	list := make([]*row, 0, max(rows, len(g.rows)))
	for y := range g.rows {
		r := g.row(y)
		r.fit(cols)
		list = append(list, r)
	}
	gone := 0
	if len(list) > rows {
		below := min(len(list)-rows, len(list)-1-cursor)
		list = list[:len(list)-below]
		gone = len(list) - rows
		list = list[gone:]
		g.off += int64(gone)
	}
	for len(list) < rows {
		list = append(list, &row{})
	}
	g.rows, g.first = list, 0
	return gone
}

func (r *row) fit(cols int) {
	r.used = min(r.used, cols)
	r.wrapped = false
	if r.cells != nil {
		cells := make([]cell, cols)
		copy(cells, r.cells[:r.used])
		r.cells = cells
		if r.used == cols {
			r.mend(cols)
		}
	}
}

// erase blanks the whole row.
func (r *row) erase(fill style) {
	r.used, r.fill, r.wrapped, r.dirty, r.told = 0, fill, false, false, 0
}

// cut blanks the row from x on.
func (r *row) cut(x, cols int, fill style) {
	r.wrapped = false
	if r.fill != fill && x > 0 {
		r.reach(x, cols)
	}
	if r.used > x {
		r.split(x)
		r.used = x
	}
	r.fill = fill
}

// blank blanks from x to before end.
func (r *row) blank(x, end, cols int, fill style) {
	if end >= cols {
		r.cut(x, cols, fill)
		return
	}
	r.reach(end, cols)
	r.split(x)
	r.split(end)
	for i := x; i < end; i++ {
		r.cells[i] = cell{style: fill}
	}
}

// reach makes the cells before x ones that can be read.
func (r *row) reach(x, cols int) {
	if r.cells == nil {
		r.cells = make([]cell, cols)
	}
	for ; r.used < x; r.used++ {
		r.cells[r.used] = cell{style: r.fill}
	}
}

// split blanks a wide character that would be cut in two at x.
func (r *row) split(x int) {
	if x > 0 && x < r.used && r.cells[x].r == tail {
		r.cells[x-1].r, r.cells[x].r = ' ', ' '
	}
}

// insert makes room for n cells at x; what is pushed over the edge is lost.
func (r *row) insert(x, n, cols int, fill style) {
	r.reach(x, cols)
	if r.used == x {
		return
	}
	r.split(x)
	end := min(r.used+n, cols)
	copy(r.cells[x+n:end], r.cells[x:r.used])
	r.used = end
	for i := x; i < x+n; i++ {
		r.cells[i] = cell{style: fill}
	}
	if r.used == cols {
		r.mend(cols)
	}
}

// mend blanks the head of a wide character whose tail was pushed over the edge.
func (r *row) mend(cols int) {
	var w widths
	if c := &r.cells[cols-1]; c.r >= 0x1100 && c.r < firstCluster && w.of(c.r) == 2 {
		c.r = ' '
	}
}

// remove takes out n cells at x.
func (r *row) remove(x, n, cols int, fill style) {
	r.wrapped = false
	if x >= r.used {
		return
	}
	r.split(x)
	if x+n >= r.used {
		r.cut(x, cols, fill)
		return
	}
	r.split(x + n)
	copy(r.cells[x:], r.cells[x+n:r.used])
	r.used -= n
}
