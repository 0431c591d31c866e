package shelltext

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// word is one as a program is given it, as far as that can be told.
type word struct {
	text  string // without quotes and backslashes; up to its first expansion
	whole bool   // there is none
	named bool   // it has a = before the first
	glob  bool   // file names may take its place: *, ?, [ or {a,b} without quotes
	tilde bool   // a ~ without quotes begins it
}

// unknownWord stands for what is not in the text: arguments that come from elsewhere.
var unknownWord = word{}

func wordOf(w *syntax.Word) word {
	out := word{whole: true}
	if w == nil {
		return word{}
	}
	var b strings.Builder
	for i, part := range w.Parts {
		if !out.part(&b, part, i == 0) {
			out.whole = false
			break
		}
	}
	out.text = b.String()
	out.named = strings.Contains(out.text, "=")
	return out
}

// part adds one part; false: it is an expansion.
func (w *word) part(b *strings.Builder, part syntax.WordPart, first bool) bool {
	switch p := part.(type) {
	case *syntax.Lit:
		w.tilde = w.tilde || first && strings.HasPrefix(p.Value, "~")
		w.bare(b, p.Value)
		return true
	case *syntax.SglQuoted:
		if p.Dollar { // $'\x72m': bash reads escapes, dash a $
			return false
		}
		b.WriteString(p.Value)
		return true
	case *syntax.DblQuoted:
		if p.Dollar {
			return false
		}
		for _, q := range p.Parts {
			lit, ok := q.(*syntax.Lit)
			if !ok {
				return false
			}
			quoted(b, lit.Value)
		}
		return true
	}
	return false
}

// bare adds text without quotes: a backslash takes the meaning from what follows.
func (w *word) bare(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i++; i == len(s) { // at the end of all it is one
				i--
			}
		case '*', '?', '[', '{', '}':
			w.glob = true
		}
		b.WriteByte(s[i])
	}
}

// quoted adds text within double quotes: there a backslash is one, but before a few.
func quoted(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
}

// inputOf is the text that redirections give a program to read: of a here-document or a here-string. ok: it is known, and all
// of it.
func inputOf(list []*syntax.Redirect) (text string, ok bool) {
	for _, d := range list {
		if d.N != nil && d.N.Value != "0" {
			continue
		}
		switch d.Op {
		case syntax.Hdoc, syntax.DashHdoc:
			text, ok = hereDocument(d)
		case syntax.WordHdoc:
			w := wordOf(d.Word)
			text, ok = w.text, w.whole
		case syntax.RdrIn, syntax.RdrInOut, syntax.DplIn:
			ok = false
		}
	}
	return text, ok
}

func hereDocument(d *syntax.Redirect) (text string, ok bool) {
	if d.Hdoc == nil {
		return "", true
	}
	var b strings.Builder
	for _, part := range d.Hdoc.Parts {
		lit, isLit := part.(*syntax.Lit)
		if !isLit {
			return "", false
		}
		b.WriteString(lit.Value)
	}
	text = b.String()
	raw := false // quotes around the delimiter: nothing in it is expanded
	for _, part := range d.Word.Parts {
		lit, isLit := part.(*syntax.Lit)
		raw = raw || !isLit || strings.Contains(lit.Value, `\`)
	}
	if !raw && strings.Contains(text, `\`) {
		return "", false
	}
	if d.Op == syntax.DashHdoc {
		text = strings.TrimLeft(strings.ReplaceAll(text, "\n\t", "\n"), "\t")
	}
	return text, true
}
