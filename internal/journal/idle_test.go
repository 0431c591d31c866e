package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fillAndRelease has a journal go through ten segments, each released when the next begins. It returns what was appended since,
// and how many files it took.
func fillAndRelease(t *testing.T, j *Journal) (kept []string, files int) {
	t.Helper()
	seen := map[*os.File]bool{}
	for i := range 100 {
		entry := fmt.Sprintf("%d %s", i, strings.Repeat("quetzalcoatl", 500))
		p := appendTo(t, j, entry)
		j.mu.Lock()
		seen[j.cur.file] = true
		j.mu.Unlock()
		if p.segment() != j.First().segment() {
			if err := j.Release(p); err != nil {
				t.Fatal(err)
			}
			kept = nil
		}
		kept = append(kept, entry)
	}
	return kept, len(seen)
}

// What was released is gone from the disk though its segment is used again, and a kill at that moment leaves nothing that a start
// takes for an entry or for a torn one.
func TestASegmentThatIsUsedAgainHasNothingOfBefore(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	j := open(t, dir, small())
	kept, files := fillAndRelease(t, j)
	if files > 4 {
		t.Errorf("%d files for a journal of 4 segments", files)
	}
	j.grow.Lock() // nothing gets another name meanwhile
	said := 0
	names, _ := filepath.Glob(filepath.Join(dir, "*.seg*"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, filepath.Base(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		said += bytes.Count(b, []byte("quetzalcoatl"))
	}
	j.grow.Unlock()
	if said != 500*len(kept) {
		t.Errorf("a word is on disk %d times, want %d", said, 500*len(kept))
	}
	again := open(t, copied, small())
	entries, r := all(t, again, 0)
	equal(t, entries, kept)
	if s := again.Stats(); s.Torn != 0 || s.Aside != 0 || r.Torn() != 0 {
		t.Errorf("%+v", s)
	}
}

// Zeros that aren't on disk could come back as what was there before when the power fails.
func TestWithSyncNoSegmentIsUsedAgain(t *testing.T) {
	opts := small()
	opts.Sync = true
	if _, files := fillAndRelease(t, open(t, t.TempDir(), opts)); files < 10 {
		t.Errorf("%d files for ten segments", files)
	}
}

func TestCloseLeavesNoIdleSegment(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, small())
	fillAndRelease(t, j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+idleSuffix)); left != nil {
		t.Errorf("%v are left", left)
	}
}
