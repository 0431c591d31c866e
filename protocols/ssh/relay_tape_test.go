package ssh

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// tape is a Session that keeps what it is asked and told. What it answers depends on the text: "forbidden" is denied,
// "pending" is answered when the test says so.
type tape struct {
	mu      sync.Mutex
	records []record.Record
	open    map[uint64]bool // actions without a Result
	synced  int             // records that a Sync came behind
	fault   string          // a breach of the contract
	ended   bool
	barred  *protocols.Error // everything is denied from now on
	broken  error            // what Tell says from now on
	release chan struct{}    // closed: what is pending is allowed

	forgetful bool // for benchmarks: streams are forgotten
}

func newTape() *tape { return &tape{open: map[uint64]bool{}, release: make(chan struct{})} }

func (t *tape) Ask(a protocols.Action) protocols.Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := a.Record.Clone()
	answer := protocols.Answer{Verdict: record.VerdictAllow, Seq: t.add(&r)}
	switch {
	case a.Refused != nil:
		answer.Refusal = a.Refused
	case t.barred != nil:
		answer.Refusal = t.barred
	case strings.Contains(string(r.Text), "forbidden"):
		answer.Refusal = &protocols.Error{Class: protocols.ClassDenied, Message: "refused by policy", Hint: "Ask first.", Rule: "r1"}
	}
	if answer.Refusal != nil {
		answer.Verdict = record.VerdictDeny
	}
	r.Verdict = answer.Verdict
	t.records[answer.Seq-1] = r
	if r.Kind.Action() {
		t.open[answer.Seq] = true
	}
	if strings.Contains(string(r.Text), "pending") {
		ready := make(chan protocols.Answer, 1)
		go func() { <-t.release; ready <- answer }()
		return protocols.Answer{Verdict: record.VerdictWait, Ready: ready}
	}
	return answer
}

func (t *tape) add(r *record.Record) uint64 {
	if t.ended {
		t.fault = "recorded after done: " + describe(r)
	}
	t.records = append(t.records, *r)
	return uint64(len(t.records))
}

func (t *tape) Tell(rec record.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.forgetful && rec.Kind == record.KindOutput {
		return nil
	}
	r := rec.Clone()
	if t.broken != nil && r.Kind != record.KindResult {
		return t.broken
	}
	if r.Kind == record.KindResult {
		if r.Of == 0 {
			return nil
		}
		if !t.open[r.Of] {
			t.fault = "a Result of nothing: " + describe(&r)
		}
		delete(t.open, r.Of)
	}
	t.add(&r)
	return nil
}

func (t *tape) Sync() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.synced = len(t.records)
	return nil
}

// allow lets what is pending be.
func (t *tape) allow() { close(t.release) }

func (t *tape) bar(e *protocols.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.barred = e
}

func (t *tape) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = err
}

// lines are the records of these kinds (all where none is given) in words, in order.
func (t *tape) lines(kinds ...record.Kind) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for i := range t.records {
		if r := &t.records[i]; len(kinds) == 0 || contains(kinds, r.Kind) {
			list = append(list, describe(r))
		}
	}
	return list
}

func contains(kinds []record.Kind, k record.Kind) bool {
	for _, kind := range kinds {
		if kind == k {
			return true
		}
	}
	return false
}

// text is all that records of a kind and a stream have as text.
func (t *tape) text(kind record.Kind, stream uint32, flags record.Flags) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, r := range t.records {
		if r.Kind == kind && r.Stream == stream && r.Flags == flags {
			b.Write(r.Text)
		}
	}
	return b.String()
}

// sum is all that records of a kind count.
func (t *tape) sum(kind record.Kind) (n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.records {
		if r.Kind == kind && r.Of == 0 {
			n += r.Bytes
		}
	}
	return n
}

// expect compares the records of these kinds.
func (t *tape) expect(test *testing.T, want string, kinds ...record.Kind) {
	test.Helper()
	var list []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	want = strings.Join(list, "\n")
	got := strings.Join(t.lines(kinds...), "\n")
	if got != want {
		test.Errorf("on the tape:\n%s\nwant:\n%s", got, want)
	}
}

// await waits for a line on the tape that has these words.
func (t *tape) await(test *testing.T, words string) {
	test.Helper()
	testenv.Eventually(test, "on the tape: "+words, func() bool { return strings.Contains(strings.Join(t.lines(), "\n"), words) })
}

// describe writes a record's fields that are set.
func describe(r *record.Record) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(r.Kind.String()))
	field := func(set bool, format string, args ...any) {
		if set {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	field(r.Verdict == record.VerdictDeny, "denied")
	field(r.Stream != 0, "#%d", r.Stream)
	field(r.Of != 0, "of=%d", r.Of)
	field(r.Outcome != 0, "%s", strings.ToLower(r.Outcome.String()))
	field(len(r.Name) > 0, "%s", r.Name)
	field(len(r.Text) > 0, "%q", r.Text[:min(len(r.Text), 200)])
	field(r.Rows != 0, "rows=%d", r.Rows)
	field(r.Bytes != 0, "bytes=%d", r.Bytes)
	field(len(r.Code) > 0, "code=%s", r.Code)
	field(len(r.Message) > 0, "message=%q", r.Message)
	field(len(r.Hash) > 0, "hash=%.4x", r.Hash)
	field(r.Flags&record.FlagStderr != 0, "stderr")
	return b.String()
}
