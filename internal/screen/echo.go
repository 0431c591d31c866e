package screen

import (
	"bytes"
	"unicode/utf8"
)

// echo pairs what was typed with what the screen shows of it. A key is held until its character stands where the cursor was
// when it was typed, and the cursor behind it: then it was echoed. What isn't within a second is told as a count, and wiped.
//
// It is strict, since what isn't echoed may be a password: a character that merely turns up somewhere is no echo. Of a run
// of characters in which one has no echo, none is told that was not told before.
type echo struct {
	keys  []key  // typed, and not echoed so far
	at    int64  // where the echo of the first belongs: rows since the beginning times columns, plus the column
	loose bool   // a control key was sent since: what it does comes before, and where is not known
	said  []byte // what was echoed and isn't told so far
	bytes int    // how many bytes of input that was
	since int64  // when the first of that was typed
	of    uint64 // the read that it came in
	run   int    // how much of said's end is one run of characters
	chars int    // how many bytes of input that run was
	blind bool   // a key of this line was not echoed
	heard bool   // something was shown since the last key
	gone  bool   // the line of the first Enter here was left, and the keys before it were not shown
	out   []byte // the texts of this call's events
}

const (
	echoWait = int64(1e9)
	maxKeys  = 4096
	maxSaid  = 1 << 10
	maxWhole = 16 // lines that were typed ahead and are looked for
)

// pos is a place on the screen as a number that goes on from row to row.
func (t *Terminal) pos() int64 {
	x := t.cursor.x
	if t.cursor.wrap {
		x++
	}
	return (t.on.off+int64(t.cursor.y))*int64(t.cols) + int64(x)
}

// expect holds a key until its echo comes.
func (t *Terminal) expect(k key) {
	e := &t.echo
	if len(e.keys) == maxKeys {
		t.failTo(maxKeys / 2)
	}
	if len(e.keys) == 0 {
		e.at, e.gone = t.pos(), false
		e.loose = e.loose && len(e.said) > 0
	}
	e.keys = append(e.keys, k)
	e.heard = false
}

// match takes those keys as echoed that the screen shows. It is called before the cursor moves other than by writing.
func (t *Terminal) match() {
	e := &t.echo
	if len(e.keys) == 0 {
		return
	}
	for len(e.keys) > 0 && e.keys[0].kind == control {
		t.echoed(1)
		e.loose = true
	}
	n := e.line()
	if n == 0 {
		return
	}
	at := t.pos()
	if e.loose {
		if at != e.at && t.shows(e.keys[:n], at, true) > 0 {
			t.echoed(n)
			e.loose = false
		}
		e.at = at
		return
	}
	if at <= e.at {
		return
	}
	if got := t.shows(e.keys[:n], at, false); got > 0 {
		t.echoed(got)
		e.at = at
		return
	}
	if n == len(e.keys) || e.keys[n].kind != control { // else what that key did may stand behind the characters
		return
	}
	if end := e.at + t.width(e.keys[:n]); end < at && t.shows(e.keys[:n], end, true) > 0 {
		t.echoed(n)
		e.at = end
	}
}

func (t *Terminal) width(keys []key) (n int64) {
	for i := range keys {
		n += int64(t.wide.of(keys[i].r))
	}
	return n
}

// within reports whether the characters that are next stand in a text.
func (e *echo) within(text []byte) bool {
	var run []byte
	for i := range e.keys[:e.line()] {
		run = utf8.AppendRune(run, e.keys[i].r)
	}
	defer clear(run)
	return bytes.Contains(text, run)
}

// line counts the characters before the next key of another kind.
func (e *echo) line() int {
	for i := range e.keys {
		if e.keys[i].kind != char {
			return i
		}
	}
	return len(e.keys)
}

// shows tells how many of the keys stand right before a place: from where the echo belongs, or, if whole, all of them.
func (t *Terminal) shows(keys []key, end int64, whole bool) int {
	e, n, width := &t.echo, 0, int64(0)
	for ; n < len(keys) && (whole || e.at+width < end); n++ {
		width += int64(t.wide.of(keys[n].r))
	}
	if !whole && e.at+width != end {
		return 0
	}
	at := end - width
	for i := range keys[:n] {
		if t.runeAt(at) != keys[i].r {
			return 0
		}
		at += int64(t.wide.of(keys[i].r))
	}
	return n
}

// runeAt is what stands at a place; 0: it isn't on the screen.
func (t *Terminal) runeAt(pos int64) rune {
	if pos < 0 {
		return 0
	}
	y, x := pos/int64(t.cols)-t.on.off, int(pos%int64(t.cols))
	if y < 0 || y >= int64(t.rows) {
		return 0
	}
	r := t.on.row(int(y))
	if x >= r.used {
		return ' '
	}
	if c := r.cells[x].r; c != 0 {
		return c
	}
	return ' '
}

// echoed moves the first n keys to what is said.
func (t *Terminal) echoed(n int) {
	e := &t.echo
	for i := range e.keys[:n] {
		k := &e.keys[i]
		if e.blind && k.kind != char {
			t.count(k.of, k.n)
			continue
		}
		if e.bytes == 0 {
			e.of, e.since = k.of, k.at
		}
		e.bytes += k.n
		e.say(k)
		t.edit.shown(k)
	}
	e.drop(n)
	if len(e.said) > maxSaid {
		t.flushEcho()
	}
}

