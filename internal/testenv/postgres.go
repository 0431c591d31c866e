package testenv

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// PostgresServer is a throwaway PostgreSQL.
type PostgresServer struct{ Server }

// Superuser is the name of every throwaway PostgreSQL's superuser.
const Superuser = "postgres"

// Postgres starts a throwaway server on loopback and returns when it takes connections. errors.Is(err, ErrMissing)
// when PostgreSQL is not here and can't be installed. The server outlives the context and, unless Owned, this
// process.
func Postgres(ctx context.Context, opt Options) (*PostgresServer, error) {
	if err := EnsurePostgres(); err != nil {
		return nil, err
	}
	s := &PostgresServer{Server{Host: "127.0.0.1", Superuser: Superuser, Password: NewPassword(), kind: postgres{}, opt: opt}}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// PostgresRuns reports whether a server of Postgres runs in dir, whoever started it.
func PostgresRuns(dir string) bool { return runs(postgres{}, dir) }

// StopPostgres ends the server of Postgres in dir, whoever started it. Where none runs there is nothing to do.
func StopPostgres(dir string) error { return stop(postgres{}, dir) }

// postgres is how PostgreSQL does it.
type postgres struct{}

func (postgres) name() string       { return "PostgreSQL" }
func (postgres) protocol() string   { return "postgres" }
func (postgres) outlive(int) []int  { return nil }
func (postgres) accounts() []string { return []string{"postgres", "nobody"} }

// signals shut it down fast, then at once, then with force (PostgreSQL: "Shutting Down the Server").
func (postgres) signals() []syscall.Signal {
	return []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}
}

func (postgres) install(ctx context.Context, s *Server) error {
	initdb, err := Binary("initdb")
	if err != nil {
		return err
	}
	pw := filepath.Join(filepath.Dir(s.DataDir), "password")
	if err := s.write(pw, []byte(s.Password+"\n")); err != nil {
		return err
	}
	defer os.Remove(pw)
	err = s.run(exec.CommandContext(ctx, initdb, "-D", s.DataDir, "-U", s.Superuser, "--pwfile", pw,
		"-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"))
	if err != nil {
		return err
	}
	hba := append(slices.Clone(s.opt.HBA),
		"local all all scram-sha-256",
		"host all all 127.0.0.1/32 scram-sha-256",
		"local replication all scram-sha-256",
		"host replication all 127.0.0.1/32 scram-sha-256", "")
	return s.write(filepath.Join(s.DataDir, "pg_hba.conf"), []byte(strings.Join(hba, "\n")))
}

// command writes postgresql.conf as a whole: a throwaway server has no other settings than these.
func (postgres) command(s *Server) (*exec.Cmd, error) {
	if err := s.makeSocketDir(); err != nil {
		return nil, err
	}
	conf := map[string]string{
		"listen_addresses":          s.Host,
		"port":                      strconv.Itoa(s.Port),
		"unix_socket_directories":   s.SocketDir,
		"password_encryption":       "scram-sha-256",
		"max_connections":           "300",
		"max_prepared_transactions": "10",
		"shared_buffers":            "32MB",
		"log_line_prefix":           "%m [%p] %q%u@%d ",
		"log_timezone":              "UTC",
		"timezone":                  "UTC",
	}
	if s.opt.TLS {
		conf["ssl"] = "on"
	}
	if s.opt.LogStatements {
		conf["log_statement"] = "all"
	}
	if !s.opt.Durable {
		conf["fsync"], conf["synchronous_commit"], conf["full_page_writes"] = "off", "off", "off"
	}
	maps.Copy(conf, s.opt.Settings)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(conf)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(conf[name], "'", "''"))
	}
	if err := s.write(filepath.Join(s.DataDir, "postgresql.conf"), []byte(b.String())); err != nil {
		return nil, err
	}
	path, err := Binary("postgres")
	if err != nil {
		return nil, err
	}
	return exec.Command(path, "-D", s.DataDir), nil
}

func (postgres) ready(s *Server, _ string) bool {
	r, ok := readPostmaster(s.DataDir)
	return ok && r.pid == s.PID && r.ready
}

func (postgres) running(data string) (running, bool) { return readPostmaster(data) }

// readPostmaster reads data/postmaster.pid (PostgreSQL: src/include/utils/pidfile.h).
func readPostmaster(data string) (running, bool) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return running{}, false
	}
	lines := strings.Split(string(text), "\n")
	for len(lines) < 8 {
		lines = append(lines, "")
	}
	var r running
	r.pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	r.port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
	r.socket = strings.TrimSpace(lines[4])
	r.ready = strings.TrimSpace(lines[7]) == "ready"
	return r, lives(r.pid, data)
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
