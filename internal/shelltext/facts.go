// Package shelltext tells what a command line does from its text alone: which programs it runs, which files it redirects from
// and to, and whether it was understood at all. It never guesses: code that it can't read (eval of a variable, a name that an
// expansion makes, a shell that reads its input) makes the whole line one that was not understood. DESIGN.md beside this
// file says what is looked into and what isn't.
package shelltext

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// Facts is what a command line does. It is made once and never changed.
type Facts struct {
	// Understood is false when the line, or a piece of it, could not be read, or runs code that can't be: then the rest is
	// what of it was told.
	Understood bool
	Why        string // why it was not; empty when it was

	Programs []string // that it runs, in any branch: as written and, where that has a folder, without it; sorted
	Words    []string // that stand in it whole, without quotes; sorted
	Files    []File   // that it redirects from and to, and that programs known for it carry
	Masked   []byte   // the line with its secrets as ***; nil: there are none
}

// File is one that a command line reads or writes by what can be seen in it.
type File struct {
	Path  string // without quotes; relative to the home folder. Empty: it can't be told
	Write bool
	All   bool // with what is below it
}

// Limits of what is read.
const (
	maxLine  = 64 << 10 // 64 KiB: a longer line is not parsed
	maxDepth = 64       // of brackets
	maxNest  = 8        // command lines within command lines
	maxFiles = 64
	maxWords = 4096
)

// Read reads a command line as bash and as a POSIX shell would: it is not known which of them the account has, so the line does
// what it would do in either.
func Read(line string) *Facts {
	r := reader{facts: Facts{Understood: true, Masked: Mask(line)}}
	if fileServer.MatchString(line) {
		r.program(line)
	} else {
		r.line(line)
	}
	f := &r.facts
	f.Programs, f.Words = sorted(f.Programs), sorted(f.Words)
	if len(f.Words) > maxWords || len(f.Files) > maxFiles {
		r.unsure("it is too long a list of words or files")
		f.Words, f.Files = f.Words[:min(len(f.Words), maxWords)], f.Files[:min(len(f.Files), maxFiles)]
	}
	return f
}

// fileServer is SFTP's far end as one plain command: its requests are asked about one by one. As a part of more they are not.
var fileServer = regexp.MustCompile(`^(?:/(?:usr/|usr/local/)?(?:bin|lib|libexec)/(?:[a-z0-9-]+/)*)?sftp-server$`)

// Unread makes the Facts of a line that was not read.
func Unread(why string) *Facts { return &Facts{Why: why} }

// reader gathers the facts of a line and of all lines within it.
type reader struct {
	facts Facts
	nest  int
	seen  map[string]bool // lines that were read: a line within a line is met once by each grammar
	moved bool            // the folder that it runs in is another by now: a relative path can't be told
}

// unsure notes why the line isn't understood; the first reason stays.
func (r *reader) unsure(why string) {
	if r.facts.Understood {
		r.facts.Understood, r.facts.Why = false, why
	}
}

// line reads one line, of the whole or of what a program is given to run.
func (r *reader) line(text string) {
	if why := unreadable(text); why != "" {
		r.unsure(why)
		return
	}
	if r.seen[text] {
		return
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[text] = true
	if r.nest++; r.nest > maxNest {
		r.unsure("command lines within command lines, too deep")
	} else {
		r.parse(text)
	}
	r.nest--
}

func (r *reader) parse(text string) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		r.unsure("it is no shell's syntax: " + syntaxError(err))
	}
	if file != nil {
		r.statements(file.Stmts)
	}
	// dash runs what stands before a mistake, and takes (( and [[ for what they are not.
	for stmt, err := range syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).StmtsSeq(strings.NewReader(text)) {
		if err != nil || stmt == nil {
			return
		}
		r.statements([]*syntax.Stmt{stmt})
	}
}

// syntaxError is a mistake without what the line says: it may be a secret.
func syntaxError(err error) string {
	switch e := err.(type) {
	case syntax.ParseError:
		return fmt.Sprintf("line %d, column %d", e.Pos.Line(), e.Pos.Col())
	case syntax.LangError:
		return fmt.Sprintf("line %d, column %d", e.Pos.Line(), e.Pos.Col())
	}
	return "it does not parse"
}

// unreadable says why a line can't be given to the parser; empty: it can.
func unreadable(text string) string {
	if len(text) > maxLine {
		return fmt.Sprintf("it is longer than %d bytes", maxLine)
	}
	if !utf8.ValidString(text) {
		return "it is not UTF-8"
	}
	if strings.Contains(text, "\\\n") && strings.Contains(text, "#") {
		return "a comment may end in a backslash" // which goes on to the next line to the parser, and not to a shell
	}
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' && c != '\t' && c != '\n', c == 0x7f: // a server cuts it at a zero byte, the parser passes it over
			return "it holds a control character"
		case c == '(' || c == '{':
			if depth++; depth > maxDepth {
				return "its brackets are too deep"
			}
		case (c == ')' || c == '}') && depth > 0:
			depth--
		}
	}
	return ""
}

// Hint says what to do about a line that was not understood; empty: it was.
func (f *Facts) Hint() string {
	if f.Understood {
		return ""
	}
	return "write the commands themselves, one by one, without eval, without variables in place of programs, and not into a shell's input"
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
