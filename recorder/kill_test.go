package recorder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// child is the test's own binary started again: 8 sessions after another record actions and their results, and say on
// stdout what was acknowledged, until they are killed.
func child(dir string) {
	r, err := Open(context.Background(), options(dir, newFolder(filepath.Join(dir, "home"))))
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	var out sync.Mutex
	ok := func(t *Tape, seq uint64) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf("ok %v %d\n", t.id, seq)
	}
	for range 8 {
		go func() {
			for {
				if err := childSession(r, ok); err != nil {
					fmt.Println("record:", err)
					os.Exit(1)
				}
			}
		}()
	}
	io.Copy(io.Discard, os.Stdin) // the parent's end closes with it: no child stays behind
	os.Exit(1)
}

func childSession(r *Recorder, ok func(*Tape, uint64)) error {
	id := record.NewID(time.Now())
	tape, err := r.Start(id)
	for errors.Is(err, record.ErrNoRoom) {
		<-r.Room()
		tape, err = r.Start(id)
	}
	if err != nil {
		return err
	}
	say := func(rec record.Record) (uint64, error) {
		for {
			room := r.Room()
			seq, err := tape.Append(rec)
			if errors.Is(err, record.ErrNoRoom) {
				<-room
				continue
			}
			if err == nil {
				ok(tape, seq)
			}
			return seq, err
		}
	}
	if _, err := say(record.Record{Kind: record.KindOpen, User: "alice"}); err != nil {
		return err
	}
	for range rand.IntN(100) {
		text := strings.Repeat("x", rand.IntN(300))
		if rand.IntN(100) == 0 {
			text = strings.Repeat("long ", 5000) // split
		}
		seq, err := say(record.Record{Kind: record.KindQuery, Text: []byte(text)})
		if err == nil {
			_, err = say(record.Record{Kind: record.KindResult, Of: seq, Outcome: record.OutcomeDone})
		}
		if err != nil {
			return err
		}
	}
	return tape.Close(record.Record{Outcome: record.OutcomeDone})
}

// After a SIGKILL at any moment all that was acknowledged comes home, in a chain without a gap, every session ends in a
// Close, and every action has exactly one Result.
func TestNothingAcknowledgedIsLostToSIGKILL(t *testing.T) {
	b := newBed(t)
	acked := map[string]bool{}
	for range 20 {
		killOne(t, b.dir, acked)
	}
	r := b.open()
	b.close(r)
	records := 0
	for id, list := range b.verify() {
		if last := list[len(list)-1]; list[0].Kind != record.KindOpen || last.Kind != record.KindClose {
			t.Errorf("session %v goes from %v to %v", id, list[0].Kind, last.Kind)
		}
		open := map[uint64]bool{}
		for _, rec := range list {
			records++
			delete(acked, fmt.Sprintf("%v %d", id, rec.Seq))
			switch {
			case rec.Kind.Action():
				open[rec.Seq] = true
			case rec.Kind == record.KindResult && !open[rec.Of]:
				t.Errorf("session %v: action %d has two results, or none was asked", id, rec.Of)
			case rec.Kind == record.KindResult:
				delete(open, rec.Of)
			}
		}
		if len(open) > 0 {
			t.Errorf("session %v: %d actions have no result", id, len(open))
		}
	}
	if len(acked) > 0 || records < 1000 {
		t.Errorf("of %d records %d acknowledged ones are lost", records, len(acked))
	}
}

func killOne(t *testing.T, dir string, acked map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RECORDER_CHILD="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, n, enough := bufio.NewScanner(stdout), 0, 1+rand.IntN(1000)
	for lines.Scan() {
		name, ok := strings.CutPrefix(lines.Text(), "ok ")
		if !ok {
			t.Errorf("the child says %q", lines.Text())
			break
		}
		acked[name] = true
		if n++; n == enough {
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // any moment, not only that of a line
			cmd.Process.Kill()
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
}
