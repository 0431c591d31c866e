package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func newPublisher(t *testing.T, l *Log, k *Key, say io.Writer, to ...Place) *Publisher {
	t.Helper()
	p, err := NewPublisher(l, k, time.Minute, to, slog.New(slog.NewTextHandler(say, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sizes are how many leaves the checkpoints in a file cover.
func sizes(t *testing.T, path string, k *Key) string {
	t.Helper()
	v, err := k.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	all, err := ReadCheckpoints(path, path, v)
	if err != nil {
		return err.Error()
	}
	var list []string
	for _, c := range all {
		list = append(list, fmt.Sprint(c.Size, c.Err))
	}
	return strings.Join(list, ", ")
}

func TestOnlyALogThatHasGrownIsSigned(t *testing.T) {
	k, _ := makeKey(t)
	dir := filepath.Join(t.TempDir(), "log")
	file := filepath.Join(t.TempDir(), "elsewhere")
	for run, grown := range []int{0, 2, 0, 1} {
		l := openLog(t, dir)
		size, _ := l.Size()
		p := newPublisher(t, l, k, io.Discard, Place{File: file})
		for range 2 {
			if err := p.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			add(t, l, int(size), int(size)+grown)
		}
		if err := p.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := p.Stats(); (s.Signed > 0) != (grown > 0) || s.Failures > 0 {
			t.Errorf("run %d: %+v", run, s)
		}
		l.Close()
	}
	for _, path := range []string{file, filepath.Join(dir, historyName)} {
		if got := sizes(t, path, k); got != "2 <nil>, 3 <nil>" {
			t.Errorf("%s has checkpoints of %s", path, got)
		}
	}
	if got := sizes(t, filepath.Join(dir, newestName), k); got != "3 <nil>" {
		t.Errorf("the newest is of %s", got)
	}
}

// A place that doesn't take a checkpoint gets the newest the next time, holds up no other, and doesn't learn from the log
// what its URL hides.
func TestAPlaceThatFailsIsTriedAgain(t *testing.T) {
	k, _ := makeKey(t)
	l := openLog(t, filepath.Join(t.TempDir(), "log"))
	defer l.Close()
	var broken atomic.Bool
	var got atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		got.Add(1)
	}))
	defer srv.Close()
	var said bytes.Buffer
	file := filepath.Join(t.TempDir(), "elsewhere")
	p := newPublisher(t, l, k, &said, Place{URL: srv.URL + "/s3cret-path"}, Place{File: file},
		Place{Command: []string{"sh", "-c", "echo no disk >&2; exit 3"}})
	broken.Store(true)
	add(t, l, 0, 1)
	if err := p.Publish(t.Context()); err == nil {
		t.Error("that two places fail is no error")
	}
	if sizes(t, file, k) != "1 <nil>" || got.Load() != 0 {
		t.Error("the good place was held up by the bad ones")
	}
	for _, want := range []string{"503 Service Unavailable", "not now", "exit status 3", "no disk"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not said: %s", want, &said)
		}
	}
	broken.Store(false)
	p.Publish(t.Context()) // the log has not grown
	if got.Load() != 1 || sizes(t, file, k) != "1 <nil>" {
		t.Error("only the place that lacks it is to get it")
	}
	srv.Close()
	add(t, l, 1, 2)
	p.Publish(t.Context())
	if strings.Contains(said.String(), "s3cret-path") {
		t.Errorf("the log tells a URL's path: %s", &said)
	}
	if s := p.Stats(); s.Signed != 2 || s.Failures != 5 || s.Places != 3 || !s.Oldest.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestACommandGetsTheCheckpoint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "got")
	place := Place{Command: []string{"sh", "-c", "cat > " + file}}
	if err := place.deliver(t.Context(), []byte("signed\n")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "signed\n" {
		t.Errorf("%q %v", b, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Place{Command: []string{"sleep", "60"}}).deliver(ended, nil); err == nil {
		t.Error("a command outlives its time")
	}
	if err := (Place{Command: []string{"/no/such/command"}}).deliver(t.Context(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A crash left half a checkpoint: it is cut off, so that the next can be read.
func TestHalfACheckpointIsCutOff(t *testing.T) {
	k, _ := makeKey(t)
	whole, _ := k.Sign(1, [32]byte{1})
	next, _ := k.Sign(2, [32]byte{2})
	for n := range len(whole) + 1 {
		l := &Log{dir: t.TempDir()}
		path := filepath.Join(l.dir, historyName)
		write(t, path, append(append(bytes.Clone(whole), '\n'), whole[:n]...))
		if err := errors.Join(l.mend(), l.keep(next)); err != nil {
			t.Fatal(err)
		}
		if got := sizes(t, path, k); got != "1 <nil>, 2 <nil>" {
			t.Errorf("cut at %d: %s", n, got)
		}
	}
}
