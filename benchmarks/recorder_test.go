package benchmarks_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gatefold/gatefold/benchmarks"
	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/recorder"
)

// gated is a home that takes nothing before its gate is open; what it is given it drops, or hands on.
type gated struct {
	recorder.Sink
	open chan struct{}
	drop bool
}

func (g *gated) Put(ctx context.Context, b *record.Block, raw []byte) error {
	select {
	case <-g.open:
	case <-ctx.Done():
		return ctx.Err()
	}
	if g.drop {
		return nil
	}
	return g.Sink.Put(ctx, b, raw)
}

func newRecorder(b *testing.B, drop bool) (*recorder.Recorder, *gated) {
	b.Helper()
	dir := b.TempDir()
	archive, err := local.Open(filepath.Join(dir, "archive"), local.Write)
	if err != nil {
		b.Fatal(err)
	}
	home := &gated{archive, make(chan struct{}), drop}
	r, err := recorder.Open(context.Background(), recorder.Options{Dir: filepath.Join(dir, "journal"), Home: home,
		Log: slog.New(slog.DiscardHandler), Journal: journal.Options{MaxBytes: 2 << 30}}) // 2 GiB
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			b.Error(err)
		}
		if err := archive.Close(); err != nil {
			b.Error(err)
		}
	})
	return r, home
}

// settle waits until all is at home.
func settle(r *recorder.Recorder) {
	for r.Stats().Lag > 0 {
		time.Sleep(time.Millisecond)
	}
}

// BenchmarkAppend is what a record costs the session that writes it: the thread's CPU for numbering, encoding, and
// appending to the journal. One alone is followed by a Sync, as after each read of the relay's; several share one.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		read int // records a read
	}{{"alone", 1}, {"eight a read", 8}} {
		b.Run(c.name, func(b *testing.B) { benchmarkAppend(b, c.read) })
	}
}

func benchmarkAppend(b *testing.B, read int) {
	r, home := newRecorder(b, true)
	close(home.open)
	texts := statements(256)
	tape, err := r.Start(record.NewID(time.Now()))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := tape.Append(record.Record{Kind: record.KindOpen, User: "alice", Target: "orders"}); err != nil {
		b.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var spent time.Duration
	next, at := uint64(1), time.Now().UnixNano()
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		b.StopTimer()
		settle(r) // the journal holds a few of these rounds; how fast they are sealed has a benchmark of its own
		b.StartTimer()
		n := min(b.N-done, 1<<20)
		start := benchmarks.ThreadCPU()
		for i := range n {
			rec := record.Record{Kind: record.KindResult, At: at, Of: next - 1, Outcome: record.OutcomeDone, Rows: 1, Took: 90_000}
			if next%2 == 1 {
				rec = record.Record{Kind: record.KindQuery, At: at, Text: texts[i%len(texts)], Verdict: record.VerdictAllow,
					Epoch: 1, Rule: "staff", Digest: 0x5c3a9e}
			}
			if next, err = tape.Append(rec); err != nil {
				b.Fatal(err)
			}
			next++
			if i%read == 0 {
				if err := tape.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		}
		spent += benchmarks.ThreadCPU() - start
		done += n
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/record")
}

// statements are as the generator makes them.
func statements(n int) (texts [][]byte) {
	for g := gen.New(gen.Options{Seed: 1}); len(texts) < n; {
		if r := g.Next(); r.Kind == record.KindQuery {
			texts = append(texts, append([]byte(nil), r.Text...))
		}
	}
	return texts
}

// BenchmarkSeal is what cutting, chaining, filtering and compressing cost, and then also keeping and listing: the process'
// CPU from the moment when the home begins to take blocks to when it has all, over 200,000 records that wait in the
// journal.
func BenchmarkSeal(b *testing.B) {
	for _, c := range []struct {
		name string
		drop bool
	}{{"alone", true}, {"into the archive", false}} {
		b.Run(c.name, func(b *testing.B) {
			const records = 200_000
			var spent time.Duration
			for range b.N {
				b.StopTimer()
				spent += sealing(b, c.drop, records)
			}
			b.ReportMetric(float64(records*b.N)/spent.Seconds(), "records/cpu-s")
		})
	}
}

func sealing(b *testing.B, drop bool, records int) time.Duration {
	r, home := newRecorder(b, drop)
	f := &benchmarks.Feeder{Recorder: r, Records: gen.New(gen.Options{Seed: 1})}
	if err := f.Feed(context.Background(), records); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	b.StartTimer()
	start := benchmarks.CPU()
	close(home.open)
	settle(r)
	spent := benchmarks.CPU() - start
	b.StopTimer()
	return spent
}
