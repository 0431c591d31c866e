package proxy

import (
	"errors"
	"fmt"
	"time"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// Tell records what came of an action, or what the target said unasked. What passes through a terminal waits for room in the
// journal, for as long as recording.wait says: it is the whole of what was done.
func (s *session) Tell(r record.Record) error {
	err := s.tellNow(r)
	if !errors.Is(err, record.ErrNoRoom) || !streams(r.Kind) {
		return err
	}
	deadline := time.NewTimer(s.g.world.Load().Limits.RecordingWait)
	defer deadline.Stop()
	for {
		room := s.g.Recorder.Room()
		if err = s.tellNow(r); !errors.Is(err, record.ErrNoRoom) {
			return err
		}
		select {
		case <-room:
		case <-deadline.C:
			s.g.NotRecorded.Add(1)
			return notRecorded(err)
		case <-s.ctx.Done():
			return notRecorded(err)
		}
	}
}

func (s *session) tellNow(r record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tell(r, time.Now())
}

// streams reports whether records of a kind are a part of what a terminal or a program was sent or said.
func streams(k record.Kind) bool {
	switch k {
	case record.KindInput, record.KindOutput, record.KindResize, record.KindSignal, record.KindScreen:
		return true
	}
	return false
}

func (s *session) tell(r record.Record, now time.Time) error {
	if r.Kind == record.KindResult {
		if r.Of == 0 {
			return nil // of an action that was never recorded, since it was never run
		}
		r.Took = s.took(r.Of, now, r.Flags&(record.FlagSimple) == 0)
	}
	if s.running == 0 {
		s.active.Store(now.UnixNano())
	}
	if len(s.masked) > 0 {
		s.conceal(&r)
	}
	_, err := s.append(r)
	if !errors.Is(err, record.ErrNoRoom) || r.Kind == record.KindResult {
		return err
	}
	switch {
	case !streams(r.Kind): // a notice or a setting: what was run is on record all the same
		s.lost++
	case !s.bestEffort:
		return err
	default:
		s.lost++
		s.g.Lost.Add(1)
	}
	return nil
}

// took is how long the action ran; 0 for one that is not open. Results come nearly always in order.
func (s *session) took(seq uint64, now time.Time, last bool) int64 {
	for i := range s.open {
		if s.open[i].seq != seq {
			continue
		}
		d := int64(now.Sub(s.open[i].start))
		if last {
			if !s.open[i].waits {
				s.running--
			}
			s.open = append(s.open[:i], s.open[i+1:]...)
		}
		return d
	}
	return 0
}

// asked is an action that waits for room.
type asked struct {
	record   record.Record
	what     reading
	decision policy.Decision
}

// wait has an action wait for room in the journal, for as long as recording.wait says.
func (s *session) wait(a asked, answer protocols.Answer) protocols.Answer {
	ready := make(chan protocols.Answer, 1)
	deadline := time.NewTimer(s.world.Limits.RecordingWait)
	go func() {
		defer deadline.Stop()
		ready <- s.retry(a, answer, deadline.C)
	}()
	return protocols.Answer{Verdict: record.VerdictWait, Facts: answer.Facts, Ready: ready}
}

var errChanged = &protocols.Error{Class: protocols.ClassNotRecorded, Message: "not recorded, not run: users or policy changed while it waited for the journal",
	Hint: "run it again"}

func (s *session) retry(a asked, answer protocols.Answer, deadline <-chan time.Time) protocols.Answer {
	for {
		room := s.g.Recorder.Room()
		s.mu.Lock()
		if s.world != s.g.world.Load() { // the verdict may be another by now
			s.mu.Unlock()
			return protocols.Answer{Verdict: record.VerdictDeny, Refusal: errChanged}
		}
		seq, err := s.propose(a.record, a.what != nil && a.what.secret())
		if err == nil {
			answer.Seq = seq
			s.act(&a.record, a.decision, answer)
		}
		s.mu.Unlock()
		if err == nil {
			return answer
		}
		select {
		case <-room:
		case <-deadline:
			s.g.NotRecorded.Add(1)
			return protocols.Answer{Verdict: record.VerdictDeny, Refusal: notRecorded(err)}
		case <-s.ctx.Done():
			return protocols.Answer{Verdict: record.VerdictDeny, Refusal: notRecorded(err)}
		}
	}
}

// opened writes the session's first record.
func (s *session) opened(d policy.Decision, refusal *protocols.Error) error {
	r := record.Record{
		Kind: record.KindOpen, At: s.began.UnixNano(), Epoch: s.world.epoch, Verdict: record.VerdictAllow, Rule: d.Rule,
		User: s.subject.User, Account: s.env.Account, Target: s.req.Target, Database: s.env.Database, Protocol: s.speaks,
		Client: s.client.String(), App: s.req.App, TLS: s.req.TLS, Gateway: s.g.Name, Build: s.g.Build,
		Config: s.world.Config, Policy: s.world.Policy.Hash(),
	}
	if s.req.Proof != "" {
		r.Message = []byte(s.req.Proof)
	}
	if refusal != nil {
		r.Verdict = record.VerdictDeny
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.append(r)
	return err
}

// finish writes a Result for each action that has none and the Close.
func (s *session) finish(why error) {
	s.kill(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.open) > 0 {
		o := s.open[0]
		r := record.Record{Kind: record.KindResult, Of: o.seq, Outcome: record.OutcomeUnknown, Message: []byte("the session ended first")}
		if o.verdict == record.VerdictDeny {
			r.Outcome = record.OutcomeRefused
		}
		if err := s.tell(r, now); err != nil {
			s.g.Log.Error("write result", "session", s.id.String(), "err", err)
			break
		}
	}
	end := s.closing(why, now)
	if s.admitLost() != nil { // the Close has room of its own, and says it instead
		end.Message = fmt.Appendf(nil, "%d %s; %s", s.lost, noRoom, end.Message)
	}
	if err := s.tape.Close(end); err != nil {
		s.g.Log.Error("close the record; the next start will", "session", s.id.String(), "err", err)
	}
}

func (s *session) closing(why error, now time.Time) record.Record {
	r := record.Record{Kind: record.KindClose, Took: int64(now.Sub(s.began)), Rows: s.actions, Outcome: record.OutcomeDone}
	var e *protocols.Error
	switch {
	case why == nil, errors.Is(why, protocols.ErrAgain):
	case errors.As(why, &e):
		r.Outcome, r.Message = outcomeOf(e.Class), []byte(e.Message)
		r.Rule = e.Rule
	default:
		r.Outcome, r.Message = record.OutcomeFailed, []byte(why.Error())
	}
	return r
}

func outcomeOf(c protocols.Class) record.Outcome {
	switch c {
	case protocols.ClassDenied, protocols.ClassLogin, protocols.ClassTooMany, protocols.ClassUnsupported, protocols.ClassBadRequest, protocols.ClassNotRecorded:
		return record.OutcomeRefused
	case protocols.ClassShutdown, protocols.ClassIdle, protocols.ClassTime:
		return record.OutcomeCancelled
	}
	return record.OutcomeFailed
}
