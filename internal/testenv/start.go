package testenv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errPortTaken: somebody was faster.
var errPortTaken = errors.New("the port is taken")

// Start starts a stopped server again, on the same port with the same data, and returns when it takes connections.
func (s *PostgresServer) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	fixed := s.opt.Port != 0 || s.Port != 0
	for try := 1; ; try++ {
		err := s.startOnce(ctx)
		if err == nil {
			return s.guard()
		}
		if !errors.Is(err, errPortTaken) || fixed || try == 5 {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
		s.Port = 0
	}
}

func (s *PostgresServer) startOnce(ctx context.Context) (err error) {
	if s.Port == 0 {
		if s.Port, err = s.pickPort(); err != nil {
			return err
		}
	}
	if err := s.makeSocketDir(); err != nil {
		return err
	}
	if err := s.writeConf(); err != nil {
		return err
	}
	log, err := os.OpenFile(s.LogPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	from, err := log.Seek(0, 2)
	if err != nil {
		return err
	}
	postgres, err := Binary("postgres")
	if err != nil {
		return err
	}
	cmd := exec.Command(postgres, "-D", s.DataDir)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", serverEnv(), s.account.attr()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.PID = cmd.Process.Pid
	_ = cmd.Process.Release()
	return s.awaitReady(ctx, from)
}

func (s *PostgresServer) pickPort() (int, error) {
	if s.opt.Port != 0 {
		return s.opt.Port, nil
	}
	return FreePort()
}

// FreePort returns a TCP port of loopback that nobody listened on a moment ago.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// makeSocketDir makes a folder with a short path: a unix socket's has room for 107 bytes.
func (s *PostgresServer) makeSocketDir() (err error) {
	if s.SocketDir != "" {
		return nil
	}
	if s.SocketDir, err = os.MkdirTemp("/tmp", socketPrefix); err != nil {
		return err
	}
	return s.account.own(s.SocketDir)
}

// writeConf writes postgresql.conf as a whole: a throwaway server has no other settings than these.
func (s *PostgresServer) writeConf() error {
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
	return s.write(filepath.Join(s.DataDir, "postgresql.conf"), []byte(b.String()))
}

// awaitReady waits until the server says in postmaster.pid that it is ready, or ends. from is where its part of
// the log begins.
func (s *PostgresServer) awaitReady(ctx context.Context, from int64) error {
	for {
		if p, ok := readPostmaster(s.DataDir); ok && p.pid == s.PID && p.ready {
			return nil
		}
		if !Alive(s.PID) {
			s.PID = 0
			return s.whyEnded(from)
		}
		select {
		case <-ctx.Done():
			_ = s.Stop()
			return fmt.Errorf("wait until it is ready: %w", context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}

func (s *PostgresServer) whyEnded(from int64) error {
	log, err := os.ReadFile(s.LogPath)
	if err != nil {
		return err
	}
	said := strings.TrimSpace(string(log[min(from, int64(len(log))):]))
	if strings.Contains(said, "Address already in use") {
		return fmt.Errorf("port %d: %w", s.Port, errPortTaken)
	}
	return fmt.Errorf("it ended at once:\n%s", said)
}

// Stop ends the server and keeps its folder. Stopping a stopped one is no error.
func (s *PostgresServer) Stop() error {
	s.unguard()
	if s.PID == 0 {
		return nil
	}
	if err := stopPostmaster(s.PID); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	s.PID = 0
	return nil
}

// Close ends the server and removes what it made outside Dir, and Dir where it was a temporary one.
func (s *PostgresServer) Close() error {
	err := s.Stop()
	if err == nil && s.SocketDir != "" {
		err = os.RemoveAll(s.SocketDir)
		s.SocketDir = ""
	}
	if err == nil && s.temporary {
		err = removeDir(s.Dir)
	}
	return err
}

// removeDir removes a server's folder, and its run folder where that is elsewhere.
func removeDir(dir string) error {
	if real, err := filepath.EvalSymlinks(filepath.Join(dir, "run")); err == nil {
		if err := os.RemoveAll(real); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}
