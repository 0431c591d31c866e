package proxy

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
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
	verdicts map[reading]policy.Decision
	open     []openAction // oldest first
	running  int          // of them, those that don't wait for the user
	actions  uint64
	masked   []uint64     // actions and steps with a secret in their text: what the target says of them may quote it
	lost     uint64       // ran unrecorded since the last record (best_effort)
	active   atomic.Int64 // unix nanoseconds of the last Ask or Tell; 0 while an action runs
}

// openAction is an action that has no Result yet.
type openAction struct {
	seq     uint64
	start   time.Time
	verdict record.Verdict
	waits   bool // a shell, or sftp: it waits for its user, and is idle where nothing passes through it
}

// shell and subsystem are the names of a KindExec that runs nothing by itself, and of one that serves requests.
const (
	shell     = "shell"
	subsystem = "subsystem"
)

// waitsForUser reports whether an action runs only as long as a user has it do something.
func waitsForUser(r *record.Record) bool {
	return r.Kind == record.KindExec && (string(r.Name) == shell || string(r.Name) == subsystem)
}

func (g *Gateway) newSession(ctx context.Context, l *Listener, client netip.AddrPort, w *World) *session {
	s := &session{g: g, world: w, began: time.Now(), speaks: l.Speaks, client: client, verdicts: map[reading]policy.Decision{}}
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
	if s.speaks == "ssh" && len(s.open) >= maxOpen && a.Record.Kind.Action() {
		a.Refused = errTooMuch
	}
	what := s.read(&a)
	d := s.decide(what, a.Refused)
	r := s.describe(a.Record, what, d)
	answer := protocols.Answer{Verdict: r.Verdict, Facts: kept(what)}
	if r.Kind == record.KindInput {
		r.Verdict = record.VerdictNone // nobody was asked
	}
	if !d.Allow {
		s.g.Denied.Add(1)
		answer.Refusal = s.refusal(a.Refused, d)
	}
	var err error
	answer.Seq, err = s.propose(r, what != nil && what.secret())
	switch {
	case err == nil:
		s.act(&r, d, answer)
		return answer
	case !errors.Is(err, record.ErrNoRoom):
		s.kill(notRecorded(err))
		return protocols.Answer{Verdict: record.VerdictDeny, Refusal: notRecorded(err)}
	case s.bestEffort:
		s.lost++
		s.g.Lost.Add(1)
		s.act(&r, d, answer)
		return answer
	}
	return s.wait(asked{r, what, d}, answer)
}

// maxOpen bounds the actions of an SSH session that have no Result yet: for each, room in the journal is held. All channels of a
// connection together would have room for ten times as many.
const maxOpen = 4096

var errTooMuch = &protocols.Error{Class: protocols.ClassTooMany, Message: "too much is under way in this session", Hint: "close files, or wait for what is running"}

// refusal is what a client is told: by the protocol's own word, since the user may not be here, or by a rule.
func (s *session) refusal(own *protocols.Error, d policy.Decision) *protocols.Error {
	switch {
	case own != nil:
		return own
	case s.barred != nil:
		return s.barred
	}
	return denied(d)
}

// act does what a decision asks for beside its verdict. A line of a terminal that is refused ends the session: the keys that
// made it are at the target already, all but Enter.
func (s *session) act(r *record.Record, d policy.Decision, answer protocols.Answer) {
	if d.Watched {
		s.g.Watched.Add(1)
		s.g.Log.Warn("watched by policy", "session", s.id.String(), "user", s.subject.User, "target", s.target.Name,
			"seq", answer.Seq, "rule", d.Rule)
	}
	if r.Kind == record.KindLine && answer.Verdict == record.VerdictDeny {
		s.kill(answer.Refusal)
	}
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
		o := openAction{seq: seq, start: now, verdict: r.Verdict, waits: waitsForUser(&r)}
		s.open = append(s.open, o)
		if !o.waits {
			s.running++
		}
		if s.running > 0 {
			s.active.Store(0)
		}
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

// decide asks the policy, or its cached word: the same reading has the same verdict until the world changes. refused: the
// protocol says no by itself.
func (s *session) decide(what reading, refused *protocols.Error) policy.Decision {
	switch {
	case refused != nil:
		return policy.Decision{Message: refused.Message, Rule: refused.Rule}
	case what == nil:
		return policy.Decision{Allow: true}
	case s.barred != nil:
		return policy.Decision{Message: s.barred.Message, Rule: s.barred.Rule}
	case !what.lasting():
		return s.judge(what)
	}
	if d, ok := s.verdicts[what]; ok {
		return d
	}
	d := s.judge(what)
	if s.world.Policy.ReadsTime() {
		return d
	}
	if len(s.verdicts) >= maxVerdicts {
		clear(s.verdicts)
	}
	s.verdicts[what] = d
	return d
}

// judge asks the policy.
func (s *session) judge(what reading) policy.Decision {
	env := s.env
	if s.world.Policy.ReadsTime() {
		env.Now = time.Now()
	}
	return s.world.Policy.Decide(s.subject, s.target, env, what.deed())
}

// describe fills in what the policy and the language know.
func (s *session) describe(r record.Record, what reading, d policy.Decision) record.Record {
	r.Session, r.Epoch, r.Rule = s.id, s.world.epoch, d.Rule
	r.Verdict = record.VerdictAllow
	if !d.Allow {
		r.Verdict = record.VerdictDeny
	}
	if what != nil {
		return what.describe(r)
	}
	return r
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

// renew ends a session that may not be any more under a new world: SSH's go on without asking for anything.
func (s *session) renew(w *World) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w != s.world {
		s.adopt(w)
	}
	if s.barred != nil {
		s.kill(s.barred)
	}
}

// Sync returns when all that was asked is safe.
func (s *session) Sync() error { return s.tape.Sync() }
