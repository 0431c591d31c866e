package replay

import (
	"errors"
	"regexp"
	"regexp/syntax"

	"github.com/gatefold/gatefold/internal/record"
)

// maxRegex bounds a regular expression in bytes. Go's run in time linear in the text, and refuse those whose repeats would
// make them large.
const maxRegex = 1 << 10 // 1 KiB

// compile reads a regular expression in Go's syntax. why is empty when it could.
func compile(s string) (re *regexp.Regexp, why string) {
	if s == "" {
		return nil, "there is nothing between the slashes"
	}
	if len(s) > maxRegex {
		return nil, "this regular expression is longer than 1 KiB"
	}
	re, err := regexp.Compile(s)
	var fault *syntax.Error
	switch {
	case errors.As(err, &fault):
		return nil, "this is no regular expression: " + string(fault.Code) + ": " + fault.Expr
	case err != nil:
		return nil, "this is no regular expression: " + err.Error()
	}
	return re, ""
}

// matches reports whether what r says fits: its text, a parameter or its message.
func matches(re *regexp.Regexp, r *record.Record) bool {
	if len(r.Text) > 0 && re.Match(r.Text) || len(r.Message) > 0 && re.Match(r.Message) {
		return true
	}
	for i := range r.Params {
		if p := &r.Params[i]; len(p.Value) > 0 && re.Match(said(p)) {
			return true
		}
	}
	return false
}

// requiredWords are words, folded, that stand whole in all that re can match. It gives what it sees easily: those within
// pieces of text that must follow one another. A letter that stands for its other case is left to the matcher: Unicode's
// folding is not the filters'.
func requiredWords(re *regexp.Regexp) [][]byte {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	n := &record.Narrow{}
	literals(tree.Simplify(), n)
	return n.Words
}

// literals adds the words within the literals that re must match.
func literals(re *syntax.Regexp, n *record.Narrow) {
	switch re.Op {
	case syntax.OpCapture, syntax.OpConcat, syntax.OpPlus:
		for _, sub := range re.Sub {
			literals(sub, n)
		}
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return
		}
		for _, r := range re.Rune {
			if r >= 0x80 { // it may stand for a byte that is no text
				return
			}
		}
		inner(n, value{text: fold(string(re.Rune))})
	}
}
