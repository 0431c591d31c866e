package screen

import "unicode/utf8"

// key is one thing that was typed.
type key struct {
	kind keyKind
	r    rune    // char: which
	raw  [8]byte // control: its bytes, where there are no more
	n    int     // how many bytes it took
	of   uint64  // the read that it came in
	at   int64   // when
}

type keyKind uint8

const (
	char    keyKind = iota
	control         // a control character or a sequence; nothing of it is ever echoed as it is
	enter           // it ends a line
	newline         // a line's end in a bracketed paste: text to the program
)

// keyboard cuts what is typed into keys. Whatever it is amidst of, a line's end is always one: what hides an Enter from it
// would hide a command.
type keyboard struct {
	state keyState
	raw   [64]byte // the sequence or character under way
	n     int
	paste bool // within a bracketed paste
}

type keyState uint8

const (
	plainKey keyState = iota
	escKey            // ESC
	csiKey            // ESC [
	ss3Key            // ESC O
	textKey           // ESC ] or ESC P: what a terminal answers
	runeKey           // within a character
)

// next takes one byte. done says that a key has ended with it; rest, that the byte is not of that key and must be given again.
func (k *keyboard) next(c byte) (key key, done, rest bool) {
	if c < ' ' && c != 0x1b && k.state != plainKey && !(k.state == textKey && c == 7) {
		return k.finish(control), true, true
	}
	if k.n == len(k.raw) {
		return k.finish(control), true, true
	}
	switch k.state {
	case plainKey:
		return k.plain(c)
	case escKey:
		return k.escape(c)
	case csiKey:
		k.add(c)
		return k.endIf(c >= '@' && c <= '~')
	case ss3Key:
		k.add(c)
		if c == 'M' { // Enter on the keypad
			return k.finish(k.lineEnd()), true, false
		}
		return k.endIf(true)
	case textKey:
		if c == 0x1b {
			return k.finish(control), true, true
		}
		k.add(c)
		return k.endIf(c == 7)
	}
	return k.character(c)
}

func (k *keyboard) add(c byte) { k.raw[k.n], k.n = c, k.n+1 }

func (k *keyboard) endIf(end bool) (key, bool, bool) {
	if !end {
		return key{}, false, false
	}
	return k.finish(control), true, false
}

func (k *keyboard) plain(c byte) (key, bool, bool) {
	k.add(c)
	switch {
	case c == 0x1b:
		k.state = escKey
		return key{}, false, false
	case c == '\r' || c == '\n' || c == operate:
		return k.finish(k.lineEnd()), true, false
	case c < ' ' || c == 0x7f:
		return k.finish(control), true, false
	case c < 0x80:
		return k.finish(char), true, false
	}
	k.state = runeKey
	return key{}, false, false
}

// operate is Ctrl-O, which in readline runs a line as Enter does.
const operate = 0x0f

func (k *keyboard) lineEnd() keyKind {
	if k.paste {
		return newline
	}
	return enter
}

func (k *keyboard) escape(c byte) (key, bool, bool) {
	switch c {
	case 0x1b:
		return k.finish(control), true, true
	case '[':
		k.state = csiKey
	case 'O':
		k.state = ss3Key
	case ']', 'P':
		k.state = textKey
	default: // Alt and a key
		k.add(c)
		return k.finish(control), true, false
	}
	k.add(c)
	return key{}, false, false
}

func (k *keyboard) character(c byte) (key, bool, bool) {
	if utf8.RuneStart(c) {
		return k.finish(control), true, true
	}
	k.add(c)
	if !utf8.FullRune(k.raw[:k.n]) {
		return key{}, false, false
	}
	r, _ := utf8.DecodeRune(k.raw[:k.n])
	if r == utf8.RuneError {
		return k.finish(control), true, false
	}
	key := k.finish(char)
	key.r = r
	return key, true, false
}

// finish makes a key of what is held and forgets that.
func (k *keyboard) finish(kind keyKind) key {
	out := key{kind: kind, n: k.n}
	if k.state == csiKey {
		switch string(k.raw[:k.n]) {
		case "\x1b[200~":
			k.paste = true
		case "\x1b[201~":
			k.paste = false
		}
	}
	switch {
	case kind == char:
		out.r = rune(k.raw[0])
	case k.n <= len(out.raw) && (k.state == plainKey || k.state == csiKey || k.state == ss3Key):
		copy(out.raw[:], k.raw[:k.n])
	}
	clear(k.raw[:k.n])
	k.n, k.state = 0, plainKey
	return out
}

// lone gives what is held of an ESC that was a key of its own: terminals send a sequence in one piece.
func (k *keyboard) lone() (key, bool) {
	if k.state != escKey {
		return key{}, false
	}
	return k.finish(control), true
}

// Next tells how b goes on: so many bytes of keys, and behind them so many of an Enter; 0 of the latter where there is none
// in b. What is a line's end within a paste counts as one here: whether the program takes it for one is its own affair.
func (t *Terminal) Next(b []byte) (keys, enter int) {
	for i, c := range b {
		switch {
		case c == '\r' || c == '\n' || c == operate:
			return i, 1
		case c != 'M':
		case i == 0 && t.keys.state == ss3Key:
			return 0, 1
		case i == 1 && t.keys.state == escKey && b[0] == 'O':
			return 0, 2
		case i > 1 && b[i-1] == 'O' && b[i-2] == 0x1b:
			return i - 2, 3
		}
	}
	return len(b), 0
}
