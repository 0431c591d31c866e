package screen

import "slices"

// edit follows the line that is being typed: where on the screen it begins, so that what stands there when Enter is sent is
// the command line, whatever was typed to get it. It begins where the cursor stood when the first key of it was typed. What
// stood before the cursor then is the prompt: when the screen is painted anew it is found again by it.
type edit struct {
	live     bool
	stale    bool   // other lines were shown since: only a row that begins with the prompt is the one
	row      int64  // rows since the beginning
	col      int    //
	prompt   []rune // what stands before col
	right    []rune // what stood at the right of the row from rightCol on: a prompt there
	rightCol int
	bottom   int64  // the last row that it is known to reach
	lost     []byte // the line's beginning, where it has left the screen at the top
	mixed    bool   // other keys than characters were typed
	typed    []rune // the characters of it that were echoed
	enters   int    // Enters that were sent and not answered
	entered  int64  // when the last of them was
	maybe    []byte // the line as it was left while characters of it were not echoed
	last     []rune // the last line's prompt
	out      []byte // the texts of this call's events
}

const (
	maxEnters  = 64
	maxTyped   = 4 << 10
	maxCommand = 64 << 10
)

// anchor finds where the line begins that a key is typed into.
func (t *Terminal) anchor() {
	e := &t.edit
	if e.enters > 0 {
		if t.now-e.entered <= echoWait { // typed ahead: the line isn't there yet
			return
		}
		e.enters, e.live = 0, false
	}
	switch {
	case !e.live:
		t.beginLine()
	case len(t.echo.keys) > 0:
	case e.stale:
		t.findAgain()
	case t.before() || t.on != t.main && t.elsewhere():
		t.beginLine()
	}
}

// elsewhere tells whether the cursor has gone to another window of a terminal multiplexer: it stands behind another prompt, or
// a border is between.
func (t *Terminal) elsewhere() bool {
	e, r, x := &t.edit, t.on.row(t.cursor.y), t.column()
	if e.row == t.on.off+int64(t.cursor.y) {
		return border(r, e.col) < x
	}
	return promptLike(runes(nil, r, 0, x))
}

// before tells whether the cursor stands before the line: it is another one then.
func (t *Terminal) before() bool {
	e, y := &t.edit, t.on.off+int64(t.cursor.y)
	return y < e.row || y == e.row && t.cursor.x < e.col
}

func (t *Terminal) beginLine() {
	e := &t.edit
	x := t.column()
	if n := len(e.last); n > 1 && n < x && t.begins(t.cursor.y, e.last) && border(t.on.row(t.cursor.y), n) >= x { // typed ahead
		x = n
	} else if n := len(e.typed); t.endsTyped() {
		x -= n
	}
	e.typed, e.mixed = e.typed[:0], false
	t.lineAt(t.cursor.y, x)
}

// column is how many columns stand before the cursor.
func (t *Terminal) column() int {
	if t.cursor.wrap {
		return t.cols
	}
	return t.cursor.x
}

func (t *Terminal) lineAt(y, x int) {
	e, r := &t.edit, t.on.row(y)
	e.live, e.stale, e.lost = true, false, e.lost[:0]
	e.row, e.col = t.on.off+int64(y), x
	e.bottom = e.row
	e.prompt = runes(e.prompt[:0], r, 0, x)
	e.rightCol = max(t.column(), x)
	for e.rightCol < r.used && r.cells[e.rightCol].r <= ' ' {
		e.rightCol++
	}
	e.right = runes(e.right[:0], r, e.rightCol, r.used)
}

// runes adds what stands in a row from x to before end; an empty cell is a blank.
func runes(dst []rune, r *row, x, end int) []rune {
	for ; x < end; x++ {
		switch {
		case x >= r.used || r.cells[x].r == 0:
			dst = append(dst, ' ')
		default:
			dst = append(dst, r.cells[x].r)
		}
	}
	return dst
}

// stands reports whether a row shows something at x.
func stands(r *row, x int, what []rune) bool {
	for i, want := range what {
		got := ' '
		if x+i < r.used && r.cells[x+i].r != 0 {
			got = r.cells[x+i].r
		}
		if got != want {
			return false
		}
	}
	return true
}

// begins reports whether row y begins with a prompt, and is no row that a longer line goes on in.
func (t *Terminal) begins(y int, prompt []rune) bool {
	return (y == 0 || !t.on.row(y-1).wrapped) && stands(t.on.row(y), 0, prompt)
}

