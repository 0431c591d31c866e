package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Promise 2: no secret in a core dump. Fails where GOTRACEBACK=crash would have a gateway that faults write one.
func TestAGatewayWritesNoCoreDump(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	g.start(true)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", g.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if strings.HasPrefix(line, "Max core file size") && strings.Join(strings.Fields(line)[4:6], " ") != "0 0" {
			t.Error(line)
		}
	}
}
