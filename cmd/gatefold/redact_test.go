package main

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
)

// roomsIn opens a gateway's rooms on a state folder below dir.
func roomsIn(t *testing.T, dir, more string) *rooms {
	t.Helper()
	path := filepath.Join(dir, "gatefold.yaml")
	if err := os.WriteFile(path, []byte("gateway: gw1\nstate: state\n"+more), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := openRooms(t.Context(), &Main{Stderr: io.Discard, Getenv: func(string) string { return "" }}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFinishedErasingIsTold pins that erasing which failed half way, as its session's Close says, and which the next start finished,
// was on record as failed for ever: a follower that goes by the record kept the payload.
func TestFinishedErasingIsTold(t *testing.T) {
	dir := t.TempDir()
	r := roomsIn(t, dir, "")
	o := &old{t: t, r: r, id: record.ID{0: 1, 6: 0x70, 8: 0x80}, at: time.Now()}
	o.open("alice")
	o.add(record.Record{Kind: record.KindNotice, Message: []byte("quetzalcoatl")})
	o.close()
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(dir, "state", "archive", "redact")
	if err := os.WriteFile(note, []byte("gatefold redact 1\n"+o.id.String()+"\n1\nend\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r = roomsIn(t, dir, "")
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := os.Stat(note); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the note of what is to be done is still there: %v", err)
	}
	var told []record.Record
	for end := time.Now().Add(10 * time.Second); len(told) < 3 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		told = told[:0]
		for b, err := range r.archive.Blocks(t.Context(), record.Narrow{Protocol: ownProtocol, Oldest: true}) {
			if err != nil {
				t.Fatal(err)
			}
			for rec, err := range b.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if rec.Session != o.id {
					told = append(told, rec.Clone())
				}
			}
		}
	}
	if len(told) != 3 || told[1].Kind != record.KindRedact || told[1].Parent != o.id || told[1].Of != 1 ||
		!strings.Contains(string(told[1].Message), "finished") || told[2].Outcome != record.OutcomeDone {
		t.Errorf("what is told of it: %+v", told)
	}
}
