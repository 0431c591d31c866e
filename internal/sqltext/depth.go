package sqltext

import (
	"bytes"
	"errors"
)

// The grammar's own stack bounds what nests by brackets, but a chain (1+1+1+..., x::int::int::..., a JOIN b JOIN c)
// is a tree as deep as it is long, and the parser hands that tree out by recursion in C: 48,000 bytes of it overflow
// the thread's stack and kill the process; at 8,000 bytes the same code, quadratic in depth, took 50 ms. So texts
// are measured before they are parsed.
const (
	maxDepth = 2000     // tokens on one path from the root; an 8 MiB stack bore 44,000 and broke at 48,000
	maxCost  = 16 << 20 // sum over all tokens of their depth; the worst that passes took 150 to 200 ms on a busy machine
)

var (
	errDeep   = errors.New("it nests too deep or chains too many operators")
	errCostly = errors.New("it is too costly to parse")
)

// group is a bracket, a CASE or the statement itself: a list of segments. A segment is what stands between commas,
// AND and OR, whose lists are flat in the tree; joins and set operations chain across those.
type group struct {
	segment int // tokens since the segment began
	chain   int // joins and set operations in this group
	isCase  bool
}

// measure returns an error for a text whose tree might be deeper than maxDepth. It counts every token as a level,
// and so never counts too few.
func measure(text []byte) error {
	l := lexer{text: text}
	groups := make([]group, 1, 32)
	above, cost := 0, 0 // above: depth of the groups outside the innermost one
	label := false      // after a dot or AS, where a keyword is a name
	for t := l.next(); t.kind != kEOF; t = l.next() {
		g := &groups[len(groups)-1]
		g.segment++
		if t.kind == kOp {
			g.segment += t.end - t.start - 1 // +-+- is four of them
		}
		depth := above + g.segment + g.chain
		cost += depth
		if depth > maxDepth || len(groups) > maxDepth {
			return errDeep
		}
		if cost > maxCost {
			return errCostly
		}
		piece := text[t.start:t.end]
		role := plain
		if !label {
			role = roleOf(piece, t.kind)
		}
		label = t.kind == kPunct && piece[0] == '.' || t.kind == kWord && bytes.EqualFold(piece, []byte("as"))
		switch role {
		case opens, opensCase:
			above = depth
			groups = append(groups, group{isCase: role == opensCase})
		case closes, closesCase:
			if len(groups) > 1 && g.isCase == (role == closesCase) {
				groups = groups[:len(groups)-1]
				outer := groups[len(groups)-1]
				above -= outer.segment + outer.chain
			}
		case splits:
			g.segment = 0
		case splitsCase:
			if g.isCase {
				g.segment = 0
			}
		case chains:
			g.chain++
		case ends:
			groups, above = append(groups[:0], group{}), 0
		}
	}
	return nil
}

// role is what a token means for the depth of the tree.
type role uint8

const (
	plain role = iota
	opens
	closes
	opensCase
	closesCase
	splits
	splitsCase
	chains
	ends
)

func roleOf(t []byte, k kind) role {
	switch k {
	case kPunct:
		switch t[0] {
		case '(', '[':
			return opens
		case ')', ']':
			return closes
		case ',':
			return splits
		case ';':
			return ends
		}
	case kWord:
		if len(t) <= len("intersect") {
			return wordRole(t)
		}
	}
	return plain
}

func wordRole(t []byte) role {
	var low [16]byte
	switch string(lower(low[:0], t)) {
	case "and", "or":
		return splits
	case "when", "then", "else":
		return splitsCase
	case "case":
		return opensCase
	case "end":
		return closesCase
	case "union", "intersect", "except", "join":
		return chains
	}
	return plain
}

// lower appends t to dst with its ASCII letters in lower case.
func lower(dst, t []byte) []byte {
	for _, c := range t {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
