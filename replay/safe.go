package replay

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// What was recorded may hold anything, and a terminal obeys what it is shown: nothing recorded is printed but through
// the functions here.

// unprintable reports whether r could move the cursor, change colours, hide text or turn its direction.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

// appendSafe appends text with all that is unprintable escaped. A backslash stays as it is: what is shown is for
// eyes, the export is for programs. With lines, a newline and a tab pass; a carriage return before a newline is
// dropped.
func appendSafe(dst, text []byte, lines bool) []byte {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case lines && (r == '\n' || r == '\t'):
			dst = append(dst, byte(r))
		case lines && r == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case r == utf8.RuneError && n <= 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[i])
		case !unprintable(r):
			dst = append(dst, text[i:i+n]...)
		default:
			dst = appendEscape(dst, r)
		}
		i += n
	}
	return dst
}

func appendEscape(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r < 0x80:
		return fmt.Appendf(dst, `\x%02x`, r)
	case r < 0x10000:
		return fmt.Appendf(dst, `\u%04x`, r)
	}
	return fmt.Appendf(dst, `\U%08x`, r)
}

// Safe returns text on one line, with all that a terminal would obey escaped.
func Safe(text string) string { return string(appendSafe(nil, []byte(text), false)) }

// Line returns text as one line of at most width characters: white space runs become one space, all that a terminal
// would obey is escaped, and what is cut off ends in "...".
func Line(text []byte, width int) string {
	cut := false
	if limit := 4 * (width + 1); len(text) > 16*limit {
		text, cut = text[:16*limit], true
	}
	var flat []byte
	for i, c := range text {
		if !space(c) {
			flat = append(flat, c)
		} else if len(flat) > 0 && i+1 < len(text) && !space(text[i+1]) {
			flat = append(flat, ' ')
		}
	}
	return clip(string(appendSafe(nil, flat, false)), width, cut)
}

// clip shortens s to width characters, marking the cut.
func clip(s string, width int, cut bool) string {
	if n := utf8.RuneCountInString(s); n <= width && !cut {
		return s
	}
	runes := []rune(s)
	keep := max(min(len(runes), width-3), 0)
	return string(runes[:keep]) + "..."
}
