package screen

import "github.com/charmbracelet/x/ansi"

// sgr sets how characters look (ECMA-48, section 8.3.117; ITU-T T.416 for colours).
func (t *Terminal) sgr(p ansi.Params) {
	s := &t.cursor.style
	if len(p) == 0 {
		*s = style{}
	}
	for i := 0; i < len(p); i++ {
		n := p[i].Param(0)
		switch {
		case n == 0:
			*s = style{}
		case n == 4 && p[i].HasMore(): // 4:0 is none, 4:3 is curly
			i++
			s.set(underline, choice(p, i) != 0)
		case n < 30:
			s.attribute(n)
		case n == 38:
			s.fg, i = extended(p, i, s.fg)
		case n == 48:
			s.bg, i = extended(p, i, s.bg)
		case n == 58: // the colour of an underline
			_, i = extended(p, i, 0)
		default:
			s.palette(n)
		}
		for i < len(p) && p[i].HasMore() { // what a colon adds to a number that isn't known
			i++
		}
	}
}

func (s *style) set(a attr, on bool) {
	if on {
		s.attr |= a
	} else {
		s.attr &^= a
	}
}

var attributes = [...]attr{1: bold, 2: faint, 3: italic, 4: underline, 5: blink, 6: blink, 7: inverse, 8: hidden, 9: struck, 21: underline}

func (s *style) attribute(n int) {
	switch {
	case n < len(attributes):
		s.attr |= attributes[n]
	case n == 22:
		s.attr &^= bold | faint
	default: // 23 to 29 put off what 3 to 9 put on; 26 is none of them
		s.attr &^= attributes[min(n-20, 9)]
	}
}

func (s *style) palette(n int) {
	switch {
	case n >= 30 && n <= 37:
		s.fg = indexed | colour(n-30)
	case n == 39:
		s.fg = 0
	case n >= 40 && n <= 47:
		s.bg = indexed | colour(n-40)
	case n == 49:
		s.bg = 0
	case n >= 90 && n <= 97:
		s.fg = indexed | colour(n-90+8)
	case n >= 100 && n <= 107:
		s.bg = indexed | colour(n-100+8)
	}
}

// extended reads 38;5;n and 38;2;r;g;b, with semicolons or with colons; it returns where the last of it stands.
func extended(p ansi.Params, i int, old colour) (colour, int) {
	colon := i < len(p) && p[i].HasMore()
	kind := choice(p, i+1)
	switch kind {
	case 5:
		return indexed | colour(choice(p, i+2)&0xff), i + 2
	case 2:
		at := i + 2
		if colon && at+3 < len(p) && p[at+2].HasMore() { // 38:2:space:r:g:b
			at++
		}
		r, g, b := choice(p, at)&0xff, choice(p, at+1)&0xff, choice(p, at+2)&0xff
		return direct | colour(r<<16|g<<8|b), at + 2
	}
	return old, i + 1
}
