package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// through appends until n segments are full, and returns what it appended and the position of the end.
func through(t *testing.T, j *Journal, n int, word string) (entries []string, end Position) {
	t.Helper()
	for first := j.Tail().segment(); j.Tail().segment() < first+uint32(n); {
		entries = append(entries, fmt.Sprintf("%s %d %s", word, len(entries), strings.Repeat("x", 1000)))
		end = appendTo(t, j, entries[len(entries)-1])
	}
	return entries, end
}

// A segment that was released is used again under the next number: the same file, with nothing in it of what it held.
func TestReleasedSegmentsAreUsedAgain(t *testing.T) {
	dir := t.TempDir()
	opts := small()
	opts.MaxBytes *= 2
	j := open(t, dir, opts)
	_, end := through(t, j, 2, "quetzalcoatl")
	before, err := os.Stat(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Release(end); err != nil {
		t.Fatal(err)
	}
	again := false
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg*"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if f != segmentPath(dir, end.segment()) && bytes.Contains(text, []byte("quetzalcoatl")) {
			t.Errorf("%s holds what was released", f)
		}
		again = again || os.SameFile(before, info)
	}
	if !again {
		t.Error("the first segment's file is gone")
	}
	entries, last := through(t, j, 4, "later") // through all that were used again
	got, _ := all(t, j, end)
	if !slices.Equal(got, entries) {
		t.Errorf("%d entries are read, of %d", len(got), len(entries))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, opts)
	if got, _ := all(t, j, end); !slices.Equal(got, entries) {
		t.Errorf("%d entries are read by the next run, of %d", len(got), len(entries))
	}
	if stats := j.Stats(); j.Tail() != last || stats.Torn != 0 || stats.Aside != 0 {
		t.Errorf("the next run goes on at %v, want %v: %+v", j.Tail(), last, stats)
	}
}

// No more are kept ahead than may be wanted, and none beyond the journal's bound.
func TestSegmentsAheadAreBounded(t *testing.T) {
	dir := t.TempDir()
	opts := small()
	opts.MaxBytes = 32 * opts.SegmentSize
	j := open(t, dir, opts)
	_, end := through(t, j, 12, "much")
	if err := j.Release(end); err != nil {
		t.Fatal(err)
	}
	if stats := j.Stats(); stats.Segments > 1+maxSpares {
		t.Errorf("%d segments are kept", stats.Segments)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg*"))
	if len(files) > 1+maxSpares {
		t.Errorf("in the folder are %q", files)
	}
}

// What somebody still reads is left to them.
func TestASegmentThatIsReadIsNotUsedAgain(t *testing.T) {
	j := open(t, t.TempDir(), small())
	entries, end := through(t, j, 2, "read")
	r, err := j.Reader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := j.Release(end); err != nil {
		t.Fatal(err)
	}
	through(t, j, 3, "written over it")
	if entry, _, err := r.Next(); err != nil || string(entry) != entries[0] {
		t.Errorf("a reader gets %.20q, %v", entry, err)
	}
}

// Power fails when a segment has its new header on disk and its zeros not yet: what it held before is nothing in it, and what
// was half written over it is passed over.
func TestPowerFailsBeforeASegmentIsEmpty(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, small())
	_, end := through(t, j, 1, "before")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	stale, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	next := segmentPath(dir, end.segment()+1)
	if err := os.WriteFile(next, stale, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(next, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writeHeader(f, end.segment()+1, int64(len(stale))); err != nil {
		t.Fatal(err)
	}
	f.Close()
	opts, log := logged()
	j = open(t, dir, opts)
	if j.Tail() != end {
		t.Errorf("the journal ends at %v, want %v", j.Tail(), end)
	}
	entries, _ := through(t, j, 2, "after")
	if got, _ := all(t, j, end); !slices.Equal(got, entries) {
		t.Errorf("%d entries are read, of %d\n%s", len(got), len(entries), log)
	}
}
