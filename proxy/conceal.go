package proxy

import (
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// maxMasked is how many actions and steps with a secret are told apart; with more, all that the target says is concealed.
const maxMasked = 1024

// conceal keeps the secret of a masked statement out of what the target says of it: a syntax error quotes a literal, and an
// error that the statement itself raises (RAISE, SIGNAL) or a notice may say anything. Of an error the code stays.
func (s *session) conceal(r *record.Record) {
	at := slices.Index(s.masked, r.Of)
	if at < 0 && len(s.masked) < maxMasked {
		return
	}
	said := r.Kind == record.KindNotice && r.Of > 0 || r.Kind == record.KindResult && r.Outcome != record.OutcomeRefused
	if said && len(r.Message) > 0 {
		r.Message = []byte("***")
	}
	if at >= 0 && len(s.masked) < maxMasked && r.Kind == record.KindResult && r.Flags&record.FlagSuspended == 0 {
		s.masked = slices.Delete(s.masked, at, at+1)
	}
}
