package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// paper is a tape in memory. full: it has no room for anything that it need not take.
type paper struct {
	mu      sync.Mutex
	records []record.Record
	full    bool
	room    chan struct{}
}

func (p *paper) Append(r record.Record) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full && r.Kind != record.KindResult {
		return 0, record.ErrNoRoom
	}
	r.Seq, r.Text = uint64(len(p.records)+1), slices.Clone(r.Text)
	p.records = append(p.records, r)
	return r.Seq, nil
}

func (p *paper) Sync() error                   { return nil }
func (p *paper) Close(r record.Record) error   { _, err := p.Append(r); return err }
func (p *paper) Start(record.ID) (Tape, error) { return p, nil }
func (p *paper) Room() <-chan struct{}         { p.mu.Lock(); defer p.mu.Unlock(); return p.room }
func (p *paper) last() record.Record           { return p.records[len(p.records)-1] }
func (p *paper) setFull(full bool)             { p.mu.Lock(); p.full = full; p.mu.Unlock() }
func (p *paper) free()                         { p.mu.Lock(); p.full = false; close(p.room); p.mu.Unlock() }
func file(name, path string, second ...string) record.Record {
	r := record.Record{Kind: record.KindFile, Stream: 1, Name: []byte(name), Text: []byte(path)}
	for _, s := range second {
		r.Params = append(r.Params, record.Param{Value: []byte(s)})
	}
	return r
}

func exec(name, text string) record.Record {
	return record.Record{Kind: record.KindExec, Stream: 1, Name: []byte(name), Text: []byte(text)}
}