func (e *echo) say(k *key) {
	before := len(e.said)
	switch k.kind {
	case char:
		e.said = utf8.AppendRune(e.said, k.r)
		e.run += len(e.said) - before
		e.chars += k.n
		return
	case enter, newline:
		e.said = append(e.said, '\r')
	case control:
		if s := k.raw[:min(k.n, len(k.raw))]; k.n <= len(k.raw) && s[0] != 0 && string(s) != "\x1b[200~" && string(s) != "\x1b[201~" {
			e.said = append(e.said, s...)
		}
	}
	e.run, e.chars = 0, 0
}

// drop forgets the first n keys, and wipes them.
func (e *echo) drop(n int) {
	rest := copy(e.keys, e.keys[n:])
	clear(e.keys[rest:])
	e.keys = e.keys[:rest]
}

// failTo tells that the first n keys were not echoed. What was said of the run that they go on with is taken back.
func (t *Terminal) failTo(n int) {
	e := &t.echo
	if n == 0 {
		return
	}
	back, of := 0, e.keys[0].of
	if e.keys[0].kind == char && e.run > 0 {
		back, of = e.chars, e.of
		clear(e.said[len(e.said)-e.run:])
		e.said = e.said[:len(e.said)-e.run]
		e.bytes -= e.chars
	}
	t.flushEcho()
	for i := range e.keys[:n] {
		k := &e.keys[i]
		back += k.n
		switch k.kind {
		case char:
			e.blind = true
		case newline:
			e.blind = false
		case enter:
			e.blind = false
			t.unanswered()
		}
	}
	t.count(of, back)
	e.drop(n)
	e.at, e.loose, e.gone = t.pos(), false, false
}

// failLine tells that the keys before the first Enter, and that, were not echoed.
func (t *Terminal) failLine() {
	for i := range t.echo.keys {
		if t.echo.keys[i].kind == enter {
			t.failTo(i + 1)
			return
		}
	}
}

func (t *Terminal) count(of uint64, n int) {
	if i := len(t.events) - 1; i >= 0 && t.events[i].Kind == NotEchoed {
		t.events[i].Bytes += n
		return
	}
	t.events = append(t.events, Event{Kind: NotEchoed, Of: of, Bytes: n})
}

// flushEcho tells what was said.
func (t *Terminal) flushEcho() {
	e := &t.echo
	if e.bytes > 0 {
		from := len(e.out)
		e.out = append(e.out, e.said...)
		t.events = append(t.events, Event{Kind: Echoed, Of: e.of, Bytes: e.bytes, Text: e.out[from:]})
	}
	clear(e.said)
	e.said, e.bytes, e.run, e.chars = e.said[:0], 0, 0, 0
}

// expire gives up on keys that are older than a second, and tells what was said that long ago.
func (t *Terminal) expire() {
	e, n := &t.echo, 0
	for n < len(e.keys) && t.now-e.keys[n].at >= echoWait {
		n++
	}
	controls := 0
	for controls < n && e.keys[controls].kind == control { // those show nothing of themselves
		controls++
	}
	t.echoed(controls)
	t.failTo(n - controls)
	if e.bytes > 0 && t.now-e.since >= echoWait && len(e.keys) == 0 {
		t.flushEcho()
	}
}

func (e *echo) deadline() int64 {
	switch {
	case len(e.keys) > 0:
		return e.keys[0].at + echoWait
	case e.bytes > 0:
		return e.since + echoWait
	}
	return 0
}

// passed gives up on keys of a line that was left without showing them, when the next are typed: a password. It was left where
// the cursor has gone down, or stands behind another prompt, in the row that the hidden line would have been in.
func (t *Terminal) passed() {
	e := &t.echo
	if t.on != t.main && e.heard { // a key that an editor or a multiplexer takes for a command
		t.failTo(len(e.keys))
		e.blind = false
	}
	last, x := t.edit.last, t.column()
	n := len(last)
	asks := n > 1 && n <= x && stands(t.on.row(t.cursor.y), x-n, last) && t.pos()-e.at >= int64(n)
	if !e.gone && !asks {
		return
	}
	for i := len(e.keys) - 1; i >= 0; i-- {
		if e.keys[i].kind == enter && (asks || t.now-e.keys[i].at > echoWait/4) {
			t.failTo(i + 1)
			return
		}
	}
}

// arrived is told when the cursor has come to another line: an Enter that was next has been answered.
func (t *Terminal) arrived() {
	e := &t.echo
	if len(e.keys) == 0 {
		return
	}
	for len(e.keys) > 0 && e.keys[0].kind == control {
		t.echoed(1)
	}
	switch {
	case len(e.keys) == 0:
	case e.keys[0].kind == enter || e.keys[0].kind == newline:
		end := e.keys[0].kind == enter
		t.echoed(1)
		e.blind = false
		if end {
			t.flushEcho()
		}
	default:
		e.gone = true
		return
	}
	e.at, e.loose = t.pos(), true // a prompt may come first
}

// Settled reports whether all keys that were sent have shown what they do.
func (t *Terminal) Settled() bool { return len(t.echo.keys) == 0 }
