package recorder

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("RECORDER_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// bed is a folder for a recorder, with its home beside it.
type bed struct {
	t    testing.TB
	dir  string
	home *folder
	opts Options
}

func newBed(t testing.TB) *bed {
	b := &bed{t: t, dir: t.TempDir()}
	for _, name := range []string{"home", "journal"} {
		if err := os.Mkdir(filepath.Join(b.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.home = newFolder(filepath.Join(b.dir, "home"))
	b.opts = options(b.dir, b.home)
	return b
}

// options are such that little fills a block, a segment and the journal.
func options(dir string, home Sink) Options {
	return Options{Dir: filepath.Join(dir, "journal"), Home: home, Log: slog.New(slog.DiscardHandler), BlockSize: 8 << 10,
		Seal: 20 * time.Millisecond, Journal: journal.Options{SegmentSize: 64 << 10, MaxBytes: 256 << 10}}
}

func (b *bed) open() *Recorder {
	b.t.Helper()
	r, err := Open(context.Background(), b.opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.close(r) })
	return r
}

func (b *bed) close(r *Recorder) {
	b.t.Helper()
	if err := r.Close(context.Background()); err != nil {
		b.t.Error(err)
	}
}

// crash ends a recorder as a kill does: nothing more is sealed.
func (b *bed) crash(r *Recorder) {
	b.t.Helper()
	r.closed.Store(true)
	r.cancel()
	<-r.sealer.done
	if err := r.journal.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) verify() map[record.ID][]record.Record {
	b.t.Helper()
	sessions, err := b.home.verify()
	if err != nil {
		b.t.Fatal(err)
	}
	return sessions
}

func start(t testing.TB, r *Recorder) *Tape {
	t.Helper()
	tape, err := r.Start(record.NewID(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	put(t, tape, record.Record{Kind: record.KindOpen, User: "alice", Target: "orders"})
	return tape
}

func put(t testing.TB, tape *Tape, r record.Record) uint64 {
	t.Helper()
	seq, err := tape.Append(r)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestWhatIsAppendedIsAtHomeAndVerifies(t *testing.T) {
	b := newBed(t)
	r := b.open()
	tape := start(t, r)
	for i := range 200 {
		seq := put(t, tape, record.Record{Kind: record.KindQuery, Text: []byte("select * from orders"), Verdict: record.VerdictAllow})
		if seq != uint64(1+2*i) {
			t.Fatalf("query %d has number %d", i, seq)
		}
		put(t, tape, record.Record{Kind: record.KindResult, Of: seq, Outcome: record.OutcomeDone, Rows: 3})
	}
	if err := tape.Close(record.Record{Outcome: record.OutcomeDone}); err != nil {
		t.Fatal(err)
	}
	b.close(r)
	got := b.verify()[tape.id]
	if len(got) != 402 || got[0].User != "alice" || got[401].Kind != record.KindClose {
		t.Fatalf("%d records", len(got))
	}
	if st := r.Stats(); st.Lag != 0 || st.Tapes != 0 || st.Journal.Held != 0 || st.Records != 402 || st.Blocks < 2 {
		t.Errorf("%+v", st)
	}
}
