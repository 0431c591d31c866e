package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What was appended before Roll is gone from the folder once it is released, and what comes behind it is read as ever.
func TestRollLetsGoOfWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, Options{SegmentSize: 1 << 20, MaxBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	before, err := j.Append([]byte("quetzalcoatl"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second time there is nothing to let go
		if err := j.Roll(); err != nil {
			t.Fatal(err)
		}
	}
	end, err := j.Append([]byte("afterwards"), 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := j.Reader(before)
	if err != nil {
		t.Fatal(err)
	}
	if entry, next, err := r.Next(); err != nil || string(entry) != "afterwards" || next != end {
		t.Errorf("behind it stands %q up to %v, want %v, %v", entry, next, end, err)
	}
	r.Close()
	if err := j.Release(end); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range names {
		if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, []byte("quetzalcoatl")) {
			t.Errorf("it is still in %s, %v", name, err)
		}
	}
}

func TestRollWithoutRoomChangesNothing(t *testing.T) {
	j, err := Open(t.TempDir(), Options{SegmentSize: 1 << 20, MaxBytes: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for err == nil {
		_, err = j.Append(make([]byte, 1000), 0)
	}
	tail := j.Tail()
	if err := j.Roll(); !errors.Is(err, ErrFull) || j.Tail() != tail {
		t.Errorf("%v, and the end moved from %v to %v", err, tail, j.Tail())
	}
}
