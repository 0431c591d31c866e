package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("JOURNAL_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// small are options under which a few kilobytes fill a segment.
func small() Options {
	return Options{SegmentSize: 64 << 10, MaxBytes: 256 << 10, Log: slog.New(slog.DiscardHandler)}
}

func open(t testing.TB, dir string, opts Options) *Journal {
	t.Helper()
	j, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func appendTo(t testing.TB, j *Journal, entry string) Position {
	t.Helper()
	pos, err := j.Append([]byte(entry), 0)
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

// all reads what a journal holds from a position on.
func all(t testing.TB, j *Journal, from Position) (entries []string, r *Reader) {
	t.Helper()
	r, err := j.Reader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		entry, _, err := r.Next()
		if err == io.EOF {
			return entries, r
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, string(entry))
	}
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("entry %d is %.40q, want %.40q", i, got[i], want[i])
		}
	}
}

func TestEntriesComeBackInOrderAcrossSegmentsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for run := range 3 {
		j := open(t, dir, small())
		for i := range 40 {
			e := fmt.Sprintf("run %d entry %d %s", run, i, strings.Repeat("x", i*37))
			want = append(want, e)
			appendTo(t, j, e)
		}
		got, _ := all(t, j, 0)
		equal(t, got, want)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	j := open(t, dir, small())
	if s := j.Stats(); s.Torn != 0 || s.First.segment() == s.Tail.segment() {
		t.Errorf("torn frames or one segment only: %+v", s)
	}
	got, _ := all(t, j, 0)
	equal(t, got, want)
}

func TestReaderGoesOnFromAPosition(t *testing.T) {
	j := open(t, t.TempDir(), small())
	appendTo(t, j, "one")
	pos := appendTo(t, j, "two")
	r, err := j.Reader(pos)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, next, err := r.Next(); err != io.EOF || next != pos {
		t.Fatalf("at the tail: %v, %v", next, err)
	}
	appendTo(t, j, "three")
	entry, _, err := r.Next()
	if err != nil || string(entry) != "three" {
		t.Fatalf("%q, %v", entry, err)
	}
	if _, err := j.Reader(j.Tail() + 8); err == nil {
		t.Error("a reader begins behind the tail")
	}
}

func TestNotifyRingsWhenTheTailGoesPast(t *testing.T) {
	j := open(t, t.TempDir(), small())
	r, err := j.Reader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	bell := r.Notify(j.Tail() + 100)
	appendTo(t, j, "short")
	select {
	case <-bell:
		t.Fatal("it rang before its position")
	default:
	}
	appendTo(t, j, strings.Repeat("x", 100))
	<-bell
	<-r.Notify(j.Tail() - 1) // it is past already
}

func TestReleaseDeletesSegmentsBelow(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, small())
	var mid Position
	for range 10 {
		p := appendTo(t, j, strings.Repeat("x", 20<<10))
		if p.segment() == 3 && mid == 0 {
			mid = p
		}
	}
	old, err := j.Reader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := j.Release(mid); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(segmentPath(dir, 2)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("segment 2 is still there: %v", err)
	}
	if _, err := os.Stat(segmentPath(dir, 3)); err != nil {
		t.Errorf("segment 3: %v", err)
	}
	var lost *LostError
	if _, err := j.Reader(at(1, headerSize)); !errors.As(err, &lost) || lost.First != at(3, headerSize) {
		t.Errorf("a reader of what was released: %v", err)
	}
	if entry, _, err := old.Next(); err != nil || len(entry) != 20<<10 {
		t.Errorf("a reader that was there before lost its segment: %v", err)
	}
}

func TestOneOwnerAtATime(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, small())
	_, err := Open(dir, small())
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("the second owner: %v", err)
	}
}

// The home knows of more than the journal still has (the machine died before its pages were written, or the folder is
// new): positions must not be used a second time.
func TestAfterIsNeverUsedAgain(t *testing.T) {
	dir := t.TempDir()
	opts := small()
	j := open(t, dir, opts)
	known := appendTo(t, j, "kept")
	j.Close()
	opts.After = known + 800
	j = open(t, dir, opts)
	if p := appendTo(t, j, "new"); p <= opts.After || p.segment() != known.segment()+1 {
		t.Errorf("%v was given out, %v is known", p, opts.After)
	}
	got, _ := all(t, j, opts.After)
	equal(t, got, []string{"new"})
	j.Close()

	opts.After = at(9, 4096)
	j = open(t, t.TempDir(), opts)
	var lost *LostError
	if _, err := j.Reader(opts.After); !errors.As(err, &lost) || lost.First != at(10, headerSize) {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestAppendRefuses(t *testing.T) {
	j := open(t, t.TempDir(), small())
	if _, err := j.Append(nil, 0); err == nil {
		t.Error("an empty entry was taken")
	}
	if _, err := j.Append(make([]byte, 64<<10), 0); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an entry over a segment: %v", err)
	}
	largest := make([]byte, 64<<10-headerSize-frameHeader-4)
	if _, err := j.Append(largest, 0); err != nil {
		t.Errorf("an entry of a whole segment: %v", err)
	}
	j.Close()
	if _, err := j.Append([]byte("x"), 0); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestOpenRefusesBadOptions(t *testing.T) {
	for _, opts := range []Options{{SegmentSize: 5000}, {SegmentSize: 4096}, {SegmentSize: 4 << 30, MaxBytes: 16 << 30},
		{SegmentSize: 1 << 20, MaxBytes: 1 << 20}} {
		if j, err := Open(t.TempDir(), opts); err == nil {
			j.Close()
			t.Errorf("%+v were taken", opts)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	opts := small()
	opts.SegmentSize, opts.MaxBytes = 1<<20, 4<<20
	j := open(t, t.TempDir(), opts)
	entry := bytes.Repeat([]byte("x"), 200)
	if n := testing.AllocsPerRun(1000, func() { j.Append(entry, 0) }); n != 0 {
		t.Errorf("%v allocations an entry", n)
	}
}

func TestSyncIsShared(t *testing.T) {
	opts := small()
	opts.Sync = true
	j := open(t, t.TempDir(), opts)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				pos, err := j.Append(fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 500)), 0)
				if err == nil {
					err = j.Sync(pos)
				}
				if err != nil {
					t.Error(err)
				}
				if j.syncs.Lock(); j.durable < pos {
					t.Errorf("Sync(%v) returned at %v", pos, j.durable)
				}
				j.syncs.Unlock()
			}
		})
	}
	wg.Wait()
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) { benchmark(b, writers) })
	}
}

func benchmark(b *testing.B, writers int) {
	j := open(b, b.TempDir(), Options{Log: slog.New(slog.DiscardHandler)})
	entry := bytes.Repeat([]byte("x"), 200)
	var wg sync.WaitGroup
	b.SetBytes(frameSize(len(entry)))
	b.ReportAllocs()
	b.ResetTimer()
	for w := range writers {
		wg.Go(func() {
			for i := w; i < b.N; i += writers {
				pos, err := j.Append(entry, 0)
				if err != nil {
					b.Error(err)
					return
				}
				if i%(1<<16) == 0 {
					j.Release(pos)
				}
			}
		})
	}
	wg.Wait()
}