// sshSession is a session of SSH under rules, on a tape in memory.
func sshSession(t *testing.T, rules string, target Target) (*session, *paper) {
	t.Helper()
	set, err := policy.Load([]policy.Source{{Name: "p.cedar", Text: []byte(rules)}})
	if err != nil {
		t.Fatal(err)
	}
	target.Name, target.Protocol = "web1", "ssh"
	w := &World{Policy: set, Targets: map[string]*Target{"web1": &target}, Groups: map[string][]string{"alice": {"dba"}},
		Limits: Limits{RecordingWait: time.Minute}}
	tape := &paper{room: make(chan struct{})}
	g := New(Options{Recorder: tape, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, w)
	s := g.newSession(t.Context(), &Listener{Speaks: "ssh"}, netip.MustParseAddrPort("10.0.0.7:50000"), w)
	t.Cleanup(func() { s.kill(nil) })
	s.login(protocols.Request{Login: protocols.Login{User: "alice", Account: "root", Target: "web1"}}, protocols.Login{})
	s.tape = tape
	return s, tape
}

// What SSH asks is decided under the same rules as statements, each kind by its own action.
func TestSSHIsAsked(t *testing.T) {
	s, tape := sshSession(t, `
		@id("run") permit (principal in Group::"dba", action in [Action::"exec", Action::"shell", Action::"subsystem", Action::"env"], resource);
		@id("files") permit (principal in Group::"dba", action in Action::"files", resource) when { context.within.contains("/srv") };
		@id("no-reboot") forbid (principal, action == Action::"exec", resource) when { context.told && context.programs.contains("reboot") };`, Target{})
	for _, c := range []struct {
		r       record.Record
		verdict record.Verdict
		rule    string
		actions string
	}{
		{exec("exec", "uptime"), record.VerdictAllow, "run", "exec"},
		{exec("exec", "sudo reboot"), record.VerdictDeny, "no-reboot", "exec"},
		{exec("exec", "uptime > /srv/up"), record.VerdictAllow, "run, files", "exec file_write"},
		{exec("exec", "uptime > /etc/passwd"), record.VerdictDeny, policy.DefaultDeny, "exec file_write"},
		{exec("shell", ""), record.VerdictAllow, "run", "shell"},
		{exec("subsystem", "sftp"), record.VerdictAllow, "run", "subsystem"},
		{file("open-read", "/srv/a/../b"), record.VerdictAllow, "files", "file_read"},
		{file("open-read", "/srv/../etc/shadow"), record.VerdictDeny, policy.DefaultDeny, "file_read"},
		{file("rename", "/srv/a", "/etc/passwd"), record.VerdictDeny, policy.DefaultDeny, "file_rename"},
		{file("symlink", "/srv/a", "../etc/passwd"), record.VerdictDeny, policy.DefaultDeny, "file_link"},
		{file("symlink", "/srv/a", "b"), record.VerdictAllow, "files", "file_link"},
		{file("nonsense", "/srv/a"), record.VerdictDeny, policy.DefaultDeny, "unknown"},
		{record.Record{Kind: record.KindCommand, Name: []byte("env"), Text: []byte("LANG=C")}, record.VerdictAllow, "run", "env"},
		{record.Record{Kind: record.KindCommand, Name: []byte("init_db"), Text: []byte("x")}, record.VerdictDeny, policy.DefaultDeny, "unknown"},
	} {
		a := s.Ask(protocols.Action{Record: c.r})
		got := tape.last()
		if a.Verdict != c.verdict || got.Verdict != c.verdict || got.Rule != c.rule || strings.Join(got.Actions, " ") != c.actions {
			t.Errorf("%s %s %q: %s by %q, actions %v", c.r.Kind, c.r.Name, c.r.Text, got.Verdict, got.Rule, got.Actions)
		}
		if (a.Refusal != nil) != (c.verdict == record.VerdictDeny) || a.Seq != got.Seq {
			t.Errorf("%s %q: %+v", c.r.Kind, c.r.Text, a)
		}
	}
}

// What the protocol carries for nobody is on record as refused, whatever the rules allow.
func TestTheProtocolRefusesByItself(t *testing.T) {
	s, tape := sshSession(t, `permit (principal, action, resource);`, Target{})
	own := &protocols.Error{Class: protocols.ClassUnsupported, Message: "gatefold carries no agent"}
	forward := record.Record{Kind: record.KindForward, Name: []byte("direct-tcpip"), Text: []byte("10.0.0.1:80")}
	for _, a := range []protocols.Action{
		{Record: forward},
		{Record: forward, Refused: own},
		{Record: record.Record{Kind: record.KindCommand, Name: []byte("env"), Text: []byte("LD_PRELOAD=x")}, Refused: own},
	} {
		answer := s.Ask(a)
		if answer.Verdict != record.VerdictDeny || answer.Refusal == nil || tape.last().Verdict != record.VerdictDeny {
			t.Errorf("%s: %+v, on record %s", a.Record.Kind, answer, tape.last().Verdict)
		}
		if a.Refused != nil && answer.Refusal != own {
			t.Errorf("%s: refused with %v", a.Record.Kind, answer.Refusal)
		}
	}
}

// A line is a tripwire: a rule that permits may watch, one that forbids ends the session before Enter is sent.
func TestALineIsWatchedOrEndsTheSession(t *testing.T) {
	s, tape := sshSession(t, `
		@id("lines") permit (principal, action == Action::"line", resource);
		@id("sudo") @watch("someone becomes root") permit (principal, action == Action::"line", resource) when { context.programs.contains("sudo") };
		@id("no-mkfs") forbid (principal, action == Action::"line", resource) when { context.programs.contains("mkfs") };`, Target{})
	line := func(text string) protocols.Answer {
		return s.Ask(protocols.Action{Record: record.Record{Kind: record.KindLine, Stream: 1, Text: []byte(text)}})
	}
	for _, text := range []string{"ls -l", "it's a password", ">>> print(1"} {
		if a := line(text); a.Verdict != record.VerdictAllow || tape.last().Rule != "lines" {
			t.Errorf("%s: %v by %q", text, a.Verdict, tape.last().Rule)
		}
	}
	if a := line("sudo -i"); a.Verdict != record.VerdictAllow || tape.last().Rule != "sudo" || s.g.Watched.Load() != 1 {
		t.Errorf("watched: %v by %q, %d", a.Verdict, tape.last().Rule, s.g.Watched.Load())
	}
	if context.Cause(s.ctx) != nil {
		t.Fatal("the session ended early")
	}
	a := line("sudo mkfs /dev/sda")
	if a.Verdict != record.VerdictDeny || tape.last().Rule != "no-mkfs" {
		t.Errorf("forbidden: %v by %q", a.Verdict, tape.last().Rule)
	}
	if cause := context.Cause(s.ctx); cause != error(a.Refusal) {
		t.Errorf("the session ended with %v, want the refusal", cause)
	}
}

// Line of the table "when the journal can't take a record": SSH's reading stops, then the session ends.
func TestSSHWaitsForTheJournalThenEnds(t *testing.T) {
	stream := []record.Kind{record.KindInput, record.KindOutput, record.KindScreen, record.KindResize, record.KindSignal}
	t.Run("there is room in time", func(t *testing.T) {
		s, tape := sshSession(t, "", Target{})
		tape.setFull(true)
		told := make(chan error, len(stream))
		for _, k := range stream {
			go func() { told <- s.Tell(record.Record{Kind: k, Text: []byte("x")}) }()
		}
		select {
		case err := <-told:
			t.Fatalf("told without room: %v", err)
		case <-time.After(20 * time.Millisecond): // it waits: nothing can be polled for
		}
		tape.free()
		for range stream {
			if err := <-told; err != nil {
				t.Error(err)
			}
		}
		if len(tape.records) != len(stream) {
			t.Errorf("%d records, want %d", len(tape.records), len(stream))
		}
	})
	t.Run("there is none", func(t *testing.T) {
		s, tape := sshSession(t, "", Target{})
		w := *s.world
		w.Limits.RecordingWait = time.Millisecond
		s.g.Swap(&w)
		tape.setFull(true)
		for _, k := range stream {
			var e *protocols.Error
			if err := s.Tell(record.Record{Kind: k}); !errors.As(err, &e) || e.Class != protocols.ClassNotRecorded {
				t.Errorf("%s: %v, want not recorded", k, err)
			}
		}
		if err := s.Tell(record.Record{Kind: record.KindNotice}); err != nil {
			t.Errorf("a notice: %v", err)
		}
	})
	t.Run("the session ends first", func(t *testing.T) {
		s, tape := sshSession(t, "", Target{})
		tape.setFull(true)
		told := make(chan error)
		go func() { told <- s.Tell(record.Record{Kind: record.KindOutput}) }()
		s.kill(errKilled)
		if err := <-told; err == nil {
			t.Error("told")
		}
	})
	t.Run("best effort", func(t *testing.T) {
		s, tape := sshSession(t, "", Target{BestEffort: true})
		tape.setFull(true)
		if err := s.Tell(record.Record{Kind: record.KindOutput}); err != nil || s.g.Lost.Load() != 1 {
			t.Errorf("%v, %d lost", err, s.g.Lost.Load())
		}
	})
}

// Many channels ask and tell at once: each record once, each channel's own in its order.
func TestManyChannelsShareATape(t *testing.T) {
	s, tape := sshSession(t, `permit (principal, action, resource);`, Target{})
	const channels, each = 8, 50
	var wg sync.WaitGroup
	for c := range channels {
		wg.Go(func() {
			for i := range each {
				r := exec("exec", fmt.Sprintf("echo %d", i))
				r.Stream = uint32(c)
				a := s.Ask(protocols.Action{Record: r})
				s.Sync()
				s.Tell(record.Record{Kind: record.KindResult, Stream: uint32(c), Of: a.Seq, Outcome: record.OutcomeDone})
			}
		})
	}
	wg.Wait()
	next := map[uint32]int{}
	for _, r := range tape.records {
		if r.Kind != record.KindExec {
			continue
		}
		if want := fmt.Sprintf("echo %d", next[r.Stream]); string(r.Text) != want {
			t.Fatalf("channel %d: %q, want %q", r.Stream, r.Text, want)
		}
		next[r.Stream]++
	}
	if len(tape.records) != 2*channels*each || len(s.open) != 0 || s.running != 0 {
		t.Errorf("%d records, %d open, %d running", len(tape.records), len(s.open), s.running)
	}
}

// A shell that nobody types into is idle; a program that runs is not.
func TestAShellIsIdle(t *testing.T) {
	s, _ := sshSession(t, `permit (principal, action, resource);`, Target{})
	later := time.Now().Add(time.Hour)
	s.Ask(protocols.Action{Record: exec("shell", "")})
	s.Ask(protocols.Action{Record: exec("subsystem", "sftp")})
	if s.idleSince(later) < time.Minute {
		t.Error("a shell or an sftp counts as busy")
	}
	a := s.Ask(protocols.Action{Record: exec("exec", "sleep 1000")})
	s.Tell(record.Record{Kind: record.KindOutput})
	if s.idleSince(later) != 0 {
		t.Error("a program that runs counts as idle")
	}
	s.Tell(record.Record{Kind: record.KindResult, Of: a.Seq})
	if s.idleSince(later) < time.Minute {
		t.Error("the shell counts as busy after the program")
	}
}

// What is typed is on record and not judged; a record of it can be named later.
func TestInputIsAsked(t *testing.T) {
	s, tape := sshSession(t, "", Target{})
	a := s.Ask(protocols.Action{Record: record.Record{Kind: record.KindInput, Stream: 1, Bytes: 3}})
	if a.Verdict != record.VerdictAllow || a.Seq == 0 || tape.last().Verdict != record.VerdictNone || len(s.open) != 0 {
		t.Errorf("%+v, on record %+v", a, tape.last())
	}
	tape.setFull(true)
	a = s.Ask(protocols.Action{Record: record.Record{Kind: record.KindInput, Stream: 1, Bytes: 3}})
	if a.Verdict != record.VerdictWait {
		t.Fatalf("%+v, want it to wait", a)
	}
	tape.free()
	if a = <-a.Ready; a.Verdict != record.VerdictAllow || a.Seq == 0 {
		t.Errorf("%+v", a)
	}
}

// Cutting a file by its attributes writes to it.
func TestASizeIsAWrite(t *testing.T) {
	s, tape := sshSession(t, `permit (principal, action == Action::"file_attr", resource);`, Target{})
	for detail, verdict := range map[string]record.Verdict{"mode=0600": record.VerdictAllow, "mode=0600 size=0": record.VerdictDeny} {
		if a := s.Ask(protocols.Action{Record: file("setstat", "/a", "as=a", detail)}); a.Verdict != verdict {
			t.Errorf("%s: %s, actions %v", detail, a.Verdict, tape.last().Actions)
		}
	}
}

// A policy or a user that changes ends open sessions that may not be any more, with nothing asked.
func TestANewWorldEndsShells(t *testing.T) {
	s, _ := sshSession(t, `permit (principal, action, resource);`, Target{})
	none, err := policy.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	users, err := identity.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.g.live[s.id] = s
	w := *s.world
	w.Policy, w.Users = none, users.Snapshot()
	s.g.Swap(&w)
	s.g.sweep(time.Now())
	if context.Cause(s.ctx) == nil {
		t.Error("the session goes on")
	}
}

// What one connection has under way holds room in the journal, so there is an end to it.
func TestOpenActionsAreBounded(t *testing.T) {
	s, tape := sshSession(t, `permit (principal, action, resource);`, Target{})
	var first protocols.Answer
	for i := range maxOpen {
		a := s.Ask(protocols.Action{Record: file("open-read", "/a")})
		if a.Verdict != record.VerdictAllow {
			t.Fatalf("the %dth: %v", i, a.Refusal)
		}
		if i == 0 {
			first = a
		}
	}
	a := s.Ask(protocols.Action{Record: file("open-read", "/a")})
	if a.Verdict != record.VerdictDeny || a.Refusal == nil || a.Refusal.Class != protocols.ClassTooMany || tape.last().Verdict != record.VerdictDeny {
		t.Errorf("one more: %+v", a)
	}
	for _, seq := range []uint64{a.Seq, first.Seq} {
		s.Tell(record.Record{Kind: record.KindResult, Of: seq})
	}
	if a := s.Ask(protocols.Action{Record: file("open-read", "/a")}); a.Verdict != record.VerdictAllow {
		t.Errorf("after one has ended: %v", a.Refusal)
	}
}
