package main

import (
	"fmt"
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

// sshGate is a gateway in front of a real OpenSSH server: listener own leads to target web1, listener any where the login says.
// alice may log in with her key.
type sshGate struct {
	*gate
	server *testenv.SSHServer
	key    string // path of alice's
	ca     string // path of the users' authority's
}

// sshOptions vary an sshGate. The zero value is a good one.
type sshOptions struct {
	target   string // more YAML of target web1, indented by four
	limits   string // YAML flow mapping of limits
	extra    string // more YAML
	hostKeys []string
	secret   func(g *sshGate) // stores web1-root; nil: the server's own key
	stopped  bool
	server   *testenv.SSHServer // nil: the one that tests share
}

func newSSHGate(t testing.TB, o sshOptions) *sshGate {
	t.Helper()
	g := &sshGate{gate: &gate{t: t, dir: t.TempDir(), log: &syncBuffer{}}, server: o.server}
	if g.server == nil {
		g.server = testenv.SSHForTest(t)
	}
	if o.hostKeys == nil {
		o.hostKeys = g.server.HostKeys
	}
	g.write("policy.cedar", allowAll)
	g.ca = g.keygen("ca")
	g.configure(o)
	g.run(alicePassword+"\n", "user", "add", "alice", "--password-stdin")
	g.key = g.keygen("alice")
	g.run(g.read("alice.pub"), "user", "key", "add", "alice")
	if o.secret == nil {
		o.secret = func(g *sshGate) {
			text, err := os.ReadFile(g.server.Key)
			if err != nil {
				t.Fatal(err)
			}
			g.run(string(text), "secret", "add", "web1-root", "--user", g.server.Superuser, "--ssh-key")
		}
	}
	o.secret(g)
	if !o.stopped {
		g.start(false)
	}
	return g
}

func (g *sshGate) configure(o sshOptions) {
	g.t.Helper()
	var keys []string
	for _, k := range o.hostKeys {
		keys = append(keys, strconv.Quote(strings.TrimSpace(k)))
	}
	g.write("gatefold.yaml", fmt.Sprintf(`
gateway: test
state: ./s
log: {format: text, level: debug}
admin: {listen: ""}
listeners:
  own: {protocol: ssh, address: "127.0.0.1:0", target: web1, user_ca: ca.pub}
  any: {protocol: ssh, address: "127.0.0.1:0", user_ca: ca.pub}
targets:
  web1:
    protocol: ssh
    address: %[1]q
    host_keys: [%[2]s]
    accounts: {root: {secret: web1-root}}
%[3]s
policy: [policy.cedar]
limits: %[5]s
recording: {segment: 8MiB, journal: 256MiB}
%[4]s`, g.server.Login().Address(), strings.Join(keys, ", "), o.target, o.extra, or(o.limits, "{drain_timeout: 1s}")))
}

func (g *sshGate) read(name string) string {
	g.t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(text)
}

// keygen makes an ed25519 key NAME and NAME.pub in the gate's folder and returns its path.
func (g *sshGate) keygen(name string) string {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	g.tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
	return path
}

func (g *sshGate) tool(name string, args ...string) string {
	g.t.Helper()
	out, err := exec.Command(testenv.SSHTool(g.t, name), args...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// login is how OpenSSH's clients get in at listener own, or at any where user names a target.
func (g *sshGate) login(user, key string) testenv.SSHLogin {
	g.t.Helper()
	at := g.addr
	if strings.Contains(user, "@") {
		at = g.any
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		g.t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	return testenv.SSHLogin{Host: host, Port: n, User: user, Key: key,
		HostKeys: []string{g.read("s/ssh_host_ed25519_key.pub"), g.read("s/ssh_host_rsa_key.pub")}}
}

// dial is a connection that stays open.
func (g *sshGate) dial(user, key string) *ssh.Client {
	g.t.Helper()
	config, err := g.login(user, key).ClientConfig()
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := ssh.Dial("tcp", g.addr, config)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return c
}

// ssh runs OpenSSH's client to its end.
func (g *sshGate) ssh(user, key string, args ...string) (said string, code int) {
	g.t.Helper()
	cmd := g.login(user, key).Program(g.t, "ssh", append([]string{"-o", "LogLevel=INFO"}, args...)...)
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		g.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// sessions are the records of sessions of one kind, when there are n.
func (g *sshGate) records(kind string, n int) (all []map[string]any) {
	g.t.Helper()
	g.poll(fmt.Sprintf("%d records of kind %s", n, kind), func() bool {
		all = nil
		for _, r := range g.exported() {
			if r["kind"] == kind {
				all = append(all, r)
			}
		}
		return len(all) >= n
	})
	return all
}
