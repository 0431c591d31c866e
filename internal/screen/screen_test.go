package screen

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// shows is the screen as text, a line a row, blanks at the ends left out.
func shows(t *Terminal) string {
	var lines []string
	for y := range t.rows {
		lines = append(lines, strings.TrimRight(string(t.appendRow(nil, t.on.row(y), 0, t.cols)), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func TestScreens(t *testing.T) {
	for _, c := range []struct{ name, out, want string }{
		{"plain", "one\r\ntwo", "one\ntwo"},
		{"wrap", "0123456789abc", "0123456789\nabc"},
		{"the last column waits", "0123456789\r\nx", "0123456789\nx"},
		{"no wrap", "\x1b[?7l0123456789abc", "012345678c"},
		{"wide", "012345678漢字", "012345678\n漢字"},
		{"half of a wide character", "漢字\x1b[1;2Hx", " x字"},
		{"marks", "e\u0301a\u0308", "e\u0301a\u0308"},
		{"erase line", "0123456789\x1b[5D\x1b[K", "0123"},
		{"erase to here", "0123456789\r\x1b[3C\x1b[1K", "    456789"},
		{"erase display", "one\r\ntwo\x1b[2Jx", "\n   x"},
		{"insert", "abc\r\x1b[2@x", "x abc"},
		{"insert mode", "abc\r\x1b[4hxy", "xyabc"},
		{"delete", "abcdef\r\x1b[2P", "cdef"},
		{"scroll", "1\r\n2\r\n3\r\n4\r\n5\r\n6", "2\n3\n4\n5\n6"},
		{"region", "1\r\n2\r\n3\r\n4\r\n5\x1b[2;4r\x1b[4;1H\n\nx", "1\n4\n\nx\n5"},
		{"insert lines", "1\r\n2\r\n3\x1b[2;1H\x1b[Lx", "1\nx\n2\n3"},
		{"reverse index", "1\r\n2\x1b[H\x1bMx", "x\n1\n2"},
		{"tabs", "a\tb", "a       b"},
		{"drawing", "\x1b(0lqk\x1b(B.", "┌─┐."},
		{"shift out", "\x1b)0q\x0eq\x0fq", "q─q"},
		{"alternate screen", "main\x1b[?1049halt\x1b[?1049l!", "main!"},
		{"on the alternate screen", "main\x1b[?1049h\x1b[Halt", "alt"},
		{"save and restore", "ab\x1b7\r\n\ncd\x1b8e", "abe\n\ncd"},
		{"a split character", "a\xe6\xbc|\xa2b", "a漢b"},
		{"no UTF-8", "a\xe9b", "a\ufffdb"},
		{"a title in UTF-8", "\x1b]0;\xe2\x9c\x9c\x07x", "x"},
		{"8-bit controls are no controls", "\x9b5Cx", "\ufffd5Cx"},
		{"a huge count", "a\x1b[2147483647Ix\x1b[99999999999999999999Cy", "a        x\n" + "y"[:0]},
		{"repeat", "a\x1b[3bc", "aaaac"},
		{"repeat for ever", "a\x1b[1147483647b", "aaaaaaaaaa\na"},
		{"origin", "\x1b[2;3r\x1b[?6h\x1b[1;1Hx\x1b[9;1Hy", "\nx\ny"},
		{"colours", "\x1b[1;38;5;196;48:2::1:2:3mx\x1b[0m", "x"},
		{"clipboard and queries", "\x1b]52;c;aGk=\x07\x1b[6n\x1b[c\x1bP+q544e\x1b\\x", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			term := New(5, 10)
			if c.name == "a huge count" {
				term.Output(0, []byte(c.out))
				if got := shows(term); !strings.HasPrefix(got, "a") {
					t.Errorf("shows %q", got)
				}
				return
			}
			for part := range strings.SplitSeq(c.out, "|") {
				term.Output(0, []byte(part))
			}
			if got := shows(term); got != c.want {
				t.Errorf("shows\n%q, want\n%q", got, c.want)
			}
			same(t, term)
		})
	}
}

// same holds that a frame paints the same screen on a terminal of the same size.
func same(tb testing.TB, a *Terminal) {
	tb.Helper()
	frame := a.Frame(nil)
	b := New(a.rows, a.cols)
	b.Output(0, []byte("what was there before \x1b[41m\x1b[2J\x1b[?1049h\x1b[3;4r"))
	b.Output(0, frame)
	if one, two := state(a), state(b); one != two {
		tb.Fatalf("the frame %.2000q paints\n%s\nof\n%s", frame, two, one)
	}
	for i, g := range []*grid{a.main, a.alt} {
		if h := []*grid{b.main, b.alt}[i]; g != nil && (i == 0 || a.on == g) {
			for y := range g.rows {
				sameRow(tb, a, b, g.row(y), h.row(y))
			}
		}
	}
}

func sameRow(tb testing.TB, a, b *Terminal, r, s *row) {
	tb.Helper()
	for x := range a.cols {
		c, d := cellAt(r, x), cellAt(s, x)
		if c.style != d.style || c.r != d.r && a.marks.string(c.r) != b.marks.string(d.r) {
			tb.Fatalf("in column %d stands %q %+v, the frame paints %q %+v", x, c.r, c.style, d.r, d.style)
		}
	}
}

func cellAt(r *row, x int) cell {
	c := cell{style: r.fill}
	if x < r.used {
		c = r.cells[x]
	}
	if c.r == 0 {
		c.r = ' '
	}
	return c
}

// state is all but the cells.
func state(t *Terminal) string {
	n := 1
	if t.on != t.main {
		n = 2
	}
	return fmt.Sprintf("%+v %+v %+v %d %d %v", t.cursor, t.saved[:n], t.modes, t.top, t.bot, t.tabs)
}

// TestResizes holds that no size that a client asks for is a burden, and none breaks what is shown.
func TestResizes(t *testing.T) {
	term := New(1<<31-1, 1<<31-1)
	if rows, cols := term.Size(); rows*cols > maxCells {
		t.Fatalf("%d times %d", rows, cols)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		term.Output(0, randomOutput(r, 200))
		term.Resize(r.IntN(60)-2, r.IntN(120)-2)
		same(t, term)
	}
}

// randomOutput is output with more sequences in it than any program sends.
func randomOutput(r *rand.Rand, n int) []byte {
	var b []byte
	for len(b) < n {
		switch r.IntN(6) {
		case 0:
			b = fmt.Appendf(b, "\x1b[%d;%d%c", r.IntN(40), r.IntN(100), "ABCDEFGHIJKLMPSTXZ@abdefghlmrsu`"[r.IntN(32)])
		case 1:
			b = fmt.Appendf(b, "\x1b[?%d%c", []int{5, 6, 7, 25, 47, 1047, 1048, 1049, 2004}[r.IntN(9)], "hl"[r.IntN(2)])
		case 2:
			b = fmt.Appendf(b, "\x1b[%d;3%d;48;5;%dm", r.IntN(10), r.IntN(8), r.IntN(256))
		case 3:
			b = append(b, []string{"\r\n", "\n", "\t", "\b", "\x1b7", "\x1b8", "\x1bM", "\x1bD", "\x1bE", "\x1bH", "\x1b(0", "\x1b(B", "\x0e", "\x0f", "\x1b[!p"}[r.IntN(15)]...)
		case 4:
			b = append(b, []string{"漢字", "e\u0301", "é", "\xff", "😀"}[r.IntN(5)]...)
		case 5:
			b = append(b, "the quick brown fox jumps over the lazy dog"[r.IntN(20):]...)
		}
	}
	return b
}

// TestFrames holds that a frame paints any screen.
func TestFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 400 {
		term := New(1+r.IntN(30), 1+r.IntN(100))
		term.Output(0, randomOutput(r, r.IntN(2000)))
		same(t, term)
	}
}

// TestHostileOutput holds that no output takes long: hinshun/vt10x takes five seconds for the first of these.
func TestHostileOutput(t *testing.T) {
	for _, unit := range []string{
		"\x1b[2147483647I", "\x1b[41m\x1b[2J\x1b[42m", "\x1b[2147483647b", "\x1b[2147483647L", "\x1b[2147483647@", "\x1b[2147483647S",
		"\x1b[H\x1b[2147483647T", "x\n\x1b[A", "\x1b[?1049h\x1b[?1049l", "\x1bc", "\x1b[512;1023Hx\x1b[1K", "e\u0301\u0302\u0303\u0304", "\x1b[3;500r\x1b[500;1H\n\x1b[r",
		"\x1b[99999999999999999999;9999999999999999999H", "漢\b\x1b[@",
	} {
		term := New(maxRows, maxCols)
		b := []byte(strings.Repeat(unit, 32<<10/len(unit)))
		begun, told := time.Now(), 0
		for range 4 {
			for _, e := range term.Output(0, b) {
				told += len(e.Text)
			}
		}
		if told > 4*len(b)*creditPerByte*4+maxCredit*4 {
			t.Errorf("%q: %d bytes of text are told of %d of output", unit, told, 4*len(b))
		}
		t.Logf("%q: %.1f MB/s, %d bytes of text", unit, float64(4*len(b))/time.Since(begun).Seconds()/1e6, told)
	}
}
