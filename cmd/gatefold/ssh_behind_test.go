package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/testenv"
)

// behindSSH finds the server. Account app is whoever runs it, with the key that logs in there.
func (g *gate) behindSSH(o *gateOptions) behind {
	g.t.Helper()
	if g.sshd = o.sshd; g.sshd == nil {
		g.sshd = testenv.SSHForTest(g.t)
	}
	key, err := os.ReadFile(g.sshd.Key)
	if err != nil {
		g.t.Fatal(err)
	}
	host := g.newKey("host")
	line, err := os.ReadFile(host + ".pub")
	if err != nil {
		g.t.Fatal(err)
	}
	g.hostKey = strings.TrimSpace(string(line))
	b := behind{protocol: "ssh", address: g.sshd.Address(), user: g.sshd.Superuser, password: string(key), secret: []string{"--ssh-key"},
		extra: "ssh: {host_keys: [" + strconv.Quote(host) + "]}\n"}
	for _, line := range g.sshd.HostKeys {
		b.hostKeys = append(b.hostKeys, strconv.Quote(line))
	}
	return b
}

// newKey makes a key pair outside of the gateway's folder and returns the private one's path.
func (g *gate) newKey(name string) string {
	g.t.Helper()
	k, err := testenv.NewSSHKey()
	if err != nil {
		g.t.Fatal(err)
	}
	path := filepath.Join(g.t.TempDir(), name)
	if err := os.WriteFile(path, k.Private, 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path+".pub", k.Public, 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

// addKey gives alice a key.
func (g *gate) addKey() {
	g.t.Helper()
	g.aliceKey = g.newKey("alice")
	line, err := os.ReadFile(g.aliceKey + ".pub")
	if err != nil {
		g.t.Fatal(err)
	}
	g.run(string(line), "user", "key", "add", "alice")
}

// sshLogin is alice's at the gateway's own listener.
func (g *gate) sshLogin() testenv.SSHLogin {
	g.t.Helper()
	host, port, err := net.SplitHostPort(g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		g.t.Fatal(err)
	}
	return testenv.SSHLogin{Host: host, Port: n, User: "alice", Key: g.aliceKey, HostKeys: []string{g.hostKey}}
}

// openssh is one of OpenSSH's clients at the gateway, whose host it knows as target.
func (g *gate) openssh(name string, args ...string) *exec.Cmd {
	g.t.Helper()
	return g.sshLogin().Program(g.t, name, args...)
}

// ssh runs a command line with OpenSSH's client and returns what it said on either stream, and its exit code.
func (g *gate) ssh(line string, options ...string) (out, errs string, code int) {
	g.t.Helper()
	return g.runSSH(nil, g.openssh("ssh", append(options, "target", line)...))
}

func (g *gate) runSSH(in io.Reader, cmd *exec.Cmd) (out, errs string, code int) {
	g.t.Helper()
	var o, e strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &o, &e
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		g.t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// dialSSH connects as alice with x/crypto's client. It ends with the test.
func (g *gate) dialSSH() *ssh.Client {
	g.t.Helper()
	c, err := g.sshLogin().Dial()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return c
}

// output runs a command line on a client's connection.
func output(t testing.TB, c *ssh.Client, line string) string {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.CombinedOutput(line)
	if err != nil {
		t.Fatalf("%.200s: %v\n%.1000s", line, err, out)
	}
	return string(out)
}
