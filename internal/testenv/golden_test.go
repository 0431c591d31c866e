package testenv

import (
	"path/filepath"
	"testing"
)

// failT counts failures instead of failing.
type failT struct {
	testing.TB
	errors int
}

func (f *failT) Helper()               {}
func (f *failT) Errorf(string, ...any) { f.errors++ }

func TestGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "testdata", "a")
	t.Setenv("UPDATE_GOLDEN", "1")
	Golden(t, path, []byte("one\n"))
	t.Setenv("UPDATE_GOLDEN", "")
	Golden(t, path, []byte("one\n"))
	other := &failT{TB: t}
	Golden(other, path, []byte("two\n"))
	if other.errors != 1 {
		t.Errorf("%d errors for text that differs", other.errors)
	}
}
