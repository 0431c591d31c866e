package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// guardScript waits until the process that holds the other end of its input is gone, then ends the server, if it
// is still the one, by the two signals given, and removes its folders. A line of input calls it off.
const guardScript = `read -r done && exit 0
if [ "$(readlink "/proc/$1/cwd")" = "$2" ] || grep -qF "$2/" "/proc/$1/cmdline"; then
	kill "-$3" "$1"
	i=0
	while [ -e "/proc/$1/cwd" ] && [ $i -lt 300 ]; do sleep 0.05; i=$((i+1)); done
	kill "-$4" "$1"
fi
shift 4
rm -rf "$@"`

// guard starts the process that ends an Owned server after ours. It is a process and not a goroutine, so that it
// outlives SIGKILL and no test counts it as a leak.
func (s *Server) guard() error {
	if !s.opt.Owned {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("guard %s: %w", s.kind.name(), err)
	}
	defer r.Close()
	signals := s.kind.signals()
	args := []string{"-c", guardScript, "sh", strconv.Itoa(s.PID), s.DataDir,
		strconv.Itoa(int(signals[0])), strconv.Itoa(int(signals[1])), s.SocketDir}
	if s.temporary {
		args = append(args, filepath.Dir(s.DataDir), s.Dir)
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir, cmd.Stdin = "/", r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("guard %s: %w", s.kind.name(), err)
	}
	s.guardPipe, s.guardPID = w, cmd.Process.Pid
	return cmd.Process.Release()
}

// unguard calls the guard off.
func (s *Server) unguard() {
	if s.guardPipe == nil {
		return
	}
	_, _ = s.guardPipe.WriteString("done\n") // a guard that is gone needs no telling
	_ = s.guardPipe.Close()
	s.guardPipe = nil
	gone(s.guardPID, 5*time.Second)
}
