package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
)

// old is one session whose records are of some time ago, each in a block of its own.
type old struct {
	t    *testing.T
	r    *rooms
	tape interface {
		Append(record.Record) (uint64, error)
		Close(record.Record) error
	}
	id record.ID
	at time.Time
}

func (o *old) open(user string) {
	o.t.Helper()
	tape, err := o.r.recorder.Start(o.id)
	if err != nil {
		o.t.Fatal(err)
	}
	o.tape = tape
	o.add(record.Record{Kind: record.KindOpen, User: user, Protocol: "postgres", Verdict: record.VerdictAllow})
}

// add appends a record and waits until it is in the archive.
func (o *old) add(rec record.Record) uint64 {
	o.t.Helper()
	rec.At = o.at.UnixNano()
	seq, err := o.tape.Append(rec)
	if err != nil {
		o.t.Fatal(err)
	}
	o.sealed(seq)
	return seq
}

func (o *old) sealed(seq uint64) {
	o.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		line, ok, err := o.r.record.Session(o.t.Context(), o.id)
		if err != nil {
			o.t.Fatal(err)
		}
		if ok && line.Last >= seq {
			return
		}
	}
	o.t.Fatalf("record #%d of %v is not in the archive", seq, o.id)
}

func (o *old) close() {
	o.t.Helper()
	if err := o.tape.Close(record.Record{At: o.at.UnixNano(), Outcome: record.OutcomeDone}); err != nil {
		o.t.Fatal(err)
	}
	o.sealed(2)
}

// After retention and rewriting verify still says that all is intact and complete, also against a checkpoint from before;
// what is held stays whole, and a session that goes on lost its old part.
func TestTheProofOutlivesRetention(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gatefold.yaml")
	if err := os.WriteFile(path, []byte("gateway: gw1\nstate: state\nretention: {keep: 1h}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	getenv := func(string) string { return "" }
	r, err := openRooms(t.Context(), &Main{Stderr: io.Discard, Getenv: getenv}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	long := &old{t: t, r: r, id: record.ID{0: 0x01, 6: 0x70, 8: 0x80}, at: time.Now().Add(-3 * time.Hour)}
	long.open("pool")
	long.add(record.Record{Kind: record.KindNotice, Message: []byte("zebra")})
	for i, user := range []string{"alice", "bob"} {
		o := &old{t: t, r: r, id: record.ID{0: byte(2 + i), 6: 0x70, 8: 0x80}, at: time.Now().Add(-2 * time.Hour)}
		o.open(user)
		o.add(record.Record{Kind: record.KindNotice, Message: []byte("giraffe of " + user)})
		o.close()
	}
	if err := r.evidence.publisher.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := os.ReadFile(filepath.Join(cfg.State, "archive", "log", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	long.at = time.Now()
	long.add(record.Record{Kind: record.KindNotice, Message: []byte("okapi")})

	said, err := r.hold(t.Context(), "gw1", holding{Session: record.ID{0: 3, 6: 0x70, 8: 0x80}, Held: true, Reason: "case 4711", User: "judge"})
	if err != nil {
		t.Fatal(said, err)
	}
	said, err = r.prune(t.Context(), cfg, "judge")
	if err != nil || !strings.Contains(said, "went, of 1 session whole and 1 in part") || !strings.Contains(said, "held: 1 session") {
		t.Errorf("%q, %v", said, err)
	}
	for {
		upTo, err := r.logged()
		if err != nil {
			t.Fatal(err)
		}
		done, err := r.archive.Compact(t.Context(), upTo)
		if err != nil {
			t.Fatal(err)
		}
		if done.Blocks == 0 {
			break
		}
	}
	long.add(record.Record{Kind: record.KindNotice, Message: []byte("lion")})
	if err := r.close(); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "elsewhere"), elsewhere, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		var out, problems bytes.Buffer
		m := &Main{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &problems, Getenv: getenv}
		if code := m.Run(t.Context(), append([]string{"-c", path}, args...)); code != 0 {
			t.Errorf("%q: exit code %d\n%s%s", args, code, &out, &problems)
		}
		return out.String()
	}
	for _, rebuilt := range []bool{false, true} {
		if rebuilt {
			if err := os.Remove(filepath.Join(cfg.State, "archive", "directory.db")); err != nil {
				t.Fatal(err)
			}
			again, err := openRooms(t.Context(), &Main{Stderr: io.Discard, Getenv: getenv}, cfg, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if err := again.close(); err != nil {
				t.Fatal(err)
			}
		}
		got := run("verify", "--checkpoint", filepath.Join(dir, "elsewhere"), "--key", strings.TrimSpace(run("key")))
		if !strings.Contains(got, "intact:   yes\n") || !strings.Contains(got, "complete: yes") {
			t.Errorf("directory built again %v:\n%s", rebuilt, got)
		}
		for word, there := range map[string]bool{"zebra": false, "giraffe alice": false, "giraffe bob": true, "okapi": true, "lion": true} {
			if got := run(append([]string{"search"}, strings.Fields(word)...)...); strings.Contains(got, strings.Fields(word)[0]) != there {
				t.Errorf("directory built again %v, search %s:\n%s", rebuilt, word, got)
			}
		}
		if got := run("search", "user:pool", "okapi"); !strings.Contains(got, "okapi") {
			t.Errorf("directory built again %v: whose session was cut is not known:\n%s", rebuilt, got)
		}
	}
	if got := fmt.Sprint(run("search", "kind:notice", "user:judge")); !strings.Contains(got, "case 4711") || !strings.Contains(got, "records") {
		t.Errorf("hold and retention are not recorded:\n%s", got)
	}
}
