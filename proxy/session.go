package proxy

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/sqltext"
	"github.com/gatefold/gatefold/protocols"
)

// session is one session's state: who, where, what is open. It is what a protocol sees of the program while relaying.
type session struct {
	g      *Gateway
	ctx    context.Context
	kill   context.CancelCauseFunc
	id     record.ID
	began  time.Time
	speaks string
	client netip.AddrPort

	req        protocols.Request
	subject    policy.Subject
	target     policy.Target
	env        policy.Env
	bestEffort bool
	pid        atomic.Uint64 // the target's name for it, once it has joined

	mu       sync.Mutex // guards all below
	tape     Tape
	world    *World
	barred   *protocols.Error // the user was disabled or the target removed
	verdicts map[*sqltext.Facts]policy.Decision
	open     []openAction // oldest first
	actions  uint64
	masked   []uint64     // actions and steps with a secret in their text: what the target says of them may quote it
	lost     uint64       // ran unrecorded since the last record (best_effort)
	active   atomic.Int64 // unix nanoseconds of the last Ask or Tell; 0 while an action is open
}

// openAction is an action that has no Result yet.
type openAction struct {
	seq     uint64
	start   time.Time
	verdict record.Verdict
}

func (g *Gateway) newSession(ctx context.Context, l *Listener, client netip.AddrPort, w *World) *session {
	s := &session{g: g, world: w, began: time.Now(), speaks: l.Speaks, client: client, verdicts: map[*sqltext.Facts]policy.Decision{}}
	s.id = record.NewID(s.began)
	// A drain lets sessions go on for a while, so their context does not end with the listeners'.
	s.ctx, s.kill = context.WithCancelCause(context.WithoutCancel(ctx))
	s.active.Store(s.began.UnixNano())
	return s
}

// login says who the session is of: what was proved, or for a failed login what was claimed.
func (s *session) login(req protocols.Request, claimed protocols.Login) {
	if req.User == "" {
		req.Login = claimed
	}
	s.req = req
	s.subject = policy.Subject{User: req.User, Groups: s.world.Groups[req.User]}
	s.env = policy.Env{Account: req.Account, Database: req.Database, Client: s.client.Addr(), Now: s.began}
	s.target = policy.Target{Name: req.Target, Protocol: s.speaks}
	if t := s.world.Targets[req.Target]; t != nil {
		s.bestEffort = t.BestEffort
		if s.env.Account == "" {
			s.env.Account = t.DefaultAccount
		}
		if s.env.Database == "" {
			s.env.Database = t.Database
		}
	}
}

// idleSince is how long nothing was asked or running.
func (s *session) idleSince(now time.Time) time.Duration {
	at := s.active.Load()
	if at == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, at))
}

// Ask decides and records an action or a step before the target sees it.
func (s *session) Ask(a protocols.Action) protocols.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.g.Asked.Add(1)
	if w := s.g.world.Load(); w != s.world {
		s.adopt(w)
	}
	s.enterSchema(&a.Reading)
	facts := s.factsOf(&a)
	d := s.decide(facts, a.Record.Kind)
	r := a.Record
	s.describe(&r, facts, d)
	answer := protocols.Answer{Verdict: r.Verdict, Facts: kept(facts)}
	if !d.Allow {
		s.g.Denied.Add(1)
		if answer.Refusal = s.barred; s.barred == nil {
			answer.Refusal = denied(d)
		}
	}
	var err error
	answer.Seq, err = s.propose(r, holdsSecret(facts))
	if err == nil {
		return answer
	}
	if !errors.Is(err, record.ErrNoRoom) {
		s.kill(notRecorded(err))
		return protocols.Answer{Verdict: record.VerdictDeny, Refusal: notRecorded(err)}
	}
	if s.bestEffort {
		s.lost++
		s.g.Lost.Add(1)
		return answer
	}
	return s.wait(r, answer)
}

// kept is what a prepared statement keeps of f: not the masked text, which is on record now, where it is long.
func kept(f *sqltext.Facts) *sqltext.Facts {
	if f == nil || len(f.Masked) <= maxKept {
		return f
	}
	short := *f
	short.Masked = []byte{} // not nil: there is a secret
	return &short
}

// propose appends an action or a step and, for an action, notes that it is open.
func (s *session) propose(r record.Record, masked bool) (uint64, error) {
	now := time.Now()
	seq, err := s.append(r)
	if err != nil {
		return 0, err
	}
	s.active.Store(now.UnixNano())
	if masked && len(s.masked) < maxMasked {
		s.masked = append(s.masked, seq)
	}
	if r.Kind.Action() {
		s.actions++
		s.open = append(s.open, openAction{seq, now, r.Verdict})
		s.active.Store(0)
	}
	return seq, nil
}

// append puts r on the tape, after a gap record where something was lost.
func (s *session) append(r record.Record) (uint64, error) {
	err := s.admitLost()
	if err != nil && !(errors.Is(err, record.ErrNoRoom) && r.Kind == record.KindResult) { // a Result has room of its own
		return 0, err
	}
	return s.timedAppend(r)
}

// admitLost writes the gap record of what ran unrecorded, if anything did.
func (s *session) admitLost() error {
	if s.lost == 0 {
		return nil
	}
	_, err := s.tape.Append(record.Record{Kind: record.KindGap, Rows: s.lost, Message: []byte(noRoom)})
	if err == nil {
		s.lost = 0
	}
	return err
}

