package testenv

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// shared is the one PostgreSQL of this test binary. It goes with the process.
var shared = sync.OnceValues(func() (*PostgresServer, error) {
	return Postgres(context.Background(), Options{TLS: true, LogStatements: true, Owned: true})
})

// ForTest returns the server that all tests of this binary share: TLS and SCRAM, every statement logged. Tests
// keep apart by databases and roles of their own (CreateDB, CreateRole) and must not stop it.
func ForTest(t testing.TB) *PostgresServer {
	t.Helper()
	return forTest(t, "postgresql", shared)
}

// NewForTest starts a server for one test, to be configured or stopped at will. Options.Owned is implied.
func NewForTest(t testing.TB, opt Options) *PostgresServer {
	t.Helper()
	return newForTest(t, "postgresql", opt, Postgres)
}

// Tool returns the path of one of PostgreSQL's programs, or skips the test.
func Tool(t testing.TB, name string) string {
	t.Helper()
	return tool(t, name, EnsurePostgres, Binary)
}

// CreateDB makes a database for the test and returns its name. It goes when the test ends.
func (s *PostgresServer) CreateDB(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", named.Add(1))
	s.MustExec(t, Superuser, "CREATE DATABASE "+name)
	t.Cleanup(func() { s.dropQuietly(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return name
}

// CreateRole makes a login role for the test, with attributes as CREATE ROLE takes them ("SUPERUSER"), and
// returns its name and password. It goes when the test ends, if it owns nothing any more.
func (s *PostgresServer) CreateRole(t testing.TB, attributes string) (name, password string) {
	t.Helper()
	name, password = fmt.Sprintf("r%d", named.Add(1)), NewPassword()
	s.MustExec(t, Superuser, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' %s", name, password, attributes))
	t.Cleanup(func() { s.dropQuietly(t, "DROP ROLE IF EXISTS "+name) })
	return name, password
}

// dropQuietly cleans up where the server still runs; what it can't drop goes with the server.
func (s *PostgresServer) dropQuietly(t testing.TB, sql string) {
	if s.PID == 0 {
		return
	}
	if err := s.Exec(context.Background(), Superuser, sql); err != nil && !strings.Contains(err.Error(), "2BP01") {
		t.Logf("clean up: %v", err)
	}
}

// MustExec runs SQL as the superuser, or fails the test.
func (s *PostgresServer) MustExec(t testing.TB, database, sql string) {
	t.Helper()
	if err := s.Exec(context.Background(), database, sql); err != nil {
		t.Fatal(err)
	}
}

// Exec runs SQL, one or several statements, as the superuser.
func (s *PostgresServer) Exec(ctx context.Context, database, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		return fmt.Errorf("reach the throwaway server: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("run %.60q on the throwaway server: %w", sql, err)
	}
	return nil
}
