package screen

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is the command line before Enter is sent.
type Line struct {
	Shown     []byte // what the screen shows of it
	Typed     []byte // Shown, and what was typed and isn't echoed so far. It may hold a password: it is for judging, and never written down. nil: it isn't to be judged
	NotEchoed int    // how many bytes of input aren't on the screen; 0: Shown is all
}

// Line tells how the command line stands.
func (t *Terminal) Line() Line {
	var l Line
	for i := range t.echo.keys {
		l.NotEchoed += t.echo.keys[i].n
	}
	at, secret := -1, t.echo.blind
	if y, ok := t.start(); ok {
		l.Shown, at = t.standing(y)
		secret = secret || asksSecret(string(appendRunes(nil, t, t.edit.prompt)))
	}
	if t.on != t.main && !promptLike(t.edit.prompt) {
		l.Shown, secret = nil, true
	}
	if !secret {
		l.Typed = t.echo.apply(bytes.Clone(l.Shown), at)
	}
	return l
}

// standing is the text of the line that begins in row y without what its editor only suggests, and where the cursor stands in
// it.
func (t *Terminal) standing(y int) ([]byte, int) {
	e, col := &t.edit, t.edit.col
	if t.on == t.main && !t.begins(y, e.prompt) { // a search through history stands in the prompt's place
		e.col = 0
		defer func() { e.col = col }()
		if line, ok := searched(t.lineText(nil, y, -1)); ok {
			return line, len(line)
		}
		e.col = col
	}
	here := t.cursor.y * t.cols
	at := len(t.lineText(nil, y, here+t.column()))
	end := -1
	if x := t.suggested(); x < t.cols {
		end = here + x
	}
	text := t.lineText(nil, y, end)
	return text, min(at, len(text))
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

// apply does to a line what the keys do that are not echoed so far, as far as that is plain.
func (e *echo) apply(line []byte, at int) []byte {
	if at < 0 || at > len(line) {
		at = len(line)
	}
	before, after := line[:at:at], bytes.Clone(line[at:])
	for i := range e.keys {
		switch k := &e.keys[i]; {
		case k.kind == char:
			before = utf8.AppendRune(before, k.r)
		case k.kind == newline:
			before = append(before, '\n')
		case k.kind == enter:
			before, after = before[:0], nil
		case k.n == 1:
			before = erase(before, k.raw[0])
		}
	}
	return append(before, after...)
}

// erase does what the line editors' common keys do to the text before the cursor.
func erase(b []byte, c byte) []byte {
	switch c {
	case 0x7f, '\b':
		_, n := utf8.DecodeLastRune(b)
		return b[:len(b)-n]
	case 0x15: // Ctrl-U
		return b[:0]
	case 0x17: // Ctrl-W
		b = bytes.TrimRight(b, " ")
		return b[:bytes.LastIndexByte(b, ' ')+1]
	}
	return b
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

// asked are words of prompts that ask for what must not be seen.
var asked = []string{"password", "passphrase", "passcode", "passwort", "kennwort", "mot de passe", "contraseña", "senha", "wachtwoord",
	"пароль", "密码", "パスワード", "pin", "secret", "token", "verification code", "otp"}

// asksSecret tells whether a prompt asks for a secret.
func asksSecret(prompt string) bool {
	prompt = strings.ToLower(strings.TrimRightFunc(prompt, func(r rune) bool { return unicode.IsSpace(r) }))
	if !strings.HasSuffix(prompt, ":") && !strings.HasSuffix(prompt, "?") && !strings.HasSuffix(prompt, "：") {
		return false
	}
	for _, word := range asked {
		if strings.Contains(prompt, word) {
			return true
		}
	}
	return false
}

func appendRunes(dst []byte, t *Terminal, rs []rune) []byte {
	for _, r := range rs {
		dst = t.marks.append(dst, r)
	}
	return dst
}
