package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Whatever the size and wherever it lies in memory, a file holds all that was written to it, and its end.
func TestFilesAreWrittenWhole(t *testing.T) {
	room := make([]byte, 5<<20)
	for i := range room {
		room[i] = byte(i * i >> 7)
	}
	for _, at := range []int{0, 1, directPage} {
		for _, size := range []int{0, 1, directMin - 1, directMin, directMin + 1, 3<<20 + directPage - 1, 4 << 20} {
			path := filepath.Join(t.TempDir(), "f")
			if err := writeSynced(path, room[at:at+size]); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, room[at:at+size]) {
				t.Errorf("%d bytes from %d: %d are in the file, %v", size, at, len(got), err)
			}
		}
	}
}
