package protocoltest

import (
	"slices"
	"sync"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// Silent is a Session that allows everything, keeps nothing and allocates nothing.
type Silent struct{ seq uint64 }

var silentFacts protocols.Facts = "facts"

func (s *Silent) Ask(protocols.Action) protocols.Answer {
	s.seq++
	return protocols.Answer{Verdict: record.VerdictAllow, Seq: s.seq, Facts: silentFacts}
}
func (s *Silent) Tell(record.Record) error { s.seq++; return nil }
func (s *Silent) Sync() error              { return nil }

// Tape is a Session that allows all, and remembers the kinds of what it was asked, and the notices.
type Tape struct {
	mu      sync.Mutex
	seq     uint64
	asked   []record.Kind
	notices []string
	wait    chan protocols.Answer
}

func (s *Tape) Ask(a protocols.Action) protocols.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.asked = append(s.asked, a.Record.Kind)
	if s.wait != nil && a.Record.Kind == record.KindCancel {
		return protocols.Answer{Verdict: record.VerdictWait, Ready: s.wait}
	}
	return protocols.Answer{Verdict: record.VerdictAllow, Seq: s.seq}
}

func (s *Tape) Tell(r record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	if r.Kind == record.KindNotice {
		s.notices = append(s.notices, string(r.Message))
	}
	return nil
}

func (s *Tape) Sync() error { return nil }

// Count is how often a kind was asked.
func (s *Tape) Count(k record.Kind) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		if asked == k {
			n++
		}
	}
	return n
}

// Notices are what the target or the protocol said unasked.
func (s *Tape) Notices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notices)
}

// CancelsWait has cancel requests wait from now on, the next one for this answer.
func (s *Tape) CancelsWait(a protocols.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = make(chan protocols.Answer, 1)
	s.wait <- a
}
