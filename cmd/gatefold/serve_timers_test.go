package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Fails where a gateway's threads sleep by the usual clock: those that the runtime starts before main among them, which are what
// a keystroke waited for.
func TestAllThreadsOfAGatewayHaveRelaxedTimers(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	g.start(true)
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", g.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		slack, err := os.ReadFile(filepath.Join("/proc", filepath.Base(thread), "timerslack_ns"))
		if os.IsNotExist(err) {
			continue // it has ended
		}
		if got := strings.TrimSpace(string(slack)); got != fmt.Sprint(timerSlack.Nanoseconds()) {
			t.Errorf("thread %s: %q, %v", thread, got, err)
		}
	}
}

// Fails where another thread than the first executes the program anew: its first thread was a zombie for a moment, and a
// supervisor that looked then took a gateway that was starting for one that had ended.
func TestAStartingGatewayNeverLooksEnded(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		cmd := exec.Command(self, "serve", "-c", filepath.Join(t.TempDir(), "missing.yaml"))
		cmd.Env = append(os.Environ(), "GATEFOLD_TEST_MAIN=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for zombie, again := false, 0; again < 1000; again++ { // as soon as it has told what it misses, it ends, and stays ended
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			was := zombie
			if zombie = bytes.Contains(stat, []byte(") Z ")); !zombie {
				again = 0
			}
			if was && !zombie {
				t.Errorf("it looked ended and was not: %s", stat)
			}
		}
		_ = cmd.Wait() // it fails, for want of a configuration
	}
}
