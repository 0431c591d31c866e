package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestServerHasTLSAndSCRAM(t *testing.T) {
	s := ForTest(t)
	db := s.CreateDB(t)
	user, password := s.CreateRole(t, "")
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, s.UserDSN(user, password, db))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var tls bool
	var method string
	err = conn.QueryRow(ctx, `SELECT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()),
		current_setting('password_encryption')`).Scan(&tls, &method)
	if err != nil || !tls || method != "scram-sha-256" {
		t.Errorf("TLS %v, passwords %q, error %v", tls, method, err)
	}
	if _, err := pgx.Connect(ctx, s.UserDSN(user, "wrong", db)); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password got: %v", err)
	}
}

func TestServerLogsStatements(t *testing.T) {
	s := ForTest(t)
	s.MustExec(t, Superuser, "SELECT 'written in the log'")
	log, err := os.ReadFile(s.LogPath)
	if err != nil || !strings.Contains(string(log), "SELECT 'written in the log'") {
		t.Errorf("not in the log (%v)", err)
	}
}

// The pid file of a server long gone may name somebody else's process now.
func TestPidOfAnotherProcessIsNotBelieved(t *testing.T) {
	data := t.TempDir()
	text := "1\n" + data + "\n0\n5432\n/tmp\n127.0.0.1\n0\nready\n"
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, ok := readPostmaster(data); ok {
		t.Errorf("process %d is taken for a server", p.pid)
	}
}
