package local_test

import (
	"path/filepath"
	"testing"

	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		dir := filepath.Join(t.TempDir(), "archive")
		return storetest.Place{
			Write: func(t *testing.T) storetest.Store { return open(t, dir, local.Write) },
			Read:  func(t *testing.T) storetest.Store { return open(t, dir, local.Read) },
		}
	})
}

// open opens an archive that the test closes at its end.
func open(t *testing.T, dir string, mode local.Mode) *local.Store {
	t.Helper()
	s, err := local.Open(dir, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
