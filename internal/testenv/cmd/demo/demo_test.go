package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
)

// What the tour runs is right by the server itself: only the gateway refuses anything in it.
func TestTourRunsDirectly(t *testing.T) {
	psql := testenv.Tool(t, "psql")
	server := testenv.ForTest(t)
	db := server.CreateDB(t)
	server.MustExec(t, db, shopSQL)
	script := filepath.Join(t.TempDir(), "tour.sql")
	if err := os.WriteFile(script, tourSQL, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(psql, "-X", "-e", "-v", "ON_ERROR_STOP=1", "-f", script)
	cmd.Env = server.Env(db)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, said)
	}
	if err := wants("psql", said, "Ines", "COMMIT", "clock", "Grace", "still here"); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// And so at MariaDB, where the refused statement is refused by nobody else.
func TestLibraryTourRunsDirectly(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	server.MustExec(t, "", "CREATE DATABASE "+library)
	server.MustExec(t, library, librarySQL)
	file := filepath.Join(t.TempDir(), "my.cnf")
	if err := os.WriteFile(file, server.Login().OptionFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.MariaDBTool(t, "mariadb"), tourArgs(file)...)
	cmd.Env, cmd.Stdin = testenv.CleanEnv(), strings.NewReader(libraryTour)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb: %v\n%s", err, said)
	}
	if err := wants("mariadb", said, "Solaris", "Grace", "Piranesi"); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// A tour that shows the wrong thing fails.
func TestWants(t *testing.T) {
	if err := wants("psql", []byte("ERROR:  42501: refused"), "42501", "no-salaries"); err == nil {
		t.Error("a missing word is no error")
	}
}

func TestDemoNeedsItsBinary(t *testing.T) {
	var out bytes.Buffer
	d := &demo{out: &out, gate: &testenv.Gateway{Bin: filepath.Join(t.TempDir(), "gatefold"), Dir: t.TempDir()}}
	if err := d.verb(t.Context(), "", "nothing", "version"); err == nil {
		t.Errorf("no error; it printed %q", out.String())
	}
}
