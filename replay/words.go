package replay

import (
	"regexp"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// say is a run of words that must have been said in one value, side by side, or a regular expression.
type say struct {
	not    bool
	re     *regexp.Regexp // nil: words
	words  []string       // folded
	begins bool           // the last word is only the beginning of one
}

func newSay(t token) (s say, why string) {
	s.not = t.not
	if t.regex {
		s.re, why = compile(t.value)
		return s, why
	}
	text := fold(t.value)
	if cut, ok := strings.CutSuffix(text, "*"); ok && !t.quoted && cut != "" && wordByte[cut[len(cut)-1]] {
		text, s.begins = cut, true
	}
	eachWord([]byte(text), func(start, end int) bool {
		s.words = append(s.words, text[start:end])
		return true
	})
	return s, ""
}

// whole are the words that stand whole in what was said, for narrowing.
func (s *say) whole() [][]byte {
	if s.re != nil {
		return requiredWords(s.re)
	}
	n := len(s.words)
	if s.begins {
		n--
	}
	words := make([][]byte, n)
	for i := range words {
		words[i] = []byte(s.words[i])
	}
	return words
}

// in reports whether the words stand side by side in text.
func (s *say) in(text []byte) bool {
	if len(text) < len(s.words[0]) {
		return false
	}
	found := false
	eachWord(text, func(start, end int) bool {
		found = s.at(text, start, end)
		return !found
	})
	return found
}

// at reports whether the words stand in text where a word stands at start to end.
func (s *say) at(text []byte, start, end int) bool {
	for i, want := range s.words {
		if i > 0 {
			if start, end = nextWord(text, end); start == end {
				return false
			}
		}
		word := text[start:end]
		if s.begins && i == len(s.words)-1 && len(word) > len(want) {
			word = word[:len(want)]
		}
		if len(word) != len(want) || !equalFold(want, view(word)) {
			return false
		}
	}
	return true
}

// inRecord reports whether the words stand in any value of r that a person could have said. These are the values
// whose words a block's filter holds.
func (s *say) inRecord(r *record.Record) bool {
	if r == nil {
		return false
	}
	if s.re != nil {
		return matches(s.re, r)
	}
	if s.in(r.Text) || s.in(r.Message) || s.in(r.Name) || s.in(r.Portal) || s.in(r.Code) {
		return true
	}
	for i := range r.Params {
		if s.in(said(&r.Params[i])) {
			return true
		}
	}
	for _, list := range [...][]string{r.Actions, r.Tables, r.Columns, r.Programs, r.Paths} {
		for _, v := range list {
			if s.inString(v) {
				return true
			}
		}
	}
	for _, v := range [...]string{r.User, r.Account, r.Target, r.Database, r.Protocol, r.Client, r.App, r.TLS, r.Gateway,
		r.Build, r.Config, r.Policy, r.Credential, r.Peer, r.Version, r.Rule} {
		if s.inString(v) {
			return true
		}
	}
	return false
}

// said is a parameter as a person reads it. It may be the record's own bytes.
func said(p *record.Param) []byte {
	if p.Format == 0 {
		return p.Value
	}
	return p.AppendText(nil)
}

func (s *say) inString(v string) bool {
	return len(v) >= len(s.words[0]) && s.in([]byte(v))
}

// wordByte are the bytes that words are made of, as in package record: ASCII letters, digits, _ and all from 0x80.
var wordByte = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 0x80 || '0' <= c && c <= '9' || letter(byte(c))
	}
	return is
}()

// nextWord finds the first word at or after from; start == end: there is none.
func nextWord(text []byte, from int) (start, end int) {
	for from < len(text) && !wordByte[text[from]] {
		from++
	}
	start = from
	for from < len(text) && wordByte[text[from]] {
		from++
	}
	return start, from
}

// eachWord yields the bounds of each word until yield says no.
func eachWord(text []byte, yield func(start, end int) bool) {
	for start, end := nextWord(text, 0); start < end; start, end = nextWord(text, end) {
		if !yield(start, end) {
			return
		}
	}
}

// lower folds ASCII letters; other letters are told apart by case, in the block's filter too.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}

// equalFold compares s with want, which is folded.
func equalFold(want, s string) bool {
	if len(want) != len(s) {
		return false
	}
	for i := range len(s) {
		if lower(s[i]) != want[i] {
			return false
		}
	}
	return true
}

// containsFold finds want, which is folded, in s.
func containsFold(s, want string) bool {
	if want == "" {
		return true
	}
	for i := 0; i+len(want) <= len(s); i++ {
		if lower(s[i]) == want[0] && equalFold(want, s[i:i+len(want)]) {
			return true
		}
	}
	return false
}

// globFold matches s against pattern, which is folded and in which * stands for any run of characters.
func globFold(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !equalFold(first, s[:len(first)]) || !equalFold(last, s[len(s)-len(last):]) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := indexFold(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return true
}

func indexFold(s, want string) int {
	for i := 0; i+len(want) <= len(s); i++ {
		if equalFold(want, s[i:i+len(want)]) {
			return i
		}
	}
	return -1
}
