package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/proxy"
)

// gate is a gateway under test: the product's own wiring, in this process or in one of its own, in front of the real
// PostgreSQL, MariaDB or OpenSSH server that all tests share.
type gate struct {
	t           testing.TB
	dir         string
	pg          *testenv.PostgresServer
	my          *testenv.MariaDBServer
	sshd        *testenv.SSHServer
	aliceKey    string // of SSH: path of her private key
	hostKey     string // and the line of the gateway's public one
	db          string // a database of this test's own
	app         string // what the target calls account app
	appPassword string // which nobody is to see
	addr        string // of listener own, which has target orders
	any         string // of listener any, which has none
	log         *syncBuffer
	stop        func() error
	cmd         *exec.Cmd                   // when it runs in a process of its own
	gone        chan struct{}               // closed when that process has ended
	env         []string                    // and what its environment has beside this one's
	tape        func(proxy.Tape) proxy.Tape // wraps each session's record when it runs here; nil: as it is
	elsewhere   func() recorded             // where its record is; nil: in its state folder
}

// gateOptions vary a gate. The zero value is a good one.
type gateOptions struct {
	policy    string // Cedar; empty: everything is allowed
	extra     string // more YAML
	limits    string // YAML flow mapping of limits
	ofTarget  string // and of the target's own
	recording string // YAML flow mapping of recording
	auth      string // the target's floor
	plainTo   bool   // no TLS to the target
	process   bool   // run it in a process of its own, so that it can be killed
	stopped   bool   // prepare and don't start
	lossy     bool   // the target's recording is best_effort
	pg        *testenv.PostgresServer
	mysql     bool                   // in front of MariaDB
	my        *testenv.MariaDBServer // nil: the one that tests share
	ssh       bool                   // in front of OpenSSH
	sshd      *testenv.SSHServer     // nil: the one that tests share
	address   string                 // of the target; empty: the server's
}

const (
	alicePassword = "alice's pass word"
	allowAll      = "@id(\"allow-all\")\npermit(principal, action, resource);\n"
)

// newGate makes a state folder with user alice, account app (a login of the target that owns a database) and a vault, and
// starts a gateway on it.
func newGate(t testing.TB, o gateOptions) *gate {
	t.Helper()
	g := &gate{t: t, dir: t.TempDir(), log: &syncBuffer{}}
	b := g.behind(&o)
	g.app, g.appPassword = b.user, b.password
	g.write("policy.cedar", or(o.policy, allowAll))
	recording := "required"
	if o.lossy {
		recording = "best_effort"
	}
	g.write("gatefold.yaml", fmt.Sprintf(`
gateway: test
state: ./s
log: {format: text, level: debug}
admin: {listen: ""}
listeners:
  own: {protocol: %[1]s, address: "127.0.0.1:0", target: orders}
  any: {protocol: %[1]s, address: "127.0.0.1:0"}
targets:
  orders:
    protocol: %[1]s
    address: %[2]q
%[3]s
    accounts: {app: {secret: orders-app}, gone: {secret: orders-gone}}
    default_account: app
    recording: %[4]s
    limits: %[5]s
policy: [policy.cedar]
limits: %[6]s
recording: %[7]s
%[8]s`, b.protocol, or(o.address, b.address), b.target(g, o), recording, or(o.ofTarget, "{}"),
		or(o.limits, "{drain_timeout: 1s}"), or(o.recording, "{segment: 8MiB, journal: 256MiB}"), b.extra+o.extra))
	g.run(alicePassword+"\n", "user", "add", "alice", "--password-stdin")
	g.run(b.password+"\n", append([]string{"secret", "add", "orders-app", "--user", b.user}, b.secret...)...)
	if g.sshd != nil {
		g.addKey()
	}
	if !o.stopped {
		g.start(o.process)
	}
	return g
}

// behind is what a gate stands before: a server, as the gateway's configuration and account app know it.
type behind struct {
	protocol, address, ca, auth, user, password string
	hostKeys                                    []string // of an SSH server
	secret                                      []string // how the vault is to take the password
	extra                                       string   // more YAML
}

// target are the lines of the target that its protocol has of its own.
func (b behind) target(g *gate, o gateOptions) string {
	if b.protocol == "ssh" {
		return fmt.Sprintf("    host_keys: [%s]\n    env: [LANG, \"GF_*\"]", strings.Join(b.hostKeys, ", "))
	}
	tls := fmt.Sprintf("{mode: verify, ca: %q}", b.ca)
	if o.plainTo || b.ca == "" {
		tls = "{mode: off}"
	}
	return fmt.Sprintf("    database: %s\n    tls: %s\n    auth: %s", g.db, tls, or(o.auth, b.auth))
}