const noRoom = "not recorded: the journal had no room"

// timedAppend measures one append in 64.
func (s *session) timedAppend(r record.Record) (uint64, error) {
	if s.g.Asked.Load()%64 != 0 {
		return s.tape.Append(r)
	}
	start := time.Now()
	seq, err := s.tape.Append(r)
	s.g.AppendNanos.Add(uint64(time.Since(start)))
	s.g.Appends.Add(1)
	return seq, err
}

// factsOf is what is known of the statement that a is about.
func (s *session) factsOf(a *protocols.Action) *sqltext.Facts {
	if f, ok := a.Facts.(*sqltext.Facts); ok {
		return f
	}
	switch a.Record.Kind {
	case record.KindCall:
		return sqltext.Call
	case record.KindCommand:
		object := string(a.Record.Text)
		if a.Reading.FoldNames {
			object = strings.ToLower(object)
		}
		return sqltext.Command(string(a.Record.Name), object).In(a.Reading.Schema)
	case record.KindCancel, record.KindData: // a long value goes on: its Bind was judged
		return nil
	}
	if a.Unsure != "" {
		return sqltext.UnreadText(a.Record.Text, a.Unsure)
	}
	return s.g.Facts.Read(ReadingOf(&a.Reading), a.Record.Text).In(a.Reading.Schema)
}

// ReadingOf is how a text is read, without what its names are in.
func ReadingOf(r *protocols.Reading) sqltext.Reading {
	return sqltext.Reading{Dialect: sqltext.Dialect(r.Dialect), Version: r.Version, ANSIQuotes: r.ANSIQuotes,
		NoBackslashEscapes: r.NoBackslashEscapes, IgnoreSpace: r.IgnoreSpace, FoldNames: r.FoldNames, Latin1: r.Latin1}
}

// enterSchema follows a protocol that tells the current schema: to policy it is the session's database.
func (s *session) enterSchema(r *protocols.Reading) {
	if r.Dialect == protocols.DialectPostgres || r.Schema == s.env.Database {
		return
	}
	s.env.Database = r.Schema
	clear(s.verdicts)
}

// maxVerdicts bounds a session's cache of verdicts; a statement that is new each time must not grow it.
const maxVerdicts = 1024

// maxKept is about how many bytes of what is known of one statement a session may keep: with maxVerdicts and thousands of
// prepared statements it bounds what a client can take.
const maxKept = 16 << 10 // 16 KiB

// decide asks the policy, or its cached word: the same facts have the same verdict until the world changes.
func (s *session) decide(f *sqltext.Facts, kind record.Kind) policy.Decision {
	if kind == record.KindCancel || kind == record.KindData { // of one's own statement; of a Bind that was allowed
		return policy.Decision{Allow: true}
	}
	if s.barred != nil {
		return policy.Decision{Message: s.barred.Message, Rule: s.barred.Rule}
	}
	if d, ok := s.verdicts[f]; ok {
		return d
	}
	env := s.env
	readsTime := s.world.Policy.ReadsTime()
	if readsTime {
		env.Now = time.Now()
	}
	d := s.world.Policy.Statement(s.subject, s.target, env, f)
	if readsTime || !f.Understood || len(f.Masked)+16*(len(f.Tables)+len(f.Columns)+len(f.Functions)) > maxKept {
		return d
	}
	if len(s.verdicts) >= maxVerdicts {
		clear(s.verdicts)
	}
	s.verdicts[f] = d
	return d
}

// describe fills in what the policy and the grammar know.
func (s *session) describe(r *record.Record, f *sqltext.Facts, d policy.Decision) {
	r.Session, r.Epoch, r.Rule = s.id, s.world.epoch, d.Rule
	r.Verdict = record.VerdictAllow
	if !d.Allow {
		r.Verdict = record.VerdictDeny
	}
	if f == nil || len(r.Text) == 0 {
		return // an Execute's statement is described by its Parse
	}
	r.Digest, r.Actions, r.Tables, r.Columns = f.Digest, f.Actions, f.Tables, f.Columns
	if !f.Understood {
		r.Flags |= record.FlagUnread
	}
	if f.Masked != nil {
		r.Text = f.Masked
		r.Flags |= record.FlagMasked
	}
}

// adopt goes over to a new world: verdicts are asked for again, and the user may be gone.
func (s *session) adopt(w *World) {
	s.world = w
	clear(s.verdicts)
	s.barred = nil
	s.subject.Groups = w.Groups[s.subject.User]
	if u, ok := w.Users.Lookup(s.subject.User); !ok || u.Disabled {
		s.barred = &protocols.Error{Class: protocols.ClassDenied, Message: "user " + quoted(s.subject.User) + " is disabled", Rule: "user disabled"}
	} else if w.Targets[s.target.Name] == nil {
		s.barred = &protocols.Error{Class: protocols.ClassDenied, Message: "target " + quoted(s.target.Name) + " is no longer configured", Rule: "target removed"}
	} else if d := w.Policy.Connect(s.subject, s.target, s.env); !d.Allow {
		s.barred = denied(d)
	}
}

// Sync returns when all that was asked is safe.
func (s *session) Sync() error { return s.tape.Sync() }
