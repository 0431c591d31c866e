package testenv

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Alive reports whether a process runs. One that ended and was not yet waited for doesn't; a child of ours is
// waited for here.
func Alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // ECHILD: not ours
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// See proc(5): "pid (comm) state"; comm may hold anything, so the last parenthesis counts.
	i := bytes.LastIndexByte(stat, ')')
	return i >= 0 && i+2 < len(stat) && stat[i+2] != 'Z' && stat[i+2] != 'X'
}

// End ends a process with each signal in turn, giving it the patience to go after each. An ended one is no error.
func End(pid int, patience time.Duration, signals ...syscall.Signal) error {
	for _, sig := range signals {
		if !Alive(pid) {
			return nil
		}
		if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("end process %d: %w", pid, err)
		}
		if gone(pid, patience) {
			return nil
		}
	}
	return fmt.Errorf("end process %d: it is still there %s after %v", pid, patience, signals[len(signals)-1])
}

func gone(pid int, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(poll) {
		if !Alive(pid) {
			return true
		}
	}
	return !Alive(pid)
}
