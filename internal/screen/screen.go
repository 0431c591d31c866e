// Package screen is a terminal without a window: it reads what a target sends and what a client types, and tells what a
// person at that terminal came to see. It gives the lines of text that the screen showed, the command lines as they stood
// when Enter was sent, what of the input was echoed, and frames that paint the screen anew. It does no I/O and asks no clock,
// and is bounded in memory and time whatever the target sends. It is a leaf: it imports nothing of the house.
package screen

import (
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
)

// The bounds of a window. A client may ask for four billion columns; what is larger is cut to this.
const (
	maxRows  = 512
	maxCols  = 1024
	maxCells = 128 << 10 // rows times columns
)

// Terminal is one terminal. One owner at a time uses it. Times are nanoseconds of any one clock that the caller keeps to.
type Terminal struct {
	rows, cols int
	main, alt  *grid // alt is made when it is first used
	on         *grid // one of the two

	cursor   cursor
	saved    [2]saved // by DECSC: of main, of alt
	modes    modes
	top, bot int    // the scrolling region, both within
	tabs     []bool // a stop in this column
	last     rune   // what was printed last, for REP; 0: nothing
	marks    clusters
	wide     widths

	parser *ansi.Parser
	ground bool    // no sequence is under way
	part   [4]byte // the beginning of a character
	parts  int

	now    int64 // the caller's clock, of the call under way
	events []Event
	text   text
	keys   keyboard
	edit   edit
	echo   echo
	frames frames
}

// Event is something that the caller may want to write down. Text is borrowed: it is good until the next call.
type Event struct {
	Kind  EventKind
	Of    uint64 // Echoed, NotEchoed: the number that the caller gave to the first read that it is of
	Bytes int    // Echoed, NotEchoed: how many bytes of input it tells of
	Text  []byte // Lines: "\n" stands between them, not at the end
}

// EventKind says what an event tells.
type EventKind uint8

// The kinds of events.
const (
	Lines     EventKind = iota + 1 // lines that the screen came to show: Text
	Command                        // a command line, as the screen showed it at the end: Text
	Echoed                         // input that the screen showed: Of Bytes Text
	NotEchoed                      // input that it did not show: Of Bytes
)

// New makes a terminal of a size. Sizes of nothing stand for 24 lines of 80 columns; hostile ones are cut.
func New(rows, cols int) *Terminal {
	t := &Terminal{parser: ansi.NewParser(), ground: true, modes: startModes}
	t.parser.SetDataSize(64)
	t.parser.SetHandler(ansi.Handler{Execute: t.control, HandleCsi: t.csi, HandleEsc: t.esc, HandleOsc: t.osc})
	t.rows, t.cols = clampSize(rows, cols)
	t.main = newGrid(t.rows)
	t.on = t.main
	t.bot = t.rows - 1
	t.tabs = tabStops(make([]bool, t.cols))
	t.text.credit = startCredit
	return t
}

// Size is the window in use.
func (t *Terminal) Size() (rows, cols int) { return t.rows, t.cols }

func clampSize(rows, cols int) (int, int) {
	if rows <= 0 {
		rows = 24
	}
	if cols <= 0 {
		cols = 80
	}
	rows, cols = min(rows, maxRows), min(cols, maxCols)
	return min(rows, maxCells/cols), cols
}

// Output takes what the target sent, in pieces of any size.
func (t *Terminal) Output(at int64, b []byte) []Event {
	t.begin(at)
	t.text.earn(len(b))
	t.frames.count(at, len(b))
	t.echo.heard = true
	for len(b) > 0 {
		switch {
		case !t.ground:
			b = t.sequence(b)
		case b[0] >= ' ' && b[0] < 0x7f && t.parts == 0:
			n := printable(b)
			t.print(b[:n])
			b = b[n:]
		case b[0] < 0x80 && t.parts == 0:
			t.advance(b[0])
			b = b[1:]
		default:
			b = t.unicode(b)
		}
	}
	t.match()
	return t.end()
}

func (t *Terminal) begin(at int64) {
	t.now = at
	t.events = t.events[:0]
	t.text.begin()
	t.edit.out = t.edit.out[:0]
	t.echo.out = t.echo.out[:0]
}

// end gives the events of a call.
func (t *Terminal) end() []Event {
	t.flushText()
	return t.events
}

// printable counts the bytes at b's beginning that are plain characters.
func printable(b []byte) int {
	for i, c := range b {
		if c < ' ' || c >= 0x7f {
			return i
		}
	}
	return len(b)
}

// sequence feeds the parser until a sequence has ended. It is never shown a byte over 0x7f: such are parts of characters in
// a title, and the parser would take some for 8-bit controls (a terminal that reads UTF-8 knows none).
func (t *Terminal) sequence(b []byte) []byte {
	for i, c := range b {
		if c >= 0x80 {
			continue
		}
		t.advance(c)
		if t.ground {
			return b[i+1:]
		}
	}
	return nil
}

func (t *Terminal) advance(c byte) {
	t.parser.Advance(c)
	t.ground = t.parser.State() == parser.GroundState
}

// Resize changes the window. Lines are not wrapped anew: programs paint theirs again, and what was shown was told.
func (t *Terminal) Resize(rows, cols int) []Event {
	t.begin(t.now)
	if rows, cols = clampSize(rows, cols); rows == t.rows && cols == t.cols {
		return nil
	}
	t.forgetLine()
	gone := t.main.fit(rows, cols, t.cursorOf(t.main))
	if t.on == t.main {
		t.cursor.y -= gone
	}
	if t.alt != nil {
		gone = t.alt.fit(rows, cols, t.cursorOf(t.alt))
		if t.on == t.alt {
			t.cursor.y -= gone
		}
	}
	t.rows, t.cols = rows, cols
	t.top, t.bot = 0, rows-1
	t.tabs = tabStops(make([]bool, cols))
	t.cursor.wrap = false
	t.place(t.cursor.y, t.cursor.x)
	for i := range t.saved {
		t.saved[i].y, t.saved[i].x = min(t.saved[i].y, rows-1), min(t.saved[i].x, cols-1)
	}
	return t.end()
}

// cursorOf is the line of a grid that must stay in sight.
func (t *Terminal) cursorOf(g *grid) int {
	if g == t.on {
		return t.cursor.y
	}
	return min(t.saved[t.index(g)].y, len(g.rows)-1)
}

func (t *Terminal) index(g *grid) int {
	if g == t.main {
		return 0
	}
	return 1
}
