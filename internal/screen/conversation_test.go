package screen

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	recordAll = flag.String("record", "", "record the conversations with this in their name anew, with the real programs")
	update    = flag.Bool("update", false, "write what the conversations give as golden")
)

// conversation is what a person does at a terminal with a real program. It was recorded once (testdata/*.cast, asciicast v3)
// and is played to a Terminal since.
type conversation struct {
	name       string
	rows, cols int
	program    []string
	env        []string
	files      map[string]string
	steps      []step
	secrets    []string // must not turn up in any event
}

// piece is one read of a conversation.
type piece struct {
	at   time.Duration
	what byte // 'o', 'i', 'r'
	text string
}

// TestConversations plays what people typed at real programs, and compares what a Terminal tells with what is known good.
func TestConversations(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join("testdata", c.name)
			if *recordAll != "" && strings.Contains(c.name, *recordAll) {
				if _, err := exec.LookPath(c.program[0]); err != nil {
					t.Fatal(err)
				}
				writeCast(t, path+".cast", c, record(t, c))
			}
			pieces := readCast(t, path+".cast")
			got := play(t, c, pieces)
			for _, secret := range c.secrets {
				if strings.Contains(got, secret) {
					t.Errorf("%q was typed without an echo and is told:\n%s", secret, got)
				}
			}
			if *update {
				if err := os.WriteFile(path+".golden", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("it tells\n%s\nit should tell\n%s", got, want)
			}
		})
	}
}

// play gives a conversation to a Terminal as a relay does, and writes down what it tells.
func play(t *testing.T, c conversation, pieces []piece) string {
	t.Helper()
	var w strings.Builder
	term := New(c.rows, c.cols)
	tell := func(events []Event) {
		for _, e := range events {
			switch e.Kind {
			case Lines:
				for line := range strings.SplitSeq(string(e.Text), "\n") {
					fmt.Fprintf(&w, "shown    | %s\n", line)
				}
			case Command:
				fmt.Fprintf(&w, "command    %q\n", e.Text)
			case Echoed:
				fmt.Fprintf(&w, "echoed     %q of read %d, %d bytes\n", e.Text, e.Of, e.Bytes)
			case NotEchoed:
				fmt.Fprintf(&w, "no echo    %d bytes of read %d\n", e.Bytes, e.Of)
			}
		}
	}
	tick := func(until time.Duration) {
		for {
			due := term.Deadline()
			if due == 0 || due > int64(until) {
				return
			}
			tell(term.Tick(due))
		}
	}
	for i, p := range pieces {
		tick(p.at)
		if p.what == 'o' {
			tell(term.Output(int64(p.at), []byte(p.text)))
			continue
		}
		for b := []byte(p.text); len(b) > 0; {
			keys, enter := term.Next(b)
			if keys > 0 {
				tell(term.Input(int64(p.at), uint64(i), b[:keys]))
			}
			if enter > 0 {
				l := term.Line()
				fmt.Fprintf(&w, "enter      %q, %d bytes not echoed\n", l.Shown, l.NotEchoed)
				tell(term.Input(int64(p.at), uint64(i), b[keys:keys+enter]))
			}
			b = b[keys+enter:]
		}
	}
	last := int64(time.Hour)
	if len(pieces) > 0 {
		last = int64(pieces[len(pieces)-1].at + 2*time.Second)
	}
	tick(time.Duration(last))
	tell(term.Close(last))
	return w.String()
}

func writeCast(t *testing.T, path string, c conversation, pieces []piece) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := json.NewEncoder(f)
	w.SetEscapeHTML(false)
	w.Encode(map[string]any{"version": 3, "term": map[string]int{"cols": c.cols, "rows": c.rows}, "command": strings.Join(c.program, " ")})
	var before time.Duration
	for _, p := range pieces {
		at := p.at.Round(time.Millisecond)
		w.Encode([]any{(at - before).Seconds(), string(p.what), p.text})
		before = at
	}
}

func readCast(t *testing.T, path string) (pieces []piece) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	lines.Scan()
	var at time.Duration
	for lines.Scan() {
		var took float64
		var what, text string
		if err := json.Unmarshal(lines.Bytes(), &[]any{&took, &what, &text}); err != nil {
			t.Fatal(err)
		}
		at += time.Duration(took * float64(time.Second)).Round(time.Millisecond)
		pieces = append(pieces, piece{at, what[0], text})
	}
	return pieces
}
