package main

import (
	"fmt"
	"os"
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
