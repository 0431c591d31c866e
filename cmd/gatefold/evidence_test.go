package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
)

// TestEvidenceScripts runs the scripts of the verbs that prove and erase, each in the state folder of a gateway that
// recorded two sessions and stopped: alice's, 0a.., and carol's, 0c.., whose statement is split over records.
func TestEvidenceScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/evidence", Setup: func(env *testscript.Env) error {
		env.Setenv("TZ", "UTC")
		return recordTwo(t.Context(), env.WorkDir)
	}})
}

// recordTwo makes a configuration and a state folder with a record in it, by the gateway's own wiring.
func recordTwo(ctx context.Context, dir string) (err error) {
	path := filepath.Join(dir, "gatefold.yaml")
	if err := os.WriteFile(path, []byte("gateway: gw1\nstate: state\n"), 0o600); err != nil {
		return err
	}
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	r, err := openRooms(ctx, &Main{Stderr: io.Discard, Getenv: func(string) string { return "" }}, cfg, quiet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	long := "select okapi from animals where note = '" + strings.Repeat("lorem ipsum ", 30<<10) + "'"
	for _, s := range []struct {
		id         record.ID
		user, text string
	}{{record.ID{0: 0x0a, 6: 0x70, 8: 0x80}, "alice", "select 1"}, {record.ID{0: 0x0c, 6: 0x70, 8: 0x80}, "carol", long}} {
		if err := recordOne(r, s.id, s.user, s.text); err != nil {
			return err
		}
	}
	return nil
}

func recordOne(r *rooms, id record.ID, user, text string) error {
	tape, err := r.recorder.Start(id)
	if err != nil {
		return err
	}
	if _, err := tape.Append(record.Record{Kind: record.KindOpen, User: user, Protocol: "postgres", Verdict: record.VerdictAllow}); err != nil {
		return err
	}
	q, err := tape.Append(record.Record{Kind: record.KindQuery, Text: []byte(text), Verdict: record.VerdictAllow})
	if err != nil {
		return err
	}
	_, err = tape.Append(record.Record{Kind: record.KindResult, Of: q, Outcome: record.OutcomeFailed, Code: []byte("42P01"),
		Message: []byte("there is no okapi")})
	return errors.Join(err, tape.Close(record.Record{Outcome: record.OutcomeDone}))
}

// Checkpoints of a gateway that runs reach a file, an HTTP server and a command's standard input; what an open session has
// done is covered by the next one.
func TestCheckpointsGoElsewhereWhileTheGatewayRuns(t *testing.T) {
	posted := make(chan string, 16)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		posted <- string(b)
	})}
	go srv.Serve(l)
	defer srv.Close()
	elsewhere := t.TempDir()
	g := newGate(t, gateOptions{extra: `
evidence:
  checkpoint: 1s
  to:
    - file: ` + elsewhere + `/file
    - url: http://` + l.Addr().String() + `/secret-token
    - command: [sh, -c, "cat > ` + elsewhere + `/command"]
`})
	key, _, code := g.try("", "key")
	if code != 0 {
		t.Fatal("no key")
	}
	if err := os.WriteFile(elsewhere+"/key", []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	conn := g.connect()
	if _, err := conn.Exec(t.Context(), "select 1"); err != nil {
		t.Fatal(err)
	}
	covered := func(file string) bool {
		out, errs, code := g.try("", "verify", "--checkpoint", file, "--key", elsewhere+"/key")
		if code == exitNo {
			t.Fatalf("%s%s", out, errs)
		}
		return code == 0 && strings.Contains(out, "(1 still open)") && strings.Contains(out, "signed:   up to") && !strings.Contains(out, "not yet covered")
	}
	g.poll("a checkpoint that covers the open session", func() bool { return covered(elsewhere+"/file") && covered(elsewhere+"/command") })
	v, err := checkpoint.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.OpenCheckpoint([]byte(<-posted), v); err != nil {
		t.Errorf("what was posted: %v", err)
	}
	conn.Close(t.Context())
}

// Something is erased while its session is still open and goes on: all verifies, then and after a restart, and the words are
// nowhere in the archive.
func TestRedactAnOpenSession(t *testing.T) {
	g := newGate(t, gateOptions{})
	conn := g.connect()
	say := func(text string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	say("select 'quetzalcoatl' as pasted")
	var session, seq string
	g.poll("the statement in the archive", func() bool {
		out, _, _ := g.try("", "export", "-q", "quetzalcoatl")
		for line := range strings.Lines(out) {
			var r struct {
				Session string
				Seq     uint64
				Kind    string
				Text    string
			}
			if json.Unmarshal([]byte(line), &r) == nil && strings.Contains(r.Text, "quetzalcoatl") {
				session, seq = r.Session, strconv.FormatUint(r.Seq, 10)
			}
		}
		return session != ""
	})
	g.run("", "redact", session, seq, "--reason", "a feathered serpent")
	say("select 'afterwards'")
	conn.Close(t.Context())
	verified := func(want string) {
		t.Helper()
		g.poll(want, func() bool {
			out, errs, code := g.try("", "verify")
			if code != 0 {
				t.Fatalf("%s%s", out, errs)
			}
			return strings.Contains(out, want) && strings.Contains(out, "(0 still open)")
		})
	}
	verified("complete: yes, 1 redacted")
	if out, _, _ := g.try("", "search", "quetzalcoatl"); out != "" {
		t.Errorf("it is still found: %s", out)
	}
	if out := g.run("", "search", "afterwards"); !strings.Contains(out, "afterwards") {
		t.Error("what came later is not found")
	}
	if out := g.run("", "search", "kind:redact"); !strings.Contains(out, "a feathered serpent") {
		t.Errorf("that it was erased is not found: %s", out)
	}
	g.poll("the journal without it", func() bool {
		segments, err := filepath.Glob(filepath.Join(g.dir, "s", "journal", "*.seg"))
		if err != nil || len(segments) == 0 {
			t.Fatalf("%v %v", segments, err)
		}
		for _, name := range segments {
			if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, []byte("quetzalcoatl")) {
				return false
			}
		}
		return true
	})
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.start(false)
	verified("complete: yes, 1 redacted")
}
