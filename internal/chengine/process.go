package chengine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// Engine is ClickHouse over one folder, in a process of its own.
type Engine struct {
	Addr string // host:port of the HTTP interface; the same for all its life
	Dir  string // its folder
	PID  int    // 0: it does not run

	dsn  string // of a server that is not ours; empty: ours
	opt  Options
	bin  string
	life *os.File // its standard input: it ends with this, and so with our process
}

// ready is how long a start may take: the machine may be a busy one, and the folder one of a killed engine.
const ready = time.Minute

// Start starts a stopped or killed engine on its address and its data.
func (e *Engine) Start(t testing.TB) {
	t.Helper()
	if e.dsn != "" {
		t.Skipf("%s is set, and this test needs an engine that it may start", envDSN)
	}
	if err := e.start(); err != nil {
		t.Fatal(err)
	}
}

func (e *Engine) start() error {
	deadline := time.Now().Add(ready)
	for {
		err := e.startOnce(deadline)
		// Loopback's port may have become somebody's own end of a connection meanwhile.
		if err == nil || e.Addr == "" || !errors.Is(err, errPortTaken) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

var errPortTaken = errors.New("the port is taken")

func (e *Engine) startOnce(deadline time.Time) error {
	log, err := os.OpenFile(e.LogPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	defer log.Close()
	in, life, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	defer in.Close()
	cmd := exec.Command(e.bin, e.args()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = in, log, log, e.Dir
	cmd.Env = append(os.Environ(), "TZ=UTC")             // what a column's type doesn't say would be the machine's
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is ours to answer
	if err := cmd.Start(); err != nil {
		life.Close()
		return fmt.Errorf("start the engine: %w", err)
	}
	e.PID, e.life = cmd.Process.Pid, life
	_ = cmd.Process.Release()
	return e.await(deadline)
}

func (e *Engine) args() []string {
	args := []string{"serve", "-path", e.data(), "-remove", e.Dir}
	if e.opt.Password != "" {
		args = append(args, "-user", e.opt.User, "-password", e.opt.Password)
	}
	if e.opt.Config != "" {
		args = append(args, "-config", e.config())
	}
	if e.Addr != "" {
		args = append(args, "-listen", e.Addr)
	}
	return args
}

// await waits until the engine says where it listens.
func (e *Engine) await(deadline time.Time) error {
	for {
		said, err := os.ReadFile(e.LogPath())
		if err != nil {
			return fmt.Errorf("start the engine: %w", err)
		}
		if _, after, ok := bytes.Cut(said, []byte("listening on ")); ok {
			if addr, _, ok := bytes.Cut(after, []byte("\n")); ok {
				e.Addr = string(addr)
				return nil
			}
		}
		switch {
		case !testenv.Alive(e.PID):
			e.ended()
			if strings.Contains(string(said), "address already in use") {
				return fmt.Errorf("start the engine at %s: %w", e.Addr, errPortTaken)
			}
			return fmt.Errorf("start the engine: it ended at once:\n%s", said)
		case time.Now().After(deadline):
			return errors.Join(fmt.Errorf("start the engine: not ready after %v:\n%s", ready, said), e.end(syscall.SIGKILL))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// LogPath is what the engine wrote since its last start.
func (e *Engine) LogPath() string { return filepath.Join(e.Dir, "log") }

// Kill ends the engine by SIGKILL, and returns when it is gone.
func (e *Engine) Kill(t testing.TB) { e.mustEnd(t, syscall.SIGKILL) }

// Stop ends the engine as a server is stopped: what is under way ends well.
func (e *Engine) Stop(t testing.TB) { e.mustEnd(t, syscall.SIGTERM) }

// Restart kills the engine and starts it.
func (e *Engine) Restart(t testing.TB) {
	t.Helper()
	e.Kill(t)
	e.Start(t)
}

func (e *Engine) mustEnd(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if e.dsn != "" {
		t.Skipf("%s is set, and this test needs an engine that it may end", envDSN)
	}
	if err := e.end(sig); err != nil {
		t.Fatal(err)
	}
}

func (e *Engine) end(sig syscall.Signal) error {
	if e.PID == 0 {
		return nil
	}
	if err := testenv.End(e.PID, ready, sig, syscall.SIGKILL); err != nil {
		return fmt.Errorf("end the engine: %w", err)
	}
	// Its first thread is gone; others may hold files yet.
	_, _ = syscall.Wait4(e.PID, nil, 0, nil)
	e.ended()
	return nil
}

func (e *Engine) ended() {
	e.PID = 0
	_ = e.life.Close()
}

// Close ends the engine and removes its folder.
func (e *Engine) Close() error {
	if e.dsn != "" {
		return nil
	}
	return errors.Join(e.end(syscall.SIGKILL), os.RemoveAll(e.Dir))
}
