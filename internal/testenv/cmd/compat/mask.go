package main

import (
	"regexp"
	"strings"
)

// mask hides what is another in each run: times, ports, ids.
type mask struct {
	what *regexp.Regexp
	with string
}

// hide masks what matches in this attempt's transcript.
func (a *attempt) hide(pattern, with string) {
	a.masks = append(a.masks, mask{regexp.MustCompile(pattern), with})
}

// masked is the transcript without what differs by nature: the way's folder, ports and files.
func (a *attempt) masked() string {
	text := strings.NewReplacer(a.dir, "DIR", a.login, "LOGIN", a.server, "SERVER", a.root, "ROOT").Replace(a.out.String())
	text = strings.NewReplacer(a.hidden...).Replace(text)
	for _, m := range a.masks {
		text = m.what.ReplaceAllString(text, m.with)
	}
	return text
}
