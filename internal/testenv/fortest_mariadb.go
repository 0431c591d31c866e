package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// sharedMariaDB is the one MariaDB of this test binary. It goes with the process.
var sharedMariaDB = sync.OnceValues(func() (*MariaDBServer, error) {
	return MariaDB(context.Background(), Options{TLS: true, LogStatements: true, Owned: true})
})

// MariaDBForTest returns the server that all tests of this binary share: TLS, every statement in GeneralLog. Tests keep
// apart by databases and users of their own (CreateDB, CreateUser) and must neither stop it nor set its global variables.
func MariaDBForTest(t testing.TB) *MariaDBServer {
	t.Helper()
	return forTest(t, "mariadb", sharedMariaDB)
}

// NewMariaDBForTest starts a server for one test, to be configured or stopped at will. Options.Owned is implied.
func NewMariaDBForTest(t testing.TB, opt Options) *MariaDBServer {
	t.Helper()
	return newForTest(t, "mariadb", opt, MariaDB)
}

// MariaDBTool returns the path of one of MariaDB's programs, or skips the test.
func MariaDBTool(t testing.TB, name string) string {
	t.Helper()
	return tool(t, name, EnsureMariaDB, MariaDBBinary)
}

// CreateDB makes a database for the test and returns its name. It goes when the test ends.
func (s *MariaDBServer) CreateDB(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", named.Add(1))
	s.MustExec(t, "", "CREATE DATABASE "+name)
	t.Cleanup(func() { s.dropQuietly(t, "DROP DATABASE IF EXISTS "+name) })
	return name
}

// CreateUser makes an account for the test, from anywhere, and returns its name and password. It goes when the test ends.
// via is the plugin that asks for the password, "" for mysql_native_password, or "ed25519"; grants are as GRANT takes
// them ("ALL ON shop.*"), "" for none. MustExec makes other accounts.
func (s *MariaDBServer) CreateUser(t testing.TB, via, grants string) (name, password string) {
	t.Helper()
	name, password = fmt.Sprintf("u%d", named.Add(1)), NewPassword()
	if via == "" {
		via = "mysql_native_password"
	}
	s.MustExec(t, "", fmt.Sprintf("CREATE USER %s IDENTIFIED VIA %s USING PASSWORD('%s')", name, via, password))
	t.Cleanup(func() { s.dropQuietly(t, "DROP USER IF EXISTS "+name) })
	if grants != "" {
		s.MustExec(t, "", fmt.Sprintf("GRANT %s TO %s", grants, name))
	}
	return name, password
}

// dropQuietly cleans up where the server still runs; what it can't drop goes with the server.
func (s *MariaDBServer) dropQuietly(t testing.TB, sql string) {
	if s.PID == 0 {
		return
	}
	if err := s.Exec(context.Background(), "", sql); err != nil {
		t.Logf("clean up: %v", err)
	}
}

// MustExec runs SQL as the superuser, or fails the test. database may be empty.
func (s *MariaDBServer) MustExec(t testing.TB, database, sql string) {
	t.Helper()
	if err := s.Exec(context.Background(), database, sql); err != nil {
		t.Fatal(err)
	}
}

// Exec runs SQL, one or several statements, as the superuser. database may be empty.
func (s *MariaDBServer) Exec(ctx context.Context, database, text string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c, err := s.Login().Config(database)
	if err != nil {
		return err
	}
	c.MultiStatements = true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return fmt.Errorf("reach the throwaway server: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if _, err := db.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("run %.60q on the throwaway server: %w", text, err)
	}
	return nil
}

// Open returns a pool of connections for a login, which the test's end closes.
func (l MySQLLogin) Open(t testing.TB, database string) *sql.DB {
	t.Helper()
	c, err := l.Config(database)
	if err != nil {
		t.Fatal(err)
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

// Client is the mariadb client for a login, with more arguments. It reads nobody's option files but the login's.
func (l MySQLLogin) Client(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return l.Program(t, "mariadb", args...)
}

// Program is one of MariaDB's programs for a login.
func (l MySQLLogin) Program(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	path := MariaDBTool(t, name)
	file := filepath.Join(t.TempDir(), "login.cnf")
	if err := os.WriteFile(file, l.OptionFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"--defaults-file=" + file}, args...)...)
	cmd.Env = CleanEnv()
	return cmd
}
