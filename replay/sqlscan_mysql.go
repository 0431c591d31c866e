package replay

import "strings"

// What SQL text consists of, as MySQL's and MariaDB's lexers and their client's read it (MySQL's manual, section 11.1, "Literal
// Values", and 11.7, "Comments"): enough to find parameters, and to write nothing that reads as something else.

// quoting is what of sql_mode decides where strings and names end.
type quoting struct {
	ansi  bool // ANSI_QUOTES: "a" is a name
	plain bool // NO_BACKSLASH_ESCAPES
	known bool // false: nobody said which it was
}

// scanMySQL cuts text into pieces; put together they are text. why is not empty where it can't be cut in one way only, or
// where the client would take something for a command of its own.
func scanMySQL(text string, q quoting) (pieces []piece, why string) {
	s := myScanner{text: text, quoting: q}
	for s.pos < len(text) && s.why == "" {
		s.next()
	}
	if s.code > 0 && s.why == "" {
		s.why = notClosed
	}
	s.cut(bare, len(text))
	return s.pieces, s.why
}

const (
	notClosed = "something in it is not closed"
	zeroByte  = "a zero byte stands in it"
)

// myScanner is a scan under way.
type myScanner struct {
	quoting
	text   string
	pos    int // what is before it was seen
	start  int // of what is bare
	code   int // how deep in comments that are code to some servers
	pieces []piece
	why    string
}

// cut ends what is bare at pos, and makes what is between pos and end a piece.
func (s *myScanner) cut(kind pieceKind, end int) {
	if kind == bare {
		s.pos = end
	}
	if s.pos > s.start {
		s.pieces = append(s.pieces, piece{bare, s.text[s.start:s.pos]})
	}
	if kind != bare {
		s.pieces = append(s.pieces, piece{kind, s.text[s.pos:end]})
	}
	s.pos, s.start = end, end
}

func (s *myScanner) next() {
	rest := s.text[s.pos:]
	switch c := rest[0]; {
	case nameStart(c) || digit(c) || c == '$':
		for s.pos < len(s.text) && (nameStart(s.text[s.pos]) || digit(s.text[s.pos]) || s.text[s.pos] == '$') {
			s.pos++
		}
	case c == '\'':
		s.quoted(plainString, c, !s.plain)
	case c == '"' && !s.ansi:
		s.quoted(plainString, c, !s.plain)
	case c == '"' || c == '`':
		s.quoted(quotedName, c, false)
	case c == '#' || strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' ' || rest[2] == 0x7f):
		s.line(rest)
	case strings.HasPrefix(rest, "/*"):
		s.comment(rest)
	case strings.HasPrefix(rest, "*/") && s.code > 0:
		s.code--
		s.pos += len("*/")
	case c == '?' && s.code > 0:
		s.why = "a parameter stands in a comment that is code to some servers"
	case c == '?':
		s.cut(parameter, s.pos+1)
	case c == 0:
		s.why = zeroByte
	case c == '\\':
		s.why = "a backslash stands outside quotes"
	default:
		s.pos++
	}
}

// line reads a comment up to the line's end. A zero byte would end it for the server, and not for the client.
func (s *myScanner) line(rest string) {
	end := strings.IndexByte(rest, '\n')
	if end < 0 {
		end = len(rest)
	}
	if strings.IndexByte(rest[:end], 0) >= 0 {
		s.why = zeroByte
		return
	}
	s.cut(lineComment, s.pos+len(strings.TrimSuffix(rest[:end], "\r")))
}

// comment reads a comment, or the beginning of one that is code: /*! and /*M! with or without a version.
func (s *myScanner) comment(rest string) {
	if strings.HasPrefix(rest, "/*!") || strings.HasPrefix(rest, "/*M!") {
		s.code++
		s.pos += len("/*!")
		return
	}
	end := strings.Index(rest[2:], "*/")
	switch {
	case end < 0:
		s.why = notClosed
		return
	case strings.IndexByte(rest[:2+end], 0) >= 0:
		s.why = zeroByte
		return
	}
	s.cut(blockComment, s.pos+2+end+2)
}

// quoted reads what ends with the quote that it begins with. The quote twice is one within.
func (s *myScanner) quoted(kind pieceKind, quote byte, escapes bool) {
	slash := false
	for i := s.pos + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == 0:
			s.why = zeroByte
			return
		case c == '\\' && escapes:
			slash = true
			i++
		case c == '\\':
			slash = true
		case c != quote:
		case i+1 < len(s.text) && s.text[i+1] == quote:
			i++
		default:
			s.backslash(slash, quote, kind)
			s.cut(kind, i+1)
			return
		}
	}
	s.why = notClosed
}

// backslash refuses one whose meaning isn't known, or that the client reads otherwise than the server.
func (s *myScanner) backslash(is bool, quote byte, kind pieceKind) {
	switch {
	case !is || quote == '`':
	case !s.known:
		s.why = "which sql_mode it was read with, which its backslashes depend on, is not in the record"
	case kind == quotedName:
		s.why = "a backslash stands in a name between double quotes"
	}
}

// unquote is what a string holds; text is the string with its quotes.
func (q quoting) unquote(text string) string {
	quote, inner := text[0], text[1:len(text)-1]
	b := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == quote:
			i++
			b = append(b, c)
		case c == '\\' && !q.plain && i+1 < len(inner):
			i++
			b = appendUnescaped(b, inner[i])
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// appendUnescaped appends what a backslash before c means (table 11.1, "Special Character Escape Sequences").
func appendUnescaped(b []byte, c byte) []byte {
	if at := strings.IndexByte("0bnrtZ", c); at >= 0 {
		return append(b, "\x00\b\n\r\t\x1a"[at])
	}
	if c == '%' || c == '_' {
		b = append(b, '\\')
	}
	return append(b, c)
}
