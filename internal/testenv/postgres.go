package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Options say what server Postgres starts. The zero value is a good one.
type Options struct {
	Dir           string            // its folder, made if missing; what an earlier run left in it goes. Empty: a temporary one
	Port          int               // 0: a free one
	TLS           bool              // offer TLS, with a certificate of a throwaway authority (CA)
	LogStatements bool              // log_statement=all
	Durable       bool              // fsync on; by default off, for speed
	Owned         bool              // the server and a temporary Dir go when this process does, even by SIGKILL
	Settings      map[string]string // more of postgresql.conf
	HBA           []string          // lines that go before pg_hba.conf's own (SCRAM for everybody)
}

// PostgresServer is a throwaway PostgreSQL.
type PostgresServer struct {
	Host      string // 127.0.0.1
	Port      int
	Superuser string
	Password  string // the superuser's
	CA        string // path of the authority's certificate (PEM); empty without TLS
	Dir       string // its folder
	DataDir   string
	SocketDir string // unix_socket_directories
	LogPath   string // the server's log
	PID       int    // 0: stopped
	opt       Options
	account   account
	temporary bool // Dir is ours to remove
	guardPipe *os.File
	guardPID  int
}

// Superuser is the name of every throwaway server's superuser.
const Superuser = "postgres"

const (
	socketPrefix = "gfpg-"
	marker       = "gatefold-throwaway" // in a data folder: it is ours to remove
	startWait    = 60 * time.Second
)

// Postgres starts a throwaway server on loopback and returns when it takes connections. errors.Is(err, ErrMissing)
// when PostgreSQL is not here and can't be installed. The server outlives the context and, unless Owned, this
// process.
func Postgres(ctx context.Context, opt Options) (*PostgresServer, error) {
	if err := EnsurePostgres(); err != nil {
		return nil, err
	}
	s := &PostgresServer{Host: "127.0.0.1", Superuser: Superuser, Password: NewPassword(), opt: opt}
	if err := s.prepare(ctx); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("prepare a throwaway PostgreSQL: %w", err)
	}
	if err := s.Start(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// prepare makes folder, data, certificate and configuration.
func (s *PostgresServer) prepare(ctx context.Context) (err error) {
	if s.account, err = serverAccount(); err != nil {
		return err
	}
	if err = s.makeDir(); err != nil {
		return err
	}
	if err = s.initdb(ctx); err != nil {
		return err
	}
	if s.opt.TLS {
		if err = s.writeCert(); err != nil {
			return err
		}
	}
	return s.writeHBA()
}

func (s *PostgresServer) makeDir() (err error) {
	if s.opt.Dir == "" {
		s.temporary = true
		s.Dir, err = os.MkdirTemp("", "gatefold-pg-")
	} else {
		s.Dir, err = filepath.Abs(s.opt.Dir)
	}
	if err != nil {
		return err
	}
	if err = os.MkdirAll(s.Dir, 0o711); err != nil {
		return err
	}
	if s.temporary {
		if err = os.Chmod(s.Dir, 0o711); err != nil {
			return err
		}
	}
	run, err := s.account.home(s.Dir)
	if err != nil {
		return err
	}
	s.DataDir = filepath.Join(run, "data")
	s.LogPath = filepath.Join(s.Dir, "postgres.log")
	if err = stopStale(s.DataDir); err != nil {
		return err
	}
	if err = removeData(s.DataDir); err != nil {
		return err
	}
	return s.account.own(run)
}

// removeData removes an earlier run's data, and nothing that is not known to be such.
func removeData(data string) error {
	entries, err := os.ReadDir(data)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Join(data, marker)); err != nil {
		return fmt.Errorf("empty %s: it holds something else than a throwaway server; remove it yourself", data)
	}
	return os.RemoveAll(data)
}

func (s *PostgresServer) initdb(ctx context.Context) error {
	initdb, err := Binary("initdb")
	if err != nil {
		return err
	}
	if err := os.Mkdir(s.DataDir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := s.account.own(s.DataDir); err != nil {
		return err
	}
	pw := filepath.Join(filepath.Dir(s.DataDir), "password")
	if err := s.write(pw, []byte(s.Password+"\n")); err != nil {
		return err
	}
	defer os.Remove(pw)
	cmd := exec.CommandContext(ctx, initdb, "-D", s.DataDir, "-U", s.Superuser, "--pwfile", pw,
		"-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", serverEnv(), s.account.attr()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w\n%s", err, out)
	}
	return s.write(filepath.Join(s.DataDir, marker), nil)
}

// serverEnv is little: a server must not depend on its caller's.
func serverEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// write makes a file of the server's, 0600.
func (s *PostgresServer) write(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return s.account.own(path)
}

func (s *PostgresServer) writeCert() error {
	cert, err := NewCert()
	if err != nil {
		return err
	}
	if err := s.write(filepath.Join(s.DataDir, "server.crt"), cert.Cert); err != nil {
		return err
	}
	if err := s.write(filepath.Join(s.DataDir, "server.key"), cert.Key); err != nil {
		return err
	}
	s.CA = filepath.Join(s.Dir, "ca.pem")
	return os.WriteFile(s.CA, cert.CA, 0o644)
}

func (s *PostgresServer) writeHBA() error {
	lines := append([]string{}, s.opt.HBA...)
	lines = append(lines,
		"local all all scram-sha-256",
		"host all all 127.0.0.1/32 scram-sha-256",
		"local replication all scram-sha-256",
		"host replication all 127.0.0.1/32 scram-sha-256", "")
	return s.write(filepath.Join(s.DataDir, "pg_hba.conf"), []byte(strings.Join(lines, "\n")))
}

// Address is host:port.
func (s *PostgresServer) Address() string {
	return net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
}

// DSN is the URI of a database for the superuser: TLS and verified where the server has it.
func (s *PostgresServer) DSN(database string) string {
	return s.UserDSN(s.Superuser, s.Password, database)
}

// UserDSN is the URI of a database for another account.
func (s *PostgresServer) UserDSN(user, password, database string) string {
	q := url.Values{"sslmode": {"disable"}}
	if s.CA != "" {
		q = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {s.CA}}
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: s.Address(),
		Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// Env is the superuser's environment for psql and its kin.
func (s *PostgresServer) Env(database string) []string {
	env := []string{"PGHOST=" + s.Host, "PGPORT=" + strconv.Itoa(s.Port), "PGUSER=" + s.Superuser,
		"PGPASSWORD=" + s.Password, "PGDATABASE=" + database, "PGSSLMODE=disable"}
	if s.CA != "" {
		env = append(env[:len(env)-1], "PGSSLMODE=verify-full", "PGSSLROOTCERT="+s.CA)
	}
	return CleanEnv(env...)
}
