package sqltext

// The parser's own stack is on the heap, but its tree is walked by recursion, by the parser too: a chain is a tree as
// deep as it is long, AND, OR and the tables of a FROM included. A goroutine's stack may grow to 1 GB; past that the
// process dies.
const (
	maxLevels = 10_000   // tokens on one path from the root
	maxLevel2 = 64 << 20 // sum over all tokens of their depth
)

// level is an open bracket or the statement itself.
type level struct {
	segment int  // tokens since the last comma
	refs    bool // commas join tables here
}

// measure returns an error for a text whose tree might be deeper than maxLevels. It counts every token as a level, and so
// never counts too few. A list's items, between commas, begin anew, but for the tables of a FROM.
func (s mstmt) measure() error {
	levels := make([]level, 1, 32)
	above, cost := 0, 0
	for i, t := range s.toks {
		last := len(levels) - 1
		g := &levels[last]
		g.segment++
		depth := above + g.segment
		cost += depth
		if depth > maxLevels || len(levels) > maxLevels {
			return errDeep
		}
		if cost > maxLevel2 {
			return errCostly
		}
		if t.kind == mWord {
			g.refs = s.refs(i, g.refs)
			continue
		}
		if t.kind != mOp || t.end-t.start != 1 {
			continue
		}
		switch s.text[t.start] {
		case '(':
			above = depth
			levels = append(levels, level{refs: g.refs})
		case ')':
			if last > 0 {
				levels = levels[:last]
				above -= levels[last-1].segment
			}
		case ',':
			if !g.refs {
				g.segment = 0
			}
		case ';':
			levels, above = append(levels[:0], level{}), 0
		}
	}
	return nil
}

// refs reports whether commas join tables behind the word at i, where they did so before it or not.
func (s mstmt) refs(i int, before bool) bool {
	switch t := s.toks[i]; t.end - t.start {
	case 3:
		return before && !s.is(i, "set")
	case 4:
		return before || s.any(i, "from", "join")
	case 5:
		return before && !s.any(i, "where", "group", "order") || s.is(i, "using")
	case 6:
		return before && !s.any(i, "select", "having", "values") || s.is(i, "update")
	}
	return before
}