// findAgain finds the line after other lines were shown: a list of what a word may become, or a program's output.
func (t *Terminal) findAgain() {
	e := &t.edit
	if y, ok := t.prompted(); ok {
		e.row, e.stale = t.on.off+int64(y), false
		return
	}
	t.beginLine()
}

// endsTyped reports whether what was typed of the line stands right before the cursor.
func (t *Terminal) endsTyped() bool {
	e, x := &t.edit, t.column()
	n := len(e.typed)
	return n > 0 && n <= x && !e.mixed && stands(t.on.row(t.cursor.y), x-n, e.typed)
}

// prompted finds the nearest row at or above the cursor that begins with the line's prompt; not above the line where that is
// known.
func (t *Terminal) prompted() (int, bool) {
	e, top := &t.edit, 0
	if len(e.prompt) == 0 {
		return 0, false
	}
	if !e.stale && !t.before() {
		top = int(max(0, e.row-t.on.off))
	}
	for y := t.cursor.y; y >= top; y-- {
		if t.begins(y, e.prompt) {
			return y, true
		}
	}
	return 0, false
}

// start is the row that the line begins in; false: it isn't known.
func (t *Terminal) start() (int, bool) {
	e := &t.edit
	if !e.live {
		return 0, false
	}
	if t.on == t.main {
		if y, ok := t.prompted(); ok {
			return y, true
		}
	}
	y := e.row - t.on.off
	return int(y), !e.stale && y >= 0 && y < int64(t.rows)
}

// leave is told before the cursor leaves a line downwards. After an Enter that line is the command line, painted to its end.
func (t *Terminal) leave() {
	e := &t.edit
	if e.enters == 0 {
		k := t.echo.keys
		e.stale = e.stale || t.on == t.main && (len(k) == 0 || k[0].kind != newline)
		return
	}
	if t.on != t.main && e.live && (!promptLike(e.prompt) || t.echo.line() > 0) {
		if t.echo.line() == 0 {
			e.enters, e.live = 0, false
		}
		return
	}
	if e.live && !e.stale && (t.on.off+int64(t.cursor.y) < e.row || t.beyond()) {
		return // an editor on its way through the line, or the line was left before
	}
	text, ok := t.finished()
	if !ok {
		return
	}
	if len(text) == 0 && t.echo.line() > 0 && !slices.Equal(e.prompt, e.last) { // a password, at a prompt that no command had
		t.failLine()
		return
	}
	if !t.echo.within(text) { // not all of it may stand there so far
		e.maybe = append(e.maybe[:0], text...)
		return
	}
	t.command(text)
}

// beyond tells whether the cursor stands below the line's last row.
func (t *Terminal) beyond() bool {
	y := t.cursor.y
	for y > 0 && t.on.row(y-1).wrapped {
		y--
	}
	return t.on.off+int64(y) > t.edit.bottom
}

// command tells of a command line: one Enter is answered.
func (t *Terminal) command(text []byte) {
	e := &t.edit
	e.enters = max(0, e.enters-1)
	if len(text) > 0 {
		t.events = append(t.events, Event{Kind: Command, Text: text})
		if e.live && len(e.prompt) > 0 {
			e.last = append(e.last[:0], e.prompt...)
		}
	}
	e.live, e.typed, e.mixed, e.maybe = false, e.typed[:0], false, e.maybe[:0]
}

// unanswered is told of an Enter whose line was not shown: what there was of it is told.
func (t *Terminal) unanswered() {
	if t.edit.enters > 0 {
		t.command(t.keep(t.edit.maybe))
	}
}

// finished is the command line that an Enter ran; false: the row that is left is not it.
func (t *Terminal) finished() ([]byte, bool) {
	e := &t.edit
	if !e.live {
		return t.typedAhead()
	}
	if y, ok := t.start(); ok {
		return t.keep(t.lineText(nil, y, -1)), true
	}
	y := t.cursor.y
	r := t.on.row(y)
	if n := len(e.typed); n > 0 && !e.mixed && n <= r.used && stands(r, t.textEnd(r)-n, e.typed) {
		return t.keep(appendRunes(nil, t, e.typed)), true
	}
	return nil, false
}

