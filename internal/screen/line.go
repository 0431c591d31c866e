package screen

import (
	"bytes"
	"strings"
)

// Line is the command line before Enter is sent.
type Line struct {
	Shown     []byte // what the screen shows of it
	NotEchoed int    // how many bytes of input aren't answered so far; 0: Shown is all
}

// Line tells how the command line stands. It is what the screen shows and nothing else: what was typed and is not echoed may
// be a password.
func (t *Terminal) Line() Line {
	var l Line
	for i := range t.echo.keys {
		l.NotEchoed += t.echo.keys[i].n
	}
	if t.on != t.main && !promptLike(t.edit.prompt) {
		return l
	}
	if y, ok := t.start(); ok {
		l.Shown = t.standing(y)
	}
	return l
}

// standing is the text of the line that begins in row y, without what its editor only suggests.
func (t *Terminal) standing(y int) []byte {
	e, col := &t.edit, t.edit.col
	if t.on == t.main && !t.begins(y, e.prompt) { // a search through history stands in the prompt's place
		e.col = 0
		line, ok := searched(t.lineText(nil, y, -1))
		if e.col = col; ok {
			return line
		}
	}
	end := -1
	if x := t.suggested(); x < t.cols {
		end = t.cursor.y*t.cols + x
	}
	return t.lineText(nil, y, end)
}

// suggested is the column from which on the cursor's row shows what the editor proposes: all that stands there is grey. It is
// the number of columns where there is none.
func (t *Terminal) suggested() int {
	r, x := t.on.row(t.cursor.y), t.column()
	for i := x; i < r.used; i++ {
		if r.cells[i].r > ' ' && !r.cells[i].style.grey() {
			return t.cols
		}
	}
	return x
}

// grey tells whether characters look as those that fish and zsh's plugins suggest.
func (s style) grey() bool {
	if s.attr&faint != 0 || s.fg == indexed|8 {
		return true
	}
	if s.fg&direct != 0 {
		r, g, b := s.fg>>16&0xff, s.fg>>8&0xff, s.fg&0xff
		return r == g && g == b && r > 0x20 && r < 0xc0
	}
	return s.fg&indexed != 0 && s.fg&0xff >= 236 && s.fg&0xff <= 247
}

// lineText adds the text of the line that begins in row y: to the cursor, or as far as it goes on behind; not beyond the
// place end (row times columns plus column) unless that is -1.
func (t *Terminal) lineText(dst []byte, y, end int) []byte {
	e := &t.edit
	dst = append(dst, e.lost...)
	for x := e.col; y < t.rows; y, x = y+1, 0 {
		r, to := t.on.row(y), t.cols
		if x > 0 && len(e.right) > 0 && stands(r, e.rightCol, e.right) {
			to = e.rightCol
		}
		if t.on != t.main {
			to = min(to, border(r, x))
		}
		if end >= 0 && end < (y+1)*t.cols {
			dst = t.appendRow(dst, r, x, min(to, end-y*t.cols))
			break
		}
		dst = t.appendLine(dst, r, x, to)
		if !r.wrapped && y >= t.cursor.y && t.on.off+int64(y) >= e.bottom || len(dst) > maxCommand {
			break
		}
	}
	return bytes.TrimRight(dst, " \n")
}

// appendLine adds a row's text from x on, and a line's end where the text doesn't fill it.
func (t *Terminal) appendLine(dst []byte, r *row, x, to int) []byte {
	from := len(dst)
	dst = t.appendRow(dst, r, x, to)
	if r.wrapped || r.used == t.cols && to == t.cols && r.cells[t.cols-1].r != ' ' && r.cells[t.cols-1].r != 0 {
		return dst
	}
	for len(dst) > from && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '\n')
}

// border is the column of a line that parts the windows of a terminal multiplexer.
func border(r *row, x int) int {
	for ; x < r.used; x++ {
		if r.cells[x].r == '│' {
			return x
		}
	}
	return x
}

// searched takes the line out of what readline shows while history is searched.
func searched(b []byte) ([]byte, bool) {
	s := string(b)
	if i := strings.Index(s, "i-search)`"); i >= 0 && s[0] == '(' {
		_, line, ok := strings.Cut(s[i:], "': ")
		return []byte(line), ok
	}
	return nil, false
}

// promptLike tells whether what stands before the line looks as shells' and databases' prompts do. On the alternate screen
// that tells a shell in a terminal multiplexer from an editor.
func promptLike(p []rune) bool {
	n := len(p)
	for n > 0 && p[n-1] == ' ' {
		n--
	}
	return n > 0 && n < len(p) && strings.ContainsRune("$#%>❯➜λ»", p[n-1])
}

func appendRunes(dst []byte, t *Terminal, rs []rune) []byte {
	for _, r := range rs {
		dst = t.marks.append(dst, r)
	}
	return dst
}
