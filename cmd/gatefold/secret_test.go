package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatefold/gatefold/internal/testenv"
)

// What `secret add --generate` prints sets the password on a real server, and is not the password.
func TestAGeneratedSecretLogsIn(t *testing.T) {
	pg := testenv.ForTest(t)
	role, _ := pg.CreateRole(t, "")
	dir := t.TempDir()
	path := filepath.Join(dir, "gatefold.yaml")
	if err := os.WriteFile(path, []byte("state: s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	m := &Main{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: os.Getenv}
	if code := m.Run(t.Context(), []string{"-c", path, "secret", "add", "s", "--user", role, "--generate"}); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	pg.MustExec(t, "postgres", out.String())
	cfg, err := m.loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.openVault(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	c, err := v.Fetch(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Wipe()
	if printed := out.String() + errs.String(); strings.Contains(printed, string(c.Secret)) {
		t.Errorf("the secret was printed: %s", printed)
	}
	conn, err := pgx.Connect(t.Context(), pg.UserDSN(role, string(c.Secret), "postgres"))
	if err != nil {
		t.Fatalf("the secret in the vault does not log in: %v", err)
	}
	conn.Close(t.Context())
}