// typedAhead is a line that was typed before its prompt was there. Only a row that begins with the last prompt, or is exactly
// what was typed, is taken for it.
func (t *Terminal) typedAhead() ([]byte, bool) {
	e, y := &t.edit, t.cursor.y
	for y > 0 && t.on.row(y-1).wrapped {
		y--
	}
	r := t.on.row(y)
	if len(e.last) > 1 && stands(r, 0, e.last) {
		e.live, e.row, e.col, e.right, e.lost = true, t.on.off+int64(y), len(e.last), nil, e.lost[:0]
		e.bottom = e.row
		e.prompt = append(e.prompt[:0], e.last...)
		t.matchWhole(y)
		return t.keep(t.lineText(nil, y, -1)), true
	}
	if n := len(e.typed); n > 0 && !e.mixed && y == t.cursor.y && t.textEnd(r) == n && stands(r, 0, e.typed) {
		return t.keep(appendRunes(nil, t, e.typed)), true
	}
	return nil, false
}

// matchWhole takes a line that was typed ahead as echoed when it stands behind the prompt in row y, whole and alone. What
// was typed before it had no echo by then.
func (t *Terminal) matchWhole(y int) {
	e, r, from := &t.echo, t.on.row(y), 0
	for range maxWhole {
		n := from
		for n < len(e.keys) && e.keys[n].kind == char {
			n++
		}
		if n == len(e.keys) {
			return
		}
		if n > from && t.textEnd(r)-t.edit.col == n-from && t.standsTyped(r, e.keys[from:n]) {
			t.failTo(from)
			t.echoed(n - from)
			return
		}
		from = n + 1
	}
}

func (t *Terminal) standsTyped(r *row, keys []key) bool {
	for i := range keys {
		if r.cells[t.edit.col+i].r != keys[i].r {
			return false
		}
	}
	return true
}

// textEnd is the column behind the last that isn't blank.
func (t *Terminal) textEnd(r *row) int {
	n := r.used
	for n > 0 && (r.cells[n-1].r == 0 || r.cells[n-1].r == ' ') {
		n--
	}
	return n
}

// shown notes a key whose echo came.
func (e *edit) shown(k *key) {
	switch {
	case k.kind == char && len(e.typed) < maxTyped:
		e.typed = append(e.typed, k.r)
	case k.kind == char || k.kind == newline:
		e.mixed = true
	}
}

// keep puts a text where it stays until the next call.
func (t *Terminal) keep(b []byte) []byte {
	e := &t.edit
	from := len(e.out)
	e.out = append(e.out, b...)
	return e.out[from:len(e.out):len(e.out)]
}

// forgetLine drops what is known of the line: another screen is shown, or another size.
func (t *Terminal) forgetLine() {
	t.match()
	t.edit.live, t.edit.enters = false, 0
}

// lost is told of row y before it leaves the screen at the top.
func (t *Terminal) lost(y int) {
	e := &t.edit
	if !e.live || e.stale || e.row != t.on.off+int64(y) {
		return
	}
	if len(e.lost) < maxCommand {
		e.lost = t.appendLine(e.lost, t.on.row(y), e.col, t.cols)
	}
	e.row, e.col, e.prompt, e.right = e.row+1, 0, e.prompt[:0], e.right[:0]
}

// shift is told that rows top to bot were moved by n.
func (t *Terminal) shift(top, bot, n int) {
	e, from, to := &t.edit, t.on.off+int64(top), t.on.off+int64(bot)
	if e.row >= from && e.row <= to {
		e.row += int64(n)
		e.bottom += int64(n)
		if e.row < from || e.row > to {
			e.live = false
		}
	}
	if y := t.echo.at / int64(t.cols); y >= from && y <= to {
		t.echo.at += int64(n * t.cols)
	}
}

// jump is told before the cursor moves to another row in another way than by writing or a line feed.
func (t *Terminal) jump(final byte, y int) {
	if t.on != t.main {
		if t.edit.enters > 0 {
			t.leave()
			if t.edit.enters == 0 {
				t.echo.answered()
			}
		}
		return
	}
	if t.edit.enters > 0 && y > t.cursor.y && t.on.off+int64(y) > t.edit.bottom {
		t.leave()
	}
	if final == 'H' || final == 'f' || final == 'd' { // line editors move by steps; what goes anywhere paints a screen
		t.edit.stale = true
	}
}

// answered drops an Enter that was next.
func (e *echo) answered() {
	for i := range e.keys {
		if e.keys[i].kind == enter {
			e.gone = true
		}
	}
}
