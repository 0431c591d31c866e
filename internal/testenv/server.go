package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// Options say what server to start. The zero value is a good one.
type Options struct {
	Dir           string            // its folder, made if missing; what an earlier run left in it goes. Empty: a temporary one
	Port          int               // 0: a free one
	TLS           bool              // offer TLS, with a certificate of a throwaway authority (CA)
	LogStatements bool              // PostgreSQL: in the server's log; MariaDB: in the general log; OpenSSH: in Programs and Files
	Durable       bool              // what is committed survives power loss; by default not, for speed
	Owned         bool              // the server and a temporary Dir go when this process does, even by SIGKILL
	Settings      map[string]string // more of postgresql.conf, of the server's section of my.cnf, or of sshd_config
	HBA           []string          // PostgreSQL only: lines that go before pg_hba.conf's own (SCRAM for everybody)
}

// Server is what throwaway servers have in common: a folder, a process in it, a port, a certificate.
type Server struct {
	Host      string // 127.0.0.1
	Port      int
	Superuser string
	Password  string     // the superuser's
	CA        string     // path of the authority's certificate (PEM); empty without TLS
	Authority *Authority // which signs certificates for clients, too; nil without TLS
	Dir       string     // its folder
	DataDir   string
	SocketDir string // folder of its unix socket
	LogPath   string // the server's log
	PID       int    // 0: stopped
	kind      kind
	opt       Options
	account   account
	temporary bool // Dir is ours to remove
	guardPipe *os.File
	guardPID  int
}

// kind is what one product does in its own way.
type kind interface {
	name() string       // of the product
	protocol() string   // that it speaks, as gatefold names it
	accounts() []string // whom it may run as where root starts it, the best first
	// install fills s.DataDir, which is there and empty, with what a server needs to begin.
	install(ctx context.Context, s *Server) error
	// command writes the configuration and returns the server as a process in the foreground.
	command(s *Server) (*exec.Cmd, error)
	// running says what runs in a data folder, by what the server wrote there itself.
	running(data string) (running, bool)
	// ready reports whether the server takes connections. said is what its log says since its start.
	ready(s *Server, said string) bool
	signals() []syscall.Signal // that end it, in turn: two or more
	outlive(pid int) []int     // processes of the server's that don't go with it
}

// running is what is known of a server that some run started.
type running struct {
	pid    int
	port   int
	socket string // folder
	ready  bool
}

const marker = "gatefold-throwaway" // in a data folder: it is ours to remove

// begin prepares a server and starts it.
func (s *Server) begin(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		_ = s.Close()
		return fmt.Errorf("prepare a throwaway %s: %w", s.kind.name(), err)
	}
	if err := s.Start(ctx); err != nil {
		_ = s.Close()
		return err
	}
	return nil
}

// prepare makes folder, data and certificate.
func (s *Server) prepare(ctx context.Context) (err error) {
	if s.account, err = serverAccount(s.kind.accounts()); err != nil {
		return err
	}
	if err = s.makeDir(); err != nil {
		return err
	}
	if err = s.makeData(ctx); err != nil {
		return err
	}
	if s.opt.TLS {
		return s.writeCert()
	}
	return nil
}

func (s *Server) makeDir() (err error) {
	if s.opt.Dir == "" {
		s.temporary = true
		s.Dir, err = os.MkdirTemp("", "gatefold-db-")
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
	s.LogPath = filepath.Join(s.Dir, "server.log")
	if err = stopStale(s.kind, s.DataDir); err != nil {
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

func (s *Server) makeData(ctx context.Context) error {
	if err := os.Mkdir(s.DataDir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := s.account.own(s.DataDir); err != nil {
		return err
	}
	if err := s.kind.install(ctx, s); err != nil {
		return errors.Join(err, os.RemoveAll(s.DataDir)) // half a server can't be told from somebody's own
	}
	return s.write(filepath.Join(s.DataDir, marker), nil)
}

// run runs one of the server's programs as its account.
func (s *Server) run(cmd *exec.Cmd) error {
	s.as(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}

// as has a program run as the server's account, with little of an environment: a server must not depend on its
// caller's.
func (s *Server) as(cmd *exec.Cmd) {
	cmd.Dir, cmd.SysProcAttr = "/", s.account.attr()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// write makes a file of the server's, 0600.
func (s *Server) write(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return s.account.own(path)
}

// Files of the server's certificate, in its data folder.
const (
	certFile      = "server.crt"
	keyFile       = "server.key"
	authorityFile = "authority.crt"
)

func (s *Server) writeCert() (err error) {
	if s.Authority, err = NewAuthority(); err != nil {
		return err
	}
	cert, err := s.Authority.Server()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{certFile: cert.Cert, keyFile: cert.Key, authorityFile: cert.CA} {
		if err := s.write(filepath.Join(s.DataDir, name), content); err != nil {
			return err
		}
	}
	s.CA = filepath.Join(s.Dir, "ca.pem")
	return os.WriteFile(s.CA, cert.CA, 0o644)
}

// Address is host:port.
func (s *Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }
