package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// TestArchiveScripts runs the scripts of the verbs that read the archive, each on a copy of the same small one, in the
// state folder of a configuration.
func TestArchiveScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/archive", Setup: func(env *testscript.Env) error {
		env.Setenv("TZ", "UTC")
		return makeArchive(t.Context(), filepath.Join(env.WorkDir, "state", "archive"))
	}, UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != ""})
}

func makeArchive(ctx context.Context, dir string) error {
	s, err := local.Open(dir, local.Write)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, b := range storetest.Shop() {
		if err := s.Put(ctx, b.Block, b.Raw); err != nil {
			return err
		}
	}
	return nil
}
