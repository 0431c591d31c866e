package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv("GATEFOLD_TEST_MAIN") != "" { // a test's own process is the program
		child()
		return
	}
	testscript.Main(m, map[string]func(){"gatefold": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}
