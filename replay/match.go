package replay

import "github.com/gatefold/gatefold/internal/record"

// shows reports whether records of this kind are found at all: those that the query names, else what was done and
// what went wrong, and where it looks into words, what the target and the session said.
func (q *Query) shows(r *record.Record) bool {
	if q.names != 0 {
		return q.names&(1<<r.Kind) != 0
	}
	switch r.Kind {
	case record.KindParse, record.KindBind:
		return r.Verdict == record.VerdictDeny
	case record.KindOpen:
		return q.deep || r.Verdict == record.VerdictDeny
	case record.KindClose:
		return q.deep || r.Outcome != record.OutcomeDone
	case record.KindJoin, record.KindNotice, record.KindScreen:
		return q.deep
	case record.KindOutput: // of a terminal the screen tells
		return q.deep && r.Flags&record.FlagTerminal == 0
	case record.KindResult, record.KindState, record.KindData, record.KindResize, record.KindInput:
		return false
	}
	return true
}

// within reports whether r's time and place are among those asked for.
func (q *Query) within(r *record.Record) bool {
	if q.Since != 0 && r.At < q.Since || q.Until != 0 && r.At > q.Until {
		return false
	}
	return q.after == nil || (cursor{r.At, r.Session, r.Seq}).compare(*q.after) < 0
}

// listens reports whether an answer alone may say what is looked for.
func (q *Query) listens() bool {
	for i := range q.says {
		if !q.says[i].not {
			return true
		}
	}
	return false
}

// holds decides the conditions that need no more than is known at this stage.
func (q *Query) holds(h *Hit, stage need) bool {
	for i := range q.conds {
		c := &q.conds[i]
		if c.field.need == stage && c.fits(h) == c.not {
			return false
		}
	}
	return true
}

func (c *cond) fits(h *Hit) bool {
	for _, v := range c.any {
		if c.field.fits(v, h) {
			return true
		}
	}
	return false
}

// needs reports whether a condition can't be decided before this stage.
func (q *Query) needs(stage need) bool {
	for i := range q.conds {
		if q.conds[i].field.need == stage {
			return true
		}
	}
	for _, s := range q.says {
		if stage == needStatement || s.not {
			return true
		}
	}
	return false
}

// said decides the free text on what was said: the record, its statement and its parameters.
func (q *Query) said(h *Hit) bool {
	for i := range q.says {
		s := &q.says[i]
		if !s.not && !h.says(s) {
			return false
		}
	}
	return true
}

// answered decides the free text on what was said and the answer together.
func (q *Query) answered(h *Hit) bool {
	for i := range q.says {
		s := &q.says[i]
		if !s.not && !h.says(s) && !s.inRecord(h.Result) {
			return false
		}
	}
	return true
}

// unsaid decides the free text that must be neither in what was said nor in the answer.
func (q *Query) unsaid(h *Hit) bool {
	for i := range q.says {
		s := &q.says[i]
		if s.not && (h.says(s) || s.inRecord(h.Result)) {
			return false
		}
	}
	return true
}

func (h *Hit) says(s *say) bool {
	if s.inRecord(&h.Record) || s.inRecord(h.Statement) || s.inRecord(h.Bind) {
		return true
	}
	for _, r := range h.Long {
		if s.inRecord(r) {
			return true
		}
	}
	return false
}

// touches reports whether any of the free text is in r.
func (q *Query) touches(r *record.Record) bool {
	for i := range q.says {
		if s := &q.says[i]; !s.not && s.inRecord(r) {
			return true
		}
	}
	return false
}
