package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// goSSH is what x/crypto's client sees.
func goSSH(_ context.Context, a *attempt) error {
	c, err := a.ssh.login.Dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, line := range []string{"true", "exit 42", "echo out; echo err >&2", "kill -TERM $$", "kill -KILL $$", "seq 1 100000", "no-such-program"} {
		a.goRun(c, line, nil, "")
	}
	a.goRun(c, "cat", io.LimitReader(&counting{}, 8<<20), "")
	a.goRun(c, "echo $GF_ONE", nil, "GF_ONE")
	a.goRun(c, "echo $OTHER", nil, "OTHER")
	a.goMany(c)
	return errors.Join(a.goSignals(c), a.goRequests(c), c.Close())
}

// goRun runs a program and tells what came of it, to its signal.
func (a *attempt) goRun(c *ssh.Client, line string, in io.Reader, env string) {
	s, err := c.NewSession()
	if err != nil {
		a.sayf("%s: %v", line, err)
		return
	}
	defer s.Close()
	if env != "" {
		a.sayf("set %s: %v", env, s.Setenv(env, "1"))
	}
	var out, errs bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = in, &out, &errs
	err = s.Run(line)
	a.sayf("%s: %d bytes %x, %q, %s", line, out.Len(), sha256.Sum256(out.Bytes()), errs.String(), goEnd(err))
}

// goEnd is how a program ended, as the library has it.
func goEnd(err error) string {
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return fmt.Sprintf("status %d signal %q message %q", exit.ExitStatus(), exit.Signal(), exit.Msg())
	}
	return fmt.Sprint(err)
}

// goMany runs 300 programs, 10 at a time.
func (a *attempt) goMany(c *ssh.Client) {
	said := slices.Repeat([]string{""}, 300)
	work := chanOf(len(said))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for i := range work {
				s, err := c.NewSession()
				if err != nil {
					said[i] = err.Error()
					continue
				}
				out, err := s.CombinedOutput(fmt.Sprintf("echo %d; exit %d", i, i%256))
				said[i] = fmt.Sprintf("%q %s", out, goEnd(err))
			}
		})
	}
	wg.Wait()
	a.sayf("%s", strings.Join(said, "\n"))
}

// goSignals sends signals, and a break.
func (a *attempt) goSignals(c *ssh.Client) error {
	for _, sig := range []ssh.Signal{ssh.SIGTERM, ssh.SIGINT, ssh.SIGUSR1, ssh.SIGKILL, ssh.SIGHUP} {
		s, err := c.NewSession()
		if err != nil {
			return err
		}
		out, err := s.StdoutPipe()
		if err != nil {
			return err
		}
		if err := s.Start("echo up; exec sleep 3"); err != nil {
			return err
		}
		if _, err := out.Read(make([]byte, 3)); err != nil {
			return err
		}
		a.sayf("signal %s: sent %v, %s", sig, s.Signal(sig), goEnd(s.Wait()))
	}
	return nil
}

// goRequests are what a channel and a connection can be asked beside programs.
func (a *attempt) goRequests(c *ssh.Client) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	for _, name := range []string{"no-such@example.com", "xon-xoff", "exit-status"} {
		ok, err := s.SendRequest(name, true, make([]byte, 4))
		a.sayf("channel request %s: %v %v", name, ok, err)
	}
	a.sayf("window change without a terminal: %v", s.WindowChange(30, 90))
	ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
	a.sayf("keepalive: %v %v", ok, err)
	ok, _, err = c.SendRequest("no-such@example.com", true, nil)
	a.sayf("request: %v %v", ok, err)
	_, _, err = c.OpenChannel("no-such", nil)
	a.sayf("channel: %v", err)
	sub, err := c.NewSession()
	if err != nil {
		return err
	}
	defer sub.Close()
	a.sayf("subsystem: %v", sub.RequestSubsystem("no-such"))
	return nil
}
