package replay

import "strings"

// What SQL text consists of, as PostgreSQL's own lexer and psql's read it (sections 4.1.1 and 4.1.2) with
// standard_conforming_strings on: enough to find parameters, and to write nothing that reads as something else.

// pieceKind is what a piece of SQL is.
type pieceKind uint8

const (
	bare         pieceKind = iota // words, numbers, operators, white space
	parameter                     // $1
	plainString                   // '...'
	escapeString                  // E'...'
	otherString                   // B'...' X'...' N'...' U&'...', and a string that goes on in a second line's
	dollarString                  // $tag$...$tag$
	quotedName                    // "...", U&"..."
	lineComment                   // without its end
	blockComment
)

type piece struct {
	kind pieceKind
	text string
}

// scanSQL cuts text into pieces; put together they are text. not ok: something in it isn't closed, or a backslash stands
// where psql would take it for a command of its own.
func scanSQL(text string) (pieces []piece, ok bool) {
	start := 0 // of what is bare
	for pos := 0; pos < len(text); {
		kind, end := nextPiece(text, pos)
		if end < 0 {
			return nil, false
		}
		if kind == bare {
			pos = end
			continue
		}
		if pos > start {
			pieces = append(pieces, piece{bare, text[start:pos]})
		}
		pieces = append(pieces, piece{kind, text[pos:end]})
		pos, start = end, end
	}
	if start < len(text) {
		pieces = append(pieces, piece{bare, text[start:]})
	}
	return pieces, true
}

// nextPiece is what begins at pos, and where it ends; -1: nowhere.
func nextPiece(text string, pos int) (pieceKind, int) {
	rest := text[pos:]
	switch c := rest[0]; {
	case nameStart(c):
		return prefixed(text, pos)
	case c == '\'':
		return quoted(text, pos, plainString)
	case c == '"':
		return quotedName, closing(text, pos+1, '"', false)
	case c == '$':
		return dollar(text, pos)
	case strings.HasPrefix(rest, "--"):
		if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
			return lineComment, pos + end
		}
		return lineComment, len(text)
	case strings.HasPrefix(rest, "/*"):
		return blockComment, closeComment(text, pos)
	case c == '\\' || c == 0:
		return bare, -1
	}
	return bare, pos + 1
}

// prefixed reads a name, which may be the letter before a string.
func prefixed(text string, pos int) (pieceKind, int) {
	end := pos + 1
	for end < len(text) && (nameStart(text[end]) || digit(text[end]) || text[end] == '$') {
		end++
	}
	name, rest := strings.ToUpper(text[pos:end]), text[end:]
	switch {
	case name == "U" && strings.HasPrefix(rest, `&"`):
		return quotedName, closing(text, end+2, '"', false)
	case name == "U" && strings.HasPrefix(rest, "&'"):
		return quoted(text, end+1, otherString)
	case !strings.HasPrefix(rest, "'"):
		return bare, end
	case name == "E":
		return quoted(text, end, escapeString)
	case name == "B" || name == "X" || name == "N":
		return quoted(text, end, otherString)
	}
	return bare, end
}

// quoted reads a string whose quote opens at open, with those that go on with it behind a line's end.
func quoted(text string, open int, kind pieceKind) (pieceKind, int) {
	end := closing(text, open+1, '\'', kind == escapeString)
	escapes := kind == escapeString
	for end >= 0 {
		next, goesOn := continued(text, end)
		if !goesOn {
			break
		}
		kind = otherString
		end = closing(text, next+1, '\'', escapes)
	}
	return kind, end
}

// continued finds the quote at which a string goes on: behind white space and comments with a line's end among them.
func continued(text string, pos int) (quote int, ok bool) {
	line := false
	for pos < len(text) {
		switch c := text[pos]; {
		case c == '\n' || c == '\r':
			line = true
			pos++
		case c == ' ' || c == '\t' || c == '\f' || c == '\v':
			pos++
		case strings.HasPrefix(text[pos:], "--"):
			end := strings.IndexAny(text[pos:], "\r\n")
			if end < 0 {
				return 0, false
			}
			pos += end
		default:
			return pos, line && c == '\''
		}
	}
	return 0, false
}

// closing is behind the quote that closes what began before pos; -1: none does. A quote twice is one within.
func closing(text string, pos int, quote byte, escapes bool) int {
	for ; pos < len(text); pos++ {
		switch c := text[pos]; {
		case c == 0:
			return -1
		case escapes && c == '\\':
			pos++
		case c != quote:
		case pos+1 < len(text) && text[pos+1] == quote:
			pos++
		default:
			return pos + 1
		}
	}
	return -1
}

// dollar reads what a dollar sign begins.
func dollar(text string, pos int) (pieceKind, int) {
	end := pos + 1
	for end < len(text) && digit(text[end]) {
		end++
	}
	if end > pos+1 {
		return parameter, end
	}
	for end < len(text) && (nameStart(text[end]) || end > pos+1 && digit(text[end])) {
		end++
	}
	if end == len(text) || text[end] != '$' {
		return bare, pos + 1
	}
	tag := text[pos : end+1]
	at := strings.Index(text[end+1:], tag)
	if at < 0 || strings.IndexByte(text[end+1:end+1+at], 0) >= 0 {
		return dollarString, -1
	}
	return dollarString, end + 1 + at + len(tag)
}

// closeComment is behind the end of a comment that may hold others; -1: it has none.
func closeComment(text string, pos int) int {
	for depth := 0; pos < len(text); {
		switch rest := text[pos:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			pos += 2
		case strings.HasPrefix(rest, "*/"):
			pos += 2
			if depth--; depth == 0 {
				return pos
			}
		default:
			pos++
		}
	}
	return -1
}

func nameStart(c byte) bool { return letter(c) || c >= 0x80 }
func digit(c byte) bool     { return '0' <= c && c <= '9' }
