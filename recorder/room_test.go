package recorder

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
)

var errDown = errors.New("the archive is down")

// While the home is down the journal fills up. Then an action finds no room and nothing was recorded of it; each
// action that was accepted can tell its result, each session can end; and when the home is back, all goes on.
func TestAFullJournalTakesResultsAndEndsButNoActions(t *testing.T) {
	b := newBed(t)
	r := b.open()
	b.home.failWith(errDown)
	tape, other := start(t, r), start(t, r)
	var open []uint64
	query := record.Record{Kind: record.KindQuery, Text: []byte(strings.Repeat("select ", 300))}
	for {
		seq, err := tape.Append(query)
		if errors.Is(err, record.ErrNoRoom) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, seq)
	}
	if _, err := r.Start(record.ID{1}); !errors.Is(err, record.ErrNoRoom) {
		for tape.next < 1000 && err == nil { // a Close is small: there may be a little left
			_, err = r.Start(record.ID{1})
		}
		if !errors.Is(err, record.ErrNoRoom) {
			t.Errorf("a session began: %v", err)
		}
	}
	for i, seq := range open {
		res := record.Record{Kind: record.KindResult, Of: seq, Outcome: record.OutcomeFailed, Code: []byte("XX000")}
		if i%2 == 0 {
			res.Message = []byte(strings.Repeat("m", 5000))
		}
		put(t, tape, res)
	}
	if err := tape.Close(record.Record{Outcome: record.OutcomeDone, Message: []byte(strings.Repeat("m", 5000))}); err != nil {
		t.Errorf("close: %v", err)
	}
	if r.Healthy() == nil || r.Stats().Failures == 0 || r.Stats().Lag == 0 || r.Stats().Oldest.IsZero() {
		t.Errorf("nobody is told: %+v", r.Stats())
	}
	b.home.failWith(nil)
	for {
		room := r.Room()
		if _, err := other.Append(query); err == nil {
			break
		} else if !errors.Is(err, record.ErrNoRoom) {
			t.Fatal(err)
		}
		<-room
	}
	if err := other.Close(record.Record{Outcome: record.OutcomeDone}); err != nil {
		t.Fatal(err)
	}
	b.close(r)
	if err := r.Healthy(); err != nil && r.Stats().Err != nil {
		t.Errorf("the archive is back: %v", err)
	}
	checkShortened(t, b.verify()[tape.id], open)
}

// checkShortened makes sure that a result which was shortened for want of room says so, and that none is missing.
func checkShortened(t *testing.T, list []record.Record, open []uint64) {
	t.Helper()
	results := map[uint64]record.Record{}
	for _, rec := range list {
		if rec.Kind == record.KindResult {
			results[rec.Of] = rec
		}
	}
	for i, seq := range open {
		rec, ok := results[seq]
		switch {
		case !ok || rec.Outcome != record.OutcomeFailed || string(rec.Code) != "XX000":
			t.Fatalf("action %d has no result: %+v", seq, rec)
		case i%2 == 0 && len(rec.Message) < 5000 && rec.Length != 5000:
			t.Fatalf("a message of %d bytes doesn't say that it was shortened: %+v", len(rec.Message), rec)
		}
	}
	if last := list[len(list)-1]; last.Kind != record.KindClose || len(last.Message) < 5000 && last.Length != 5000 {
		t.Errorf("the close is %+v", last)
	}
}

// A tape gives back all that was set aside for it, whatever became of its actions and steps.
func TestNothingStaysSetAside(t *testing.T) {
	b := newBed(t)
	r := b.open()
	tape := start(t, r)
	ask := func(k record.Kind) uint64 { return put(t, tape, record.Record{Kind: k}) }
	tell := func(of uint64, o record.Outcome, f record.Flags) {
		put(t, tape, record.Record{Kind: record.KindResult, Of: of, Outcome: o, Flags: f})
	}
	held := func(units int64) {
		t.Helper()
		if got := r.Stats().Journal.Held; got != closeRoom+units*resultRoom {
			t.Errorf("%d bytes are held, want a Close and %d results", got, units)
		}
	}
	held(0)
	ask(record.KindParse)
	ask(record.KindBind)
	run := ask(record.KindExecute)
	cancel := ask(record.KindCancel)
	held(4)
	tell(cancel, record.OutcomeDone, 0) // says nothing of the steps before it
	held(3)
	tell(run, record.OutcomeCancelled, 0) // the steps before it are settled
	held(0)
	parse, bind, run := ask(record.KindParse), ask(record.KindBind), ask(record.KindExecute)
	tell(parse, record.OutcomeFailed, 0)
	held(2)
	tell(bind, record.OutcomeSkipped, 0)
	tell(run, record.OutcomeSkipped, 0)
	held(0)
	query := ask(record.KindQuery)
	tell(query, record.OutcomeDone, record.FlagSimple) // one of several: the last is still to come
	held(1)
	tell(query, record.OutcomeDone, 0)
	tell(query, record.OutcomeDone, 0) // a fault in a protocol must not take another's room
	held(0)
	ask(record.KindParse)
	ask(record.KindQuery)
	if err := tape.Close(record.Record{Outcome: record.OutcomeDone}); err != nil {
		t.Fatal(err)
	}
	if got := r.Stats().Journal.Held; got != 0 {
		t.Errorf("%d bytes are held for nobody", got)
	}
	b.close(r)
	list := b.verify()[tape.id]
	if last := list[len(list)-2]; last.Kind != record.KindResult || last.Outcome != record.OutcomeUnknown {
		t.Errorf("the action that was open has %+v", last)
	}
}

func TestAClosedTapeTakesNothing(t *testing.T) {
	b := newBed(t)
	r := b.open()
	tape := start(t, r)
	if err := tape.Close(record.Record{}); err != nil {
		t.Fatal(err)
	}
	if _, err := tape.Append(record.Record{Kind: record.KindQuery}); !errors.Is(err, ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if err := tape.Close(record.Record{}); !errors.Is(err, ErrClosed) {
		t.Errorf("close: %v", err)
	}
	b.close(r)
	if _, err := r.Start(record.ID{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("start: %v", err)
	}
}
