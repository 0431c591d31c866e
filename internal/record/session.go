package record

// Add folds the session's next record into its line. The chain value after it, Head, is the caller's to set.
func (s *Session) Add(r *Record) {
	s.ID, s.Last = r.Session, r.Seq
	if r.Kind.Action() {
		s.Actions++
	}
	switch r.Kind {
	case KindOpen:
		s.Parent, s.Opened, s.Verdict = r.Parent, r.At, r.Verdict
		s.User, s.Account, s.Target, s.Database = r.User, r.Account, r.Target, r.Database
		s.Protocol, s.Client, s.App = r.Protocol, r.Client, r.App
	case KindJoin:
		s.PID = r.PID
		fill(&s.Account, r.Account)
		fill(&s.Target, r.Target)
		fill(&s.Database, r.Database)
	case KindClose:
		s.Closed, s.Outcome, s.Message = r.At, r.Outcome, string(r.Message)
		if r.Verdict != VerdictNone {
			s.Verdict = r.Verdict
		}
	}
	if s.Opened == 0 {
		s.Opened = r.At // its Open is lost: the earliest that is known
	}
}

func fill(dst *string, v string) {
	if v != "" {
		*dst = v
	}
}
