package sqltext

import "bytes"

// row finds the values that a list of columns announces: INSERT INTO users (name, password) VALUES ('bob', '...'),
// (name, password) = ('bob', '...'), or with IN. It follows tokens and counts commas.
type row struct {
	depth  int    // of brackets
	place  int    // in the list that is open
	names  uint64 // places in the list of names, at this depth, that hold the name of a secret; the last bit: and all after
	listed int    // depth of that list

	columns  uint64 // of the list of names that was closed last
	values   bool   // values of that list follow
	base     int    // depth at which they are; 0: not seen yet
	compared bool   // the list is compared with what follows: lower(password) = '...'
	single   bool   // this token is what it is compared with
	all      bool   // INSERT ... SELECT: its places aren't counted, every literal counts
}

// bit is the place in a set of places.
func bit(place int) uint64 { return 1 << min(place, 63) }

// secret reports whether a literal here is in the place of a secret.
func (r *row) secret() bool {
	return r.all || r.single || r.values && r.base > 0 && r.depth >= r.base && r.columns&bit(r.place) != 0
}

// follow takes the next token.
func (r *row) follow(k kind, piece []byte) {
	compared := r.compared
	r.compared, r.single = false, false
	if k == kPunct && piece[0] == '(' {
		r.open()
		return
	}
	if r.values && r.base == 0 && r.depth > 0 {
		r.base = r.depth
	}
	switch k {
	case kPunct:
		r.punct(piece[0])
	case kWord, kIdent:
		r.word(k, piece)
	case kOp:
		if r.columns != 0 && !r.values {
			r.values, r.base, r.compared = true, 0, true
			r.depth = 0
		}
	default:
		if compared {
			r.forget()
			r.single = true
		}
	}
}

func (r *row) open() {
	r.depth++
	if r.values && r.base > 0 && r.depth > r.base {
		return // a call or a query in a value
	}
	r.place = 0
	if !r.values {
		r.names, r.listed, r.columns = 0, r.depth, 0
	}
}

func (r *row) punct(c byte) {
	switch {
	case c == ',' && (r.base > 0 && r.depth == r.base || !r.values && r.depth == r.listed):
		r.place++
	case c == ')':
		r.close()
	case c == ';':
		*r = row{}
	case c != ',' && c != '.' && !r.values:
		r.columns = 0
	}
}

func (r *row) close() {
	if !r.values && r.depth == r.listed && r.depth > 0 {
		r.columns = r.names
		r.names = 0
	}
	if r.depth--; r.depth < 0 {
		r.depth = 0
		r.forget()
	}
}

func (r *row) word(k kind, piece []byte) {
	switch {
	case r.all:
	case r.values:
		if r.depth == 0 && !isWord(k, piece, "row", "any", "all", "in") {
			r.forget()
		}
	case hasSecretWord(piece):
		if r.depth > 0 && r.depth == r.listed {
			r.names |= bit(r.place)
		}
		r.columns = 0
	case r.columns == 0:
	case isWord(k, piece, "values", "in"):
		r.values, r.base, r.depth = true, 0, 0
	case isWord(k, piece, "select"):
		r.all = true
	case isWord(k, piece, "overriding", "system", "user", "value", "not"):
	default:
		r.columns = 0
	}
}

// forget begins anew but for the depth.
func (r *row) forget() { *r = row{depth: r.depth} }

func isWord(k kind, piece []byte, words ...string) bool {
	for _, w := range words {
		if k == kWord && len(piece) == len(w) && equalFold(piece, w) {
			return true
		}
	}
	return false
}

// escaped reports whether a literal with escapes, E'pass\x77ord=...' or U&'...', holds a secret when they are read.
func escaped(piece []byte) bool {
	if len(piece) < 3 || piece[0] == '\'' || piece[0] == '$' || bytes.IndexByte(piece, '\\') < 0 {
		return false
	}
	return holdsSecret(unescape(nil, piece))
}

// unescape appends p to dst with the escapes of one byte read: \x77, \167, \u0077, \U00000077 and, of U&'...', \0077 and
// \+000077.
func unescape(dst, p []byte) []byte {
	unicode := len(p) > 1 && p[1] == '&'
	for i := 0; i < len(p); {
		if p[i] != '\\' || i+1 == len(p) {
			dst = append(dst, p[i])
			i++
			continue
		}
		from, base, digits := i+2, 16, 0
		switch c := p[i+1]; {
		case unicode && c == '+':
			digits = 6
		case unicode:
			from, digits = i+1, 4
		case c == 'x':
			digits = 2
		case c == 'u':
			digits = 4
		case c == 'U':
			digits = 8
		case c >= '0' && c <= '7':
			from, base, digits = i+1, 8, 3
		}
		n, value := 0, 0
		for ; n < digits && from+n < len(p); n++ {
			d := bytes.IndexByte([]byte("0123456789abcdef"), lowerByte(p[from+n]))
			if d < 0 || d >= base {
				break
			}
			value = value*base + d
		}
		if n == 0 {
			dst = append(dst, p[i+1])
			i += 2
			continue
		}
		dst = append(dst, byte(min(value, 0x7f)))
		i = from + n
	}
	return dst
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}
