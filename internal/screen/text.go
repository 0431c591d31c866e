package screen

import (
	"bytes"
	"hash/maphash"
	"unicode"
)

// text is what is told of the lines that the screen came to show. A line is told when the cursor leaves it by a line feed,
// and when it goes: by scrolling, by erasing the screen, at the end. A line of several rows is told as one.
//
// A target could make the screen show the same long line again with each few bytes. So to tell costs: each byte of output
// earns some cells, and what can't be paid isn't told then, but later, or when it goes.
type text struct {
	out    []byte // lines of this call, each with its "\n"
	from   int    // where in out the event under way begins
	carry  []byte // the beginning of a line of which the first rows have left the screen
	credit int    // cells that may be looked at
	due    int64  // when lines of the alternate screen that have settled are told; 0: none
}

const (
	startCredit   = 64 << 10
	maxCredit     = 256 << 10
	creditPerByte = 8
	maxCarry      = 16 << 10
	maxLines      = 32 << 10 // bytes of one event, about
	settle        = int64(1e9)
)

var seed = maphash.MakeSeed()

func (x *text) begin() {
	x.out, x.from = x.out[:0], 0
	if cap(x.out) > 4*maxLines {
		x.out = nil
	}
}

func (x *text) earn(n int) { x.credit = min(x.credit+n*creditPerByte, maxCredit) }

func (x *text) spend(n int) bool {
	if x.credit < n {
		return false
	}
	x.credit -= n
	return true
}

// flushText makes an event of the lines so far.
func (t *Terminal) flushText() {
	x := &t.text
	if len(x.out) > x.from {
		t.events = append(t.events, Event{Kind: Lines, Text: x.out[x.from : len(x.out)-1]})
		x.from = len(x.out)
	}
}

// appendRow adds the text of a row's cells from x to before end, blanks and all.
func (t *Terminal) appendRow(dst []byte, r *row, x, end int) []byte {
	if end = min(end, r.used); x >= end {
		return dst
	}
	for _, c := range r.cells[x:end] {
		if c.r > 0 && c.r < 0x80 {
			dst = append(dst, byte(c.r))
		} else {
			dst = t.marks.append(dst, c.r)
		}
	}
	return dst
}

// tellLine tells the line that row y is of.
func (t *Terminal) tellLine(y int) {
	if !t.on.row(y).dirty {
		return
	}
	from, to := y, y
	for from > 0 && t.on.row(from-1).wrapped {
		from--
	}
	for to < t.rows-1 && t.on.row(to).wrapped {
		to++
	}
	cost := 0
	for i := from; i <= to; i++ {
		cost += t.on.row(i).used + 1
	}
	if !t.text.spend(cost) {
		return
	}
	start := len(t.text.out)
	if from == 0 && t.on == t.main {
		t.text.out = append(t.text.out, t.text.carry...)
		t.text.carry = t.text.carry[:0]
	}
	for i := from; i <= to; i++ {
		r := t.on.row(i)
		t.text.out = t.appendRow(t.text.out, r, 0, t.cols)
		r.dirty = false
	}
	t.finishLine(start, &t.on.row(from).told)
}

// finishLine ends a line in out, or takes it back: it is empty, or was told before.
func (t *Terminal) finishLine(start int, told *uint64) {
	x := &t.text
	line := bytes.TrimRight(x.out[start:], " \u00a0")
	x.out = x.out[:start+len(line)]
	if len(line) == 0 || t.on != t.main && !bytes.ContainsFunc(line, wordy) {
		x.out = x.out[:start]
		return
	}
	if sum := maphash.Bytes(seed, line); sum != *told {
		*told = sum
		x.out = append(x.out, '\n')
		if len(x.out)-x.from > maxLines {
			t.flushText()
		}
		return
	}
	x.out = x.out[:start]
}

// wordy is a character of a word: lines without any are what programs draw.
func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// scrollOff tells of row y, which leaves the main screen at the top.
func (t *Terminal) scrollOff(y int) {
	t.lost(y)
	r := t.on.row(y)
	if !r.dirty {
		return
	}
	x := &t.text
	if !x.spend(r.used + 1) {
		return
	}
	x.carry = t.appendRow(x.carry, r, 0, t.cols)
	if r.wrapped && len(x.carry) < maxCarry {
		if y+1 < t.rows {
			t.on.row(y + 1).dirty = true
		}
		return
	}
	start := len(x.out)
	x.out = append(x.out, x.carry...)
	x.carry = x.carry[:0]
	t.finishLine(start, &r.told)
}

// tellAll tells all that was not told of the screen in use.
func (t *Terminal) tellAll() { t.tellFrom(0, t.rows) }

func (t *Terminal) tellFrom(from, to int) {
	for y := from; y < to; y++ {
		t.tellLine(y)
	}
}

// settleText tells what has stood still on the alternate screen for a second: programs paint there where they like, and
// leave no line.
func (t *Terminal) settleText() {
	if t.text.due == 0 || t.now < t.text.due {
		return
	}
	t.text.due = 0
	if t.on == t.main {
		return
	}
	for y := range t.rows {
		switch r := t.on.row(y); {
		case !r.dirty:
		case t.now-r.changed >= settle:
			t.tellLine(y)
		case t.text.due == 0:
			t.text.due = t.now + settle
		}
	}
}

// pageText tells a whole page of the alternate screen when a key is pressed: it was seen, and may go. A line or two are what
// is being typed, and a program's line of state: those settle.
func (t *Terminal) pageText() {
	const page = 3
	if t.on == t.main {
		return
	}
	changed := 0
	for y := range t.rows {
		if t.on.row(y).dirty && y != t.cursor.y {
			changed++
		}
	}
	if changed < page {
		return
	}
	for y := range t.rows {
		if y != t.cursor.y {
			t.tellLine(y)
		}
	}
}
