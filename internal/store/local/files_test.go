package local

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// What goes past the page cache, and what is left over, is the file as it should be, whatever its size and place in memory.
func TestAFileIsWrittenWhole(t *testing.T) {
	content := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{1}).Read(content)
	for _, part := range [][]byte{nil, content[:1], content[:directFrom], content[:directFrom+1], content[1 : 1+directFrom],
		content[:999_999], content} {
		name := filepath.Join(t.TempDir(), "block")
		if err := writeSynced(name, part); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(name); err != nil || !bytes.Equal(b, part) {
			t.Errorf("%d bytes came back as %d, %v", len(part), len(b), err)
		}
	}
}
