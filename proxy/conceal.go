package proxy

import (
	"bytes"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/sqltext"
	"github.com/gatefold/gatefold/protocols"
)

// maxMasked is how many actions and steps with a secret are told apart; with more, all that the target says is concealed.
const maxMasked = 1024

// holdsSecret reports whether a secret was masked in the text that f is of.
func holdsSecret(f protocols.Facts) bool {
	facts, ok := f.(*sqltext.Facts)
	return ok && facts != nil && facts.Masked != nil
}

// conceal keeps the secret of a masked statement out of what the target says of it: a syntax error quotes a literal, a
// notice may say anything. Of an error the code stays and the message as far as nothing is quoted.
func (s *session) conceal(r *record.Record) {
	at := slices.Index(s.masked, r.Of)
	if at < 0 && len(s.masked) < maxMasked {
		return
	}
	switch {
	case r.Kind == record.KindNotice && r.Of > 0:
		r.Message = []byte("***")
	case r.Kind != record.KindResult || r.Outcome == record.OutcomeRefused:
	default:
		if cut := bytes.IndexAny(r.Message, "\"'`\n\u00ab\u2039\u201e\u201c\u201a\u2018"); cut >= 0 {
			r.Message = append(bytes.Clone(r.Message[:cut]), "***"...)
		}
	}
	if at >= 0 && len(s.masked) < maxMasked && r.Kind == record.KindResult && r.Flags&record.FlagSuspended == 0 {
		s.masked = slices.Delete(s.masked, at, at+1)
	}
}