// behind finds the server and makes a database of the test's own on it. At MariaDB account app has rights on that alone.
func (g *gate) behind(o *gateOptions) behind {
	g.t.Helper()
	if o.ssh {
		return g.behindSSH(o)
	}
	if o.mysql {
		if g.my = o.my; g.my == nil {
			g.my = testenv.MariaDBForTest(g.t)
		}
		g.db = g.my.CreateDB(g.t)
		user, password := g.my.CreateUser(g.t, "", "ALL ON "+g.db+".*")
		return behind{protocol: "mysql", address: g.my.Address(), ca: g.my.CA, auth: "mysql_native_password", user: user, password: password}
	}
	if g.pg = o.pg; g.pg == nil {
		g.pg = testenv.ForTest(g.t)
	}
	g.db = g.pg.CreateDB(g.t)
	return behind{protocol: "postgres", address: g.pg.Address(), ca: g.pg.CA, auth: "scram-sha-256", user: g.pg.Superuser, password: g.pg.Password}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (g *gate) write(name, text string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// try runs a verb as a person would and returns what it printed.
func (g *gate) try(stdin string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	m := &Main{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Getenv: os.Getenv}
	code = m.Run(context.Background(), append([]string{"-c", filepath.Join(g.dir, "gatefold.yaml")}, args...))
	return out.String(), errs.String(), code
}

// run is try that must work.
func (g *gate) run(stdin string, args ...string) string {
	g.t.Helper()
	out, errs, code := g.try(stdin, args...)
	if code != 0 {
		g.t.Fatalf("gatefold %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// start starts the gateway and waits until it listens. It is stopped with the test.
func (g *gate) start(process bool) {
	g.t.Helper()
	if process {
		g.startProcess()
	} else {
		g.startHere()
	}
	g.t.Cleanup(func() {
		if err := g.stop(); err != nil {
			g.t.Errorf("stop the gateway: %v", err)
		}
		if g.t.Failed() {
			g.t.Logf("the gateway's log:\n%s", g.log.tail(8<<10))
		}
	})
}

func (g *gate) startHere() {
	g.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m := &Main{Stdin: strings.NewReader(""), Stdout: g.log, Stderr: g.log, Getenv: os.Getenv, config: filepath.Join(g.dir, "gatefold.yaml"), tape: g.tape}
	cfg, err := m.loadConfig()
	if err != nil {
		g.t.Fatal(err)
	}
	ready, done := make(chan map[string]net.Addr, 1), make(chan error, 1)
	go func() { done <- m.serve(ctx, cfg, func(a map[string]net.Addr) { ready <- a }) }()
	g.stop = sync.OnceValue(func() error { cancel(); return <-done })
	select {
	case a := <-ready:
		g.addr, g.any = a["own"].String(), a["any"].String()
	case err := <-done:
		done <- err
		g.t.Fatalf("the gateway did not start: %v\n%s", err, g.log.tail(8<<10))
	}
}

// startProcess runs the gateway in a process of its own: this test binary, which is then the program.
func (g *gate) startProcess() {
	g.t.Helper()
	if !g.launch() {
		g.t.Fatalf("the gateway ended before it listened\n%s", g.log.tail(8<<10))
	}
}

// launch starts the process and waits until it listens; false: it ended first.
func (g *gate) launch() (listens bool) {
	g.t.Helper()
	self, err := os.Executable()
	if err != nil {
		g.t.Fatal(err)
	}
	from := g.log.len()
	cmd := exec.Command(self, "-c", filepath.Join(g.dir, "gatefold.yaml"), "serve")
	cmd.Env = slices.Concat(os.Environ(), []string{"GATEFOLD_TEST_MAIN=1"}, g.env)
	cmd.Stdout, cmd.Stderr = g.log, g.log
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	var ended error
	gone := make(chan struct{})
	go func() { ended = cmd.Wait(); close(gone) }()
	g.cmd, g.gone = cmd, gone
	g.stop = sync.OnceValue(func() error {
		cmd.Process.Signal(os.Interrupt)
		<-gone
		return ended
	})
	g.poll("the gateway listens", func() bool {
		text := g.log.from(from)
		g.addr, g.any = addrIn(text, "listener=own "), addrIn(text, "listener=any ")
		listens = g.addr != "" && g.any != ""
		return listens || g.ended()
	})
	return listens
}

// ended reports whether the gateway's process is gone.
func (g *gate) ended() bool {
	select {
	case <-g.gone:
		return true
	default:
		return false
	}
}

// addrIn finds a listener's address in the log.
func addrIn(log, listener string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "msg=listening") && strings.Contains(line, listener) {
			_, rest, _ := strings.Cut(line, "address=")
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// kill is SIGKILL, and waits until the process is gone.
func (g *gate) kill() {
	g.cmd.Process.Kill()
	g.stop()
	g.stop = func() error { return nil }
}

// poll waits for a condition, with a bound that only a broken program meets.
func (g *gate) poll(what string, ok func() bool) {
	g.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			g.t.Fatalf("still waiting: %s\n%s", what, g.log.tail(4<<10))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// dsn is a libpq URI of the gateway for alice.
func (g *gate) dsn(params ...string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("alice", alicePassword), Host: g.addr, Path: "/" + g.db}
	u.RawQuery = strings.Join(append([]string{"sslmode=require"}, params...), "&")
	return u.String()
}

// psql runs psql through the gateway and returns what it printed, errors included, and its exit code.
func (g *gate) psql(script string, args ...string) (string, int) {
	g.t.Helper()
	psql, err := testenv.Binary("psql")
	if err != nil {
		g.t.Skipf("%s %v", testenv.SkipMark, err)
	}
	cmd := exec.Command(psql, append([]string{"-X", "-q", "-A", "-t", g.dsn()}, args...)...)
	cmd.Env = testenv.CleanEnv()
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		g.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// syncBuffer is a log that is written and read at once.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Len()
}

func (b *syncBuffer) from(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.b.Bytes()[n:])
}

func (b *syncBuffer) tail(n int) string {
	all := b.from(0)
	return all[max(0, len(all)-n):]
}
