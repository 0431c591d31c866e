package sqltext

import "errors"

var errBody = errors.New("where the body of a stored program ends can't be told")

// program reads the head of CREATE or ALTER of a stored program: its kind, and where its name stands. "": it is none.
func (s mstmt) program() (kind string, name int) {
	if !s.any(0, "create", "alter") {
		return "", 0
	}
	i := s.pastDefiner(s.pastAll(1, "or", "replace"))
	i = s.past(i, "aggregate")
	switch kind = s.word(i); kind {
	case "procedure", "function", "trigger", "event", "package":
	default:
		return "", 0
	}
	i = s.past(i+1, "body")
	i = s.pastAll(i, "if", "not", "exists")
	return kind, s.pastAll(i, "if", "exists")
}

// pastDefiner returns i behind DEFINER = user.
func (s mstmt) pastDefiner(i int) int {
	if !s.is(i, "definer") || !s.op(i+1, "=") {
		return i
	}
	i += 3
	switch {
	case s.at(i).kind == mVar:
		i++
	case s.op(i, "(") && s.op(i+1, ")"):
		i += 2
	}
	return i
}

// compound reports whether the statement, which a semicolon stands in at end, may go on behind that: a stored program,
// or MariaDB's compound statements outside one.
func (s mstmt) compound(end int) bool {
	head := s.cut(0, end)
	if kind, _ := head.program(); kind != "" {
		return true
	}
	return head.is(0, "begin", "not") || head.any(0, "if", "case", "loop", "repeat", "while", "for", "declare") ||
		head.op(1, ":")
}

// bodyEnd returns where a compound statement ends: at a semicolon, or at the end of the text. It tells that only where
// it is certain. A body that is one plain statement ends at the first semicolon. One in BEGIN and END ends no earlier
// than where END has been met as often as what opens: every END counts, also where it is a name, and of what opens only
// what can be nothing else.
func (s mstmt) bodyEnd() (int, error) {
	body := s.head().body()
	if body < 0 {
		return 0, errBody
	}
	if s.isName(body) && s.op(body+1, ":") {
		body += 2
	}
	switch {
	case s.is(body, "begin"):
		return s.blockEnd(body + 1)
	case s.any(body, "if", "case", "loop", "repeat", "while", "for", "declare"):
		return 0, errBody
	}
	for i := body; i < len(s.toks); i++ {
		if s.op(i, ";") {
			return i, nil
		}
	}
	return len(s.toks), nil
}

// head is the statement up to the first semicolon: no head of a program holds one.
func (s mstmt) head() mstmt {
	for i := range s.toks {
		if s.op(i, ";") {
			return s.cut(0, i)
		}
	}
	return s
}

// body returns where a compound statement's body begins; -1: that can't be told.
func (s mstmt) body() int {
	if s.is(0, "begin", "not", "atomic") {
		return 0
	}
	kind, i := s.program()
	_, _, i, err := s.name(i)
	if err != nil {
		return -1
	}
	switch kind {
	case "procedure":
		return s.characteristics(s.pastBrackets(i))
	case "function":
		i = s.pastBrackets(i)
		if i < 0 || !s.any(i, "returns", "return") {
			return -1
		}
		i = s.find(i+1, "return", "begin", "soname", "if", "case", "loop", "repeat", "while", "for")
		if s.op(i+1, ".") {
			return -1 // a table, in TYPE OF
		}
		return i
	case "trigger":
		if i = s.find(i, "each"); i < 0 || !s.is(i, "each", "row") {
			return -1
		}
		if i += 2; s.any(i, "follows", "precedes") {
			i += 2
		}
		return i
	case "event":
		if i = s.find(i, "do"); i >= 0 {
			return i + 1
		}
	}
	return -1
}

// pastBrackets returns where the brackets that open at i are closed; -1: none open.
func (s mstmt) pastBrackets(i int) int {
	if !s.op(i, "(") {
		return -1
	}
	depth := 0
	for ; i < len(s.toks); i++ {
		switch {
		case s.op(i, "("):
			depth++
		case s.op(i, ")"):
			depth--
		}
		if depth == 0 {
			return i + 1
		}
	}
	return -1
}

// characteristics returns i behind what a procedure may say of itself before its body.
func (s mstmt) characteristics(i int) int {
	for i >= 0 {
		switch {
		case s.is(i, "comment") && s.at(i+1).kind == mString:
			i += 2
		case s.is(i, "language", "sql"), s.is(i, "no", "sql"), s.is(i, "contains", "sql"), s.is(i, "not", "deterministic"):
			i += 2
		case s.is(i, "reads", "sql", "data"), s.is(i, "modifies", "sql", "data"):
			i += 3
		case s.is(i, "sql", "security") && s.any(i+2, "definer", "invoker"):
			i += 3
		case s.is(i, "deterministic"):
			i++
		default:
			return i
		}
	}
	return -1
}

// blockEnd returns where the block ends that was opened before i.
func (s mstmt) blockEnd(i int) (int, error) {
	depth := 1
	for ; i < len(s.toks); i++ {
		switch {
		case s.is(i, "end") && s.any(i+1, "if", "loop", "repeat", "while"):
			i++ // reserved words all: this END is of none that is counted
			continue
		case s.is(i, "end"):
			depth--
			i = s.past(i+1, "case") - 1
		case s.is(i, "case"), s.is(i, "begin") && s.opens(i):
			depth++
		}
		if depth > 0 {
			continue
		}
		i++
		if s.isName(i) {
			i++ // a label
		}
		if rest := s.from(i + 1); i < len(s.toks) && (!s.op(i, ";") || len(rest.toks) > 0) {
			return 0, errBody
		}
		return min(i, len(s.toks)), nil
	}
	return 0, errBody
}

// opens reports whether a BEGIN can be nothing but a block's: it begins a statement, or is that of a handler.
func (s mstmt) opens(i int) bool {
	if s.op(i+1, ":") {
		return false // a label
	}
	if s.op(i-1, ";") || s.op(i-1, ":") {
		return true
	}
	if s.op(i-1, ",") || s.is(i-1, "for") {
		return false // a condition's name
	}
	for j := i - 1; j > 2; j-- {
		switch {
		case s.is(j, "for"):
			return s.is(j-1, "handler") && s.any(j-2, "exit", "continue", "undo") && s.is(j-3, "declare")
		case s.isName(j), s.op(j, ","), s.at(j).kind == mString, s.at(j).kind == mNumber:
		default:
			return false
		}
	}
	return false
}
