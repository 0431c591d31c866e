package replay_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// A session is followed while its blocks come in: what waits for its answer is shown at once, the answer when it comes,
// and the end ends it.
func TestFollow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	w, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m := storetest.NewMaker()
	seal := func() {
		b, raw := m.Seal()
		if err := w.Put(t.Context(), b, raw); err != nil {
			t.Fatal(err)
		}
	}
	alice, bob := m.Open("alice", "app", "orders", "shop"), m.Open("bob", "app", "orders", "shop")
	first := alice.Query("select pg_sleep(3600)", nil, nil)
	seal()
	steps := []func(){
		func() { bob.Query("select 1", nil, nil); seal() }, // nothing of hers
		func() {
			alice.Fail(first, "57014", "canceling statement due to user request")
			alice.Result(alice.Query("select 2", nil, nil), "SELECT 1", 1)
			first = alice.Prepare("p", "select $1", nil, nil)
			seal()
		},
		func() {
			alice.Result(alice.Execute(alice.Bind(first, record.Param{Value: []byte("x")})), "SELECT 1", 1)
			alice.Close()
			seal()
		},
	}
	var out bytes.Buffer
	var seen []int
	o := replay.Options{Follow: true, Sleep: func(context.Context, time.Duration) {
		seen = append(seen, strings.Count(out.String(), "\n"))
		if len(steps) == 0 {
			t.Fatal("it waits behind the end")
		}
		steps[0]()
		steps = steps[1:]
	}}
	if err := replay.Transcript(t.Context(), &out, read(t, dir), alice.ID, o); err != nil {
		t.Fatal(err)
	}
	golden(t, "follow.transcript", out.String())
	if !slices.Equal(seen, []int{10, 10, 13}) {
		t.Errorf("lines shown when it waited: %v\n%s", seen, out.String())
	}
}

// Who has seen enough is no error.
func TestFollowEndsWithItsReader(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	ctx, cancel := contextWithCancel(t)
	o := replay.Options{Follow: true, Sleep: func(context.Context, time.Duration) { cancel() }}
	var out bytes.Buffer
	if err := replay.Transcript(ctx, &out, src, sessionOf(t, src, "dave").ID, o); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "pg_sleep") {
		t.Error(out.String())
	}
	gone := errors.New("gone")
	o.Sleep = func(context.Context, time.Duration) { t.Fatal("it waits for nobody") }
	err := replay.Transcript(t.Context(), failing{gone}, src, sessionOf(t, src, "dave").ID, o)
	if !errors.Is(err, gone) {
		t.Errorf("it ended with %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Playing waits as the session did, by its speed, and not longer than a person wants to.
func TestPlay(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	var waits []time.Duration
	o := replay.Options{Speed: 2, Sleep: func(_ context.Context, d time.Duration) { waits = append(waits, d) }}
	transcript(t, src, sessionOf(t, src, "alice").ID, o)
	var total, long time.Duration
	for _, d := range waits {
		total, long = total+d, max(long, d)
	}
	// Seven milliseconds, at twice their speed, and minutes up to the update and to its answer.
	if want := 7*time.Millisecond/2 + 2*3*time.Second; total != want || long != 3*time.Second {
		t.Errorf("it waited %v in all, %v at a time, want %v: %v", total, long, want, waits)
	}
}

// What was erased is said to be, and can be looked for.
func TestErased(t *testing.T) {
	m := storetest.NewMaker()
	s := m.Open("alice", "app", "orders", "shop")
	commitment := bytes.Repeat([]byte{0xab}, 32)
	q := s.Add(record.Record{Kind: record.KindQuery, Verdict: record.VerdictAllow, Erased: commitment})
	s.Add(record.Record{Kind: record.KindResult, Of: q, Outcome: record.OutcomeDone, Rows: 3, Erased: commitment})
	p := s.Prepare("p", "select $1", nil, nil)
	s.Result(s.Execute(s.Add(record.Record{Kind: record.KindBind, Of: p, Erased: commitment})), "SELECT 1", 1)
	s.Add(record.Record{Kind: record.KindRedact, Of: q, Parent: s.ID, Message: []byte("a password")})
	s.Close()
	b, raw := m.Seal()
	src := read(t, put(t, []storetest.Sealed{{Block: b, Raw: raw}}))
	golden(t, "erased.transcript", transcript(t, src, s.ID, replay.Options{}))
	if got := find(t, src, "flag:erased"); got != "alice#6 alice#2" {
		t.Errorf("erased: %s", got)
	}
	var out bytes.Buffer
	if err := replay.Export(t.Context(), &out, src, nil); err != nil || strings.Count(out.String(), `"erased":"abab`) != 3 {
		t.Errorf("%v %s", err, out.String())
	}
}
