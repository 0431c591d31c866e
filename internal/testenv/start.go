package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const startWait = 60 * time.Second

// errPortTaken: somebody was faster.
var errPortTaken = errors.New("the port is taken")

// Start starts a stopped server again, on the same port with the same data, and returns when it takes connections.
func (s *Server) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	fixed := s.opt.Port != 0 || s.Port != 0
	for try := 1; ; try++ {
		err := s.startOnce(ctx)
		if err == nil {
			return s.guard()
		}
		if !errors.Is(err, errPortTaken) || fixed || try == 5 {
			return fmt.Errorf("start %s: %w", s.kind.name(), err)
		}
		s.Port = 0
	}
}

func (s *Server) startOnce(ctx context.Context) (err error) {
	if s.Port == 0 {
		if s.Port, err = s.pickPort(); err != nil {
			return err
		}
	}
	cmd, err := s.kind.command(s)
	if err != nil {
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
	s.as(cmd)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.PID = cmd.Process.Pid
	_ = cmd.Process.Release()
	return s.awaitReady(ctx, from)
}

func (s *Server) pickPort() (int, error) {
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

// socketPrefix begins the names of socket folders.
const socketPrefix = "gfsock-"

// makeSocketDir makes a folder with a short path: a unix socket's has room for 107 bytes.
func (s *Server) makeSocketDir() (err error) {
	if s.SocketDir != "" {
		return nil
	}
	if s.SocketDir, err = os.MkdirTemp("/tmp", socketPrefix); err != nil {
		return err
	}
	return s.account.own(s.SocketDir)
}

// awaitReady waits until the server takes connections, or ends. from is where its part of the log begins.
func (s *Server) awaitReady(ctx context.Context, from int64) error {
	for {
		said, err := s.said(from)
		if err != nil {
			return err
		}
		if s.kind.ready(s, said) {
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

// said is what the log says after its first bytes.
func (s *Server) said(from int64) (string, error) {
	log, err := os.ReadFile(s.LogPath)
	if err != nil {
		return "", err
	}
	return string(log[min(from, int64(len(log))):]), nil
}

func (s *Server) whyEnded(from int64) error {
	said, err := s.said(from)
	if err != nil {
		return err
	}
	if strings.Contains(said, "Address already in use") {
		return fmt.Errorf("port %d: %w", s.Port, errPortTaken)
	}
	return fmt.Errorf("it ended at once:\n%s", strings.TrimSpace(said))
}

// Stop ends the server and keeps its folder. Stopping a stopped one is no error.
func (s *Server) Stop() error {
	s.unguard()
	if s.PID == 0 {
		return nil
	}
	if err := end(s.kind, s.PID); err != nil {
		return fmt.Errorf("stop %s: %w", s.kind.name(), err)
	}
	s.PID = 0
	return nil
}

// end shuts a server down, at last with force, and then what it has left.
func end(k kind, pid int) error {
	left := k.outlive(pid)
	err := End(pid, 15*time.Second, k.signals()...)
	for _, child := range left {
		err = errors.Join(err, End(child, 15*time.Second, syscall.SIGTERM, syscall.SIGKILL))
	}
	return err
}

// Close ends the server and removes what it made outside Dir, and Dir where it was a temporary one.
func (s *Server) Close() error {
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
