package postgres

import (
	"unicode/utf8"
)

// marks say what a text holds that matters to the relay itself.
type marks uint8

const (
	marksHard  marks = 1 << iota // other than ASCII, or a backslash: how it reads depends on settings
	marksCopy                    // a statement may begin with COPY
	marksName                    // a statement may begin with PREPARE or DECLARE: it names a statement or a portal
	marksChain                   // the word CHAIN is in it: its ROLLBACK may be one that ends a transaction and begins another
	marksInert                   // it is BEGIN or START TRANSACTION alone: it changes no setting
)

// interesting has true for the bytes that markText looks at twice.
var interesting = func() (t [256]bool) {
	for _, c := range "cCpPdD\\\x00" {
		t[c] = true
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] = true
	}
	return t
}()

// markText reads text once. It errs to the side of marking: comments and literals are not told apart.
func markText(text []byte) marks {
	var found marks
	for i, c := range text {
		if !interesting[c] {
			continue
		}
		switch c | 0x20 {
		case 'c':
			if begins(text, i, "copy") {
				found |= marksCopy
			}
			if begins(text, i, "chain") {
				found |= marksChain
			}
		case 'p':
			if begins(text, i, "prepare") {
				found |= marksName
			}
		case 'd':
			if begins(text, i, "declare") {
				found |= marksName
			}
		default:
			found |= marksHard
		}
	}
	if found == 0 && inert(text) {
		found = marksInert
	}
	return found
}

// begins reports whether the keyword stands at i where a statement may begin: at the start, or after white space, a
// semicolon or a comment.
func begins(text []byte, i int, keyword string) bool {
	if i > 0 {
		switch text[i-1] {
		case ' ', '\t', '\n', '\r', '\f', '\v', ';', '/':
		default:
			return false
		}
	}
	return foldPrefix(text[i:], keyword)
}

// foldPrefix reports whether text begins with the keyword (lower case letters), in any case, as a word.
func foldPrefix(text []byte, keyword string) bool {
	if len(text) < len(keyword) {
		return false
	}
	for i := range len(keyword) {
		if text[i]|0x20 != keyword[i] {
			return false
		}
	}
	if len(text) == len(keyword) {
		return true
	}
	c := text[len(keyword)]
	return !(c >= 0x80 || c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z')
}

// inert reports whether text begins a transaction and does nothing else. It knows the plain spellings; others count as
// able to change a setting.
func inert(text []byte) bool {
	if !foldPrefix(text, "begin") && !foldPrefix(text, "start") {
		return false
	}
	for _, c := range text {
		if c == ';' {
			return false
		}
	}
	return true
}

// settings are those that change how the server reads a text (FACTS of the house: live bypasses).
type settings struct {
	standard bool // standard_conforming_strings is on
	utf8     bool // client_encoding is UTF8
	changed  bool // since the last message that ReadyForQuery answers, something went out that may change them
}

func (s *settings) set(name, value []byte) {
	switch string(name) {
	case "standard_conforming_strings":
		s.standard = string(value) == "on"
	case "client_encoding":
		s.utf8 = string(value) == "UTF8"
	}
}

// sure says why the server may read text otherwise than it stands there; empty: it can't. The server tells its settings
// just before a ReadyForQuery and at no other time. wait: one is owed, and after it they are known.
func (m *machine) sure(text []byte, found marks) (why string, wait condition) {
	switch {
	case found&marksHard == 0:
		return "", nil
	case m.settings.changed:
		return "a setting that changes how it reads may have changed earlier in its pipeline", nil
	case m.queue.replies > 0:
		return "", m.settledReplies
	case !m.settings.standard:
		return "standard_conforming_strings is not on", nil
	case !m.settings.utf8:
		return "client_encoding is not UTF8", nil
	case !utf8.Valid(text):
		return "it is not valid UTF-8", nil
	}
	return "", nil
}
