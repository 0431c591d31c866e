package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// door is a gateway in front of MariaDB with the listeners that its configuration can make: own leads to the target, any
// names a version, and cert takes client certificates.
type door struct {
	*gate
	authority *testenv.Authority
	addrs     map[string]net.Addr
}

const oldPassword = "olga's pass word" // of whom --mysql-native was asked for

func newDoor(t *testing.T) *door {
	t.Helper()
	my := testenv.MariaDBForTest(t)
	user, password := my.CreateUser(t, "", "")
	d := &door{gate: &gate{t: t, dir: t.TempDir(), log: &syncBuffer{}}}
	d.renewAuthority()
	d.write("policy.cedar", allowAll)
	d.write("gatefold.yaml", fmt.Sprintf(`
state: ./s
admin: {listen: ""}
listeners:
  own: {protocol: mysql, address: "127.0.0.1:0", target: books}
  any: {protocol: mysql, address: "127.0.0.1:0", server_version: 8.0.36-door}
  cert: {protocol: mysql, address: "127.0.0.1:0", target: books, client_ca: ca.pem}
targets:
  books: {protocol: mysql, address: %q, tls: {mode: verify, ca: %q}, accounts: {app: {secret: books-app}}}
policy: [policy.cedar]
recording: {segment: 8MiB, journal: 256MiB}
limits: {drain_timeout: 1s}
`, my.Address(), my.CA))
	d.run(alicePassword+"\n", "user", "add", "alice", "--password-stdin")
	d.run(oldPassword+"\n", "user", "add", "olga", "--password-stdin", "--mysql-native")
	d.run(password+"\n", "secret", "add", "books-app", "--user", user)
	d.open()
	return d
}

// renewAuthority has another authority for client certificates.
func (d *door) renewAuthority() {
	d.t.Helper()
	a, err := testenv.NewAuthority()
	if err != nil {
		d.t.Fatal(err)
	}
	d.authority = a
	d.write("ca.pem", string(a.CA))
}

// open starts the gateway, which the test's end stops.
func (d *door) open() {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m := &Main{Stdin: strings.NewReader(""), Stdout: d.log, Stderr: d.log, Getenv: os.Getenv, config: filepath.Join(d.dir, "gatefold.yaml")}
	cfg, err := m.loadConfig()
	if err != nil {
		d.t.Fatal(err)
	}
	ready, done := make(chan map[string]net.Addr, 1), make(chan error, 1)
	go func() { done <- m.serve(ctx, cfg, func(a map[string]net.Addr) { ready <- a }) }()
	d.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Errorf("the gateway ended with %v", err)
		}
		if d.t.Failed() {
			d.t.Logf("the gateway's log:\n%s", d.log.tail(8<<10))
		}
	})
	select {
	case d.addrs = <-ready:
	case err := <-done:
		done <- err
		d.t.Fatalf("the gateway did not start: %v\n%s", err, d.log.tail(8<<10))
	}
}

// login is one at a listener.
func (d *door) login(listener, user, password string) testenv.MySQLLogin {
	d.t.Helper()
	host, port, err := net.SplitHostPort(d.addrs[listener].String())
	if err != nil {
		d.t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		d.t.Fatal(err)
	}
	return testenv.MySQLLogin{Host: host, Port: n, User: user, Password: password, CA: filepath.Join(d.dir, "s", "tls.crt")}
}

// certified is a login with a certificate and no password.
func (d *door) certified(a *testenv.Authority, user, named string) testenv.MySQLLogin {
	d.t.Helper()
	cert, err := a.Client(named)
	if err != nil {
		d.t.Fatal(err)
	}
	l := d.login("cert", user, "")
	l.Cert, l.Key = cert.Files(d.t)
	return l
}

