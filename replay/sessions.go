package replay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

const (
	maxPreload = 1 << 12 // 4 Ki: sessions that are read ahead of a search
	maxAsked   = 1 << 8  // 256: sessions that are asked for together
)

// preload reads the lines of all sessions that the query may be about, where it names them and they aren't many: all
// others' records need no look then.
func (f *finder) preload(n record.Narrow) {
	who := record.Narrow{User: n.User, Account: n.Account, Target: n.Target, Database: n.Database, Protocol: n.Protocol,
		PID: n.PID, Prefix: n.Prefix}
	if who.User == "" && who.PID == 0 && who.Prefix == "" || !f.q.needs(needLine) {
		return // by these the directory finds few
	}
	for s, err := range f.src.Sessions(f.ctx, who) {
		if err != nil || len(f.session) == maxPreload {
			clear(f.session)
			return
		}
		f.session[s.ID] = s
	}
	f.only = true
}

// line is the session's line in the directory.
func (f *finder) line(id record.ID) record.Session {
	s, ok := f.session[id]
	if ok {
		return s
	}
	if s, ok, _ = f.src.Session(f.ctx, id); !ok {
		s.ID = id // its records are here all the same; Verify tells of the missing line
	}
	f.learn(s)
	return s
}

func (f *finder) learn(s record.Session) {
	if len(f.session) >= cacheSize && !f.only {
		clear(f.session)
	}
	if !f.only || len(f.session) < cacheSize {
		f.session[s.ID] = s
	}
}

// choose leaves out the sessions of which what is asked doesn't hold, before any of their records is read.
func (f *finder) choose(s *sheet) {
	if !f.q.needs(needSession) && !f.q.needs(needLine) {
		return
	}
	f.ask(s)
	for i := range s.parts {
		p := &s.parts[i]
		h := Hit{Session: record.Session{ID: p.Session}}
		p.skip = !f.q.holds(&h, needSession)
		if p.skip || !f.q.needs(needLine) {
			continue
		}
		if _, known := f.session[p.Session]; f.only && !known {
			p.skip = true
			continue
		}
		h.Session = f.line(p.Session)
		p.skip = !f.q.holds(&h, needLine)
	}
	s.todo = slices.DeleteFunc(s.todo, func(n int32) bool { return s.parts[s.lines[n].part].skip })
}

// ask reads the lines of a sheet's sessions, many at a time. What it can't read is asked for one by one.
func (f *finder) ask(s *sheet) {
	if f.only || !f.q.needs(needLine) {
		return
	}
	var ids []record.ID
	for i := range s.parts {
		if _, known := f.session[s.parts[i].Session]; !known {
			ids = append(ids, s.parts[i].Session)
		}
	}
	for some := range slices.Chunk(ids[:min(len(ids), cacheSize)], maxAsked) {
		for line, err := range f.src.Sessions(f.ctx, record.Narrow{Sessions: some}) {
			if err == nil {
				f.learn(line)
			}
		}
	}
}

// byOpening sorts sessions, the oldest first.
func byOpening(sessions []record.Session) {
	slices.SortFunc(sessions, func(a, b record.Session) int {
		return cmp.Or(cmp.Compare(a.Opened, b.Opened), bytes.Compare(a.ID[:], b.ID[:]))
	})
}
