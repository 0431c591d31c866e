package journal

import (
	"errors"
	"os"
	"testing"
	"time"
)

// Whoever is refused asks again, and each time wakes the keeper. That once put off for ever the moment at which it tries to
// grow again: a disk that had room again was never looked at while clients went on.
func TestJournalGrowsAgainWhileItIsAsked(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, small())
	for number := range uint32(16) { // a folder in its place keeps a segment from being made
		os.Mkdir(segmentPath(dir, number)+".new", 0o700)
	}
	fill(t, j, 3000, 0)
	refused := func() bool {
		_, err := j.Append(make([]byte, 3000), 0)
		if err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		return err != nil
	}
	if !refused() {
		t.Fatal("it is not full")
	}
	for number := range uint32(16) {
		os.Remove(segmentPath(dir, number) + ".new")
	}
	for deadline := time.Now().Add(10 * time.Second); refused(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there is room, and it does not grow while it is asked to")
		}
	}
}