// mustBe runs a client that is let in where want is empty, and else is told that.
func mustBe(t *testing.T, what string, client *exec.Cmd, want string) {
	t.Helper()
	out, err := client.CombinedOutput()
	switch {
	case want == "" && (err != nil || !strings.Contains(string(out), "is in")):
		t.Errorf("%s is not let in: %v\n%s", what, err, out)
	case want != "" && (err == nil || !strings.Contains(string(out), want)):
		t.Errorf("%s: %v\n%s, want %s", what, err, out, want)
	}
}

const isIn = "SELECT 'is in'"

func TestPasswordsOfMySQLClients(t *testing.T) {
	d := newDoor(t)
	native, sha2 := "--default-auth=mysql_native_password", "--default-auth=caching_sha2_password"
	for _, c := range []struct{ what, listener, user, password, auth, want string }{
		{"alice, by the hash that her client begins with", "own", "alice", alicePassword, sha2, ""},
		{"alice, whose client is asked for better", "own", "alice", alicePassword, native, ""},
		{"alice, naming the target", "any", "alice@books", alicePassword, sha2, ""},
		{"olga, by what was kept for her", "own", "olga", oldPassword, native, ""},
		{"olga, by what is kept of everybody", "own", "olga", oldPassword, sha2, ""},
		{"alice, as it is inside TLS", "own", "alice", alicePassword, "--default-auth=mysql_clear_password", ""},
		{"a wrong password", "own", "alice", oldPassword, sha2, "ERROR 1045"},
		{"a wrong password, natively", "own", "olga", alicePassword, native, "ERROR 1045"},
		{"nobody", "own", "nobody", oldPassword, native, "ERROR 1045"},
		{"alice without a password", "own", "alice", "", native, "ERROR 1045"},
		{"alice going nowhere", "any", "alice", alicePassword, sha2, "ERROR"},
	} {
		mustBe(t, c.what, d.login(c.listener, c.user, c.password).Client(t, c.auth, "-e", isIn), c.want)
	}
}

// A client certificate proves the user whom it names, where the listener says so, and nobody else.
func TestCertificatesOfMySQLClients(t *testing.T) {
	d := newDoor(t)
	stranger, err := testenv.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	mustBe(t, "alice with her certificate", d.certified(d.authority, "alice", "alice").Client(t, "-e", isIn), "")
	mustBe(t, "alice with olga's", d.certified(d.authority, "alice", "olga").Client(t, "-e", isIn), "ERROR 1045")
	mustBe(t, "alice with a stranger's", d.certified(stranger, "alice", "alice").Client(t, "-e", isIn), "ERROR 20")
	mustBe(t, "alice with her password", d.login("cert", "alice", alicePassword).Client(t, "-e", isIn), "")
	elsewhere := d.certified(d.authority, "alice", "alice")
	elsewhere.Port = d.login("own", "", "").Port
	mustBe(t, "alice where certificates prove nothing", elsewhere.Client(t, "-e", isIn), "ERROR 1045")

	old := d.authority
	d.renewAuthority()
	d.run("another pass word\n", "user", "add", "bob", "--password-stdin") // has the gateway read its files again
	mustBe(t, "alice by an authority that was replaced", d.certified(old, "alice", "alice").Client(t, "-e", isIn), "ERROR 20")
	mustBe(t, "alice by the new one", d.certified(d.authority, "alice", "alice").Client(t, "-e", isIn), "")
}

// A listener with a target says what that says, and one without what its configuration says.
func TestWhatMySQLListenersSay(t *testing.T) {
	d := newDoor(t)
	mustBe(t, "alice, so that the target is known", d.login("own", "alice", alicePassword).Client(t, "-e", isIn), "")
	for listener, want := range map[string]string{"own": "10.", "any": "8.0.36-door"} {
		conn, err := net.DialTimeout("tcp", d.addrs[listener].String(), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		greeting, err := readPacket(conn)
		conn.Close()
		if err != nil || len(greeting) < 2 || greeting[0] != 10 || !strings.HasPrefix(strings.TrimPrefix(string(greeting[1:]), "5.5.5-"), want) {
			t.Errorf("%s says %q (%v), want version %s", listener, greeting, err, want)
		}
	}
}
