package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Problem is one mistake in a configuration file.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0: the file as a whole
	Message      string // lower case, one line
	Source       string // the line as it stands in the file, without what may be a secret
	Hint         string // what to do; may be empty
}

// Problems are all the mistakes that one reading found, by line. It is the error of Load.
type Problems []Problem

// maxProblems shown: what follows the first few is often their consequence.
const maxProblems = 10

func (p Problems) Error() string {
	shown := make([]string, 0, len(p))
	for i, one := range p {
		if i == maxProblems {
			shown = append(shown, fmt.Sprintf("and %d more", len(p)-i))
			break
		}
		shown = append(shown, one.String())
	}
	return strings.Join(shown, "\n")
}

// String shows the place, the message, the source line with a caret, and the hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.Message)
	if p.Line > 0 && p.Source != "" {
		number := strconv.Itoa(p.Line)
		fmt.Fprintf(&b, "\n  %s | %s", number, p.Source)
		fmt.Fprintf(&b, "\n  %s | %s^", strings.Repeat(" ", len(number)), indentTo(p.Source, p.Column))
	}
	if p.Hint != "" {
		b.WriteString("\n  " + p.Hint)
	}
	return b.String()
}

// indentTo is as wide as source before column; tabs stay tabs so that a terminal puts the caret right.
func indentTo(source string, column int) string {
	var b strings.Builder
	for i, r := range []rune(source) {
		switch {
		case i >= column-1:
			return b.String()
		case r == '\t':
			b.WriteByte('\t')
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return p
}

// secretKey matches keys whose value nobody should have written into this file.
var secretKey = regexp.MustCompile(`(?i)(pass(word|wd|phrase)?|pwd|token|credential|private_?key|secret_?key|api_?key)s?$`)

// secretLine finds a secret's key in a source line, and addressSecret a password in an address.
var (
	secretLine    = regexp.MustCompile(`(?i)((?:pass(?:word|wd|phrase)?|pwd|token|credential|secret_?key|private_?key|api_?key)s?["']?\s*[:=]\s*)\S.*`)
	addressSecret = regexp.MustCompile(`:[^\s:]+@`)
	privateKey    = regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----).*`)
)

// showable is a source line fit for an error message: whole, but for what looks like a secret.
func showable(line string) string {
	const longest = 200 // runes
	line = secretLine.ReplaceAllString(strings.TrimRight(line, "\r"), "${1}***")
	line = addressSecret.ReplaceAllString(line, ":***@")
	line = privateKey.ReplaceAllString(line, "${1}***")
	if runes := []rune(line); len(runes) > longest {
		line = string(runes[:longest]) + "..."
	}
	return strings.Map(func(r rune) rune {
		if r != '\t' && !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, line)
}

// nearest returns the candidate that word was probably meant to be, or "".
func nearest(word string, candidates []string) string {
	best, bestAt := "", len(word)/3+2 // a third of the letters may be wrong
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < bestAt {
			best, bestAt = c, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			corner, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, corner+cost)
		}
	}
	return row[len(b)]
}
