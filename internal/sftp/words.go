package sftp

import "strings"

// word is one of a command line.
type word struct {
	text    string
	tilde   bool // it begins with a "~" that a shell replaces
	expands bool // it holds something that a shell would replace
	pattern bool // and that is only the pattern of a file's name
}

// runs reports whether a shell may run something, or read a variable, to make w.
func (w word) runs() bool { return w.expands && !w.pattern }

const (
	plain    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-=~"
	patterns = "*?[]"
	expanded = "${}`" // replaced by something, or several, that only a shell knows
)

// split takes a line apart into its words (POSIX shell, section 2.2). false: it is more than one plain command, or something
// that shells read in different ways.
func split(line string) (words []word, ok bool) {
	var w word
	var b strings.Builder
	in := false // a word
	end := func() {
		if in {
			w.text = b.String()
			words = append(words, w)
		}
		w, in = word{}, false
		b.Reset()
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, false
		}
		switch {
		case c == ' ' || c == '\t':
			end()
			continue
		case c == '\'':
			n := strings.IndexByte(line[i+1:], '\'')
			if n < 0 || strings.ContainsFunc(line[i+1:i+1+n], control) {
				return nil, false
			}
			b.WriteString(line[i+1 : i+1+n])
			i += n + 1
		case c == '"':
			n := quoted(line[i+1:], &w, &b)
			if n < 0 {
				return nil, false
			}
			i += n
		case c == '\\':
			if i++; i == len(line) || control(rune(line[i])) {
				return nil, false
			}
			b.WriteByte(line[i])
		case strings.IndexByte(expanded, c) >= 0:
			w.expands, w.pattern = true, false
			b.WriteByte(c)
		case strings.IndexByte(patterns, c) >= 0:
			w.pattern = w.pattern || !w.expands
			w.expands = true
			b.WriteByte(c)
		case c >= 0x80 || strings.IndexByte(plain, c) >= 0:
			if w.tilde = w.tilde || !in && c == '~'; !in && c == '=' { // zsh: =program is its path
				return nil, false
			}
			b.WriteByte(c)
		default:
			return nil, false
		}
		in = true
	}
	end()
	return words, true
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// quoted reads what is between double quotes and returns how much that is, with the closing one. -1: there is none.
func quoted(s string, w *word, b *strings.Builder) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case control(rune(c)):
			return -1
		case c == '$' || c == '`':
			w.expands, w.pattern = true, false
			b.WriteByte(c)
		case c == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\", s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case c == '!': // a shell with history replaces it
			return -1
		default:
			b.WriteByte(c)
		}
	}
	return -1
}
