package gen_test

import (
	"bytes"
	"testing"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/record"
)

// The same options make the same records.
func TestDeterministic(t *testing.T) {
	a, b := gen.New(gen.Options{Seed: 7}), gen.New(gen.Options{Seed: 7})
	other := gen.New(gen.Options{Seed: 8})
	same := true
	for i := range 20_000 {
		ra := record.AppendRecord(nil, a.Next())
		if rb := record.AppendRecord(nil, b.Next()); !bytes.Equal(ra, rb) {
			t.Fatalf("record %d differs", i)
		}
		same = same && bytes.Equal(ra, record.AppendRecord(nil, other.Next()))
	}
	if same {
		t.Error("another seed makes the same records")
	}
}

// What is made is what was promised: sizes of statements, short sessions, numbers without a gap, one Result an action.
func TestShape(t *testing.T) {
	g := gen.New(gen.Options{Seed: 1})
	next := map[record.ID]uint64{}
	open := map[record.ID]uint64{} // the action without a Result
	var sessions, short, queries, text, refused, failed int
	kinds := map[record.Kind]int{}
	at := int64(0)
	for range 200_000 {
		r := g.Next()
		if r.Seq != next[r.Session] || r.At < at {
			t.Fatalf("record %d of %v, expected %d; at %d after %d", r.Seq, r.Session, next[r.Session], r.At, at)
		}
		next[r.Session], at = r.Seq+1, r.At
		kinds[r.Kind]++
		switch {
		case r.Kind.Action():
			open[r.Session] = r.Seq
		case r.Kind == record.KindResult:
			if open[r.Session] != r.Of || r.Of == 0 {
				t.Fatalf("a Result of %d, open is %d", r.Of, open[r.Session])
			}
			delete(open, r.Session)
		case r.Kind == record.KindClose:
			sessions++
			if r.Seq < 4 {
				short++
			}
			if open[r.Session] != 0 {
				t.Fatal("a Close with an action open")
			}
		}
		switch r.Outcome {
		case record.OutcomeRefused:
			refused++
		case record.OutcomeFailed:
			failed++
		}
		if r.Kind == record.KindQuery || r.Kind == record.KindParse {
			queries++
			text += len(r.Text)
			if len(r.Text) < 50 || len(r.Text) > 500 {
				t.Errorf("a statement of %d bytes: %s", len(r.Text), r.Text)
			}
		}
	}
	t.Logf("%d sessions, %d short, text %d bytes on average, %d refused, %d failed, %v", sessions, short, text/queries, refused, failed, kinds)
	if short*100 < sessions*28 || short*100 > sessions*40 {
		t.Errorf("%d of %d sessions are short, not one in three", short, sessions)
	}
	if avg := text / queries; avg < 150 || avg > 260 {
		t.Errorf("statements have %d bytes on average", avg)
	}
	if refused == 0 || failed == 0 {
		t.Errorf("%d refused, %d failed", refused, failed)
	}
}

func BenchmarkNext(b *testing.B) {
	g := gen.New(gen.Options{})
	b.ReportAllocs()
	for b.Loop() {
		g.Next()
	}
}
