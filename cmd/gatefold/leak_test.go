package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/testenv"
)

// TestTheSecretStaysIn runs a session, failures included, and looks for the target's password in everything that the
// gateway wrote, said or was started with.
func TestTheSecretStaysIn(t *testing.T) {
	g := newGate(t, gateOptions{process: true})
	c := g.connect()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "ALTER ROLE postgres PASSWORD '"+g.pg.Password+"'"); err != nil { // recorded, masked
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "SELECT syntax error"); err == nil {
		t.Fatal("a syntax error passed")
	}
	_ = g.dialErr(g.dsn("application_name=x") + "&user=alice%3Dgone") // an account without a secret
	cmdline := g.cmdline()
	c.Close(ctx)
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.holdsNone(cmdline, g.pg.Password, alicePassword)
}

// TestMySQLTheSecretStaysIn is the same of MySQL, where passwords of the server's accounts and of replication's stand in
// many statements. Each goes to the target, some to no avail.
func TestMySQLTheSecretStaysIn(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, process: true})
	const typed, bare, parameter, quoted = "typed-53cr3t", "typed_53cr3t", "param-53cr3t", "it''s-53cr3t"
	g.my.MustExec(t, "", "GRANT CREATE USER, RELOAD ON *.* TO "+g.app)
	t.Cleanup(func() { g.my.MustExec(t, "", "DROP USER IF EXISTS erin, frank, greg") })
	c := g.dialMySQL(multi)
	for _, text := range []string{
		"CREATE USER erin IDENTIFIED BY '" + typed + "'",
		"CREATE USER frank IDENTIFIED BY \"" + typed + "\"; SELECT 1",
		"ALTER USER erin IDENTIFIED VIA mysql_native_password USING PASSWORD('" + typed + "')",
		"SET PASSWORD FOR erin = PASSWORD('" + quoted + "')",
		"SET PASSWORD FOR nobody_at_all = PASSWORD('" + typed + "')",
		"GRANT SELECT ON *.* TO erin IDENTIFIED BY '" + typed + "'",
		"CREATE USER erin IDENTIFIED BY '" + typed + "' '" + typed + "'",
		"CREATE USER erin IDENTIFIED BY " + bare,
		"/*!100100 CREATE USER */ erin /*M! IDENTIFIED BY '" + typed + "' */",
		"CHANGE MASTER TO MASTER_HOST='x', MASTER_PASSWORD='" + typed + "'",
		"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x', PASSWORD '" + typed + "')",
		"SET sql_mode = 'ANSI_QUOTES'",
		"CREATE USER greg IDENTIFIED BY '" + typed + "' \"" + typed + "\"",
		"SET sql_mode = ''",
		"SELECT syntax error",
		"PREPARE p FROM 'ALTER USER erin IDENTIFIED BY ''" + typed + "'''",
		"EXECUTE IMMEDIATE 'ALTER USER erin IDENTIFIED BY ''" + typed + "'''",
	} {
		if code := c.exec(text); code == 1142 || code == 1 {
			t.Errorf("%s: %d", text, code)
		}
	}
	if _, err := c.ExecContext(c.ctx, "SET PASSWORD FOR erin = PASSWORD(?)", parameter); err != nil {
		t.Logf("a password as a parameter: %v", err)
	}
	l := g.alice()
	l.User = "alice=gone" // an account without a secret
	if _, err := dialMySQL(l, g.db, nil); err == nil {
		t.Error("an account without a secret logs in")
	}
	cmdline := g.cmdline()
	c.close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.holdsNone(cmdline, g.appPassword, alicePassword, typed, bare, parameter, "s-53cr3t")
}

// cmdline is how the gateway's process was started.
func (g *gate) cmdline() []byte {
	g.t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(g.cmd.Process.Pid) + "/cmdline")
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}

// holdsNone looks for secrets, and for their usual spellings, in all that the gateway wrote.
func (g *gate) holdsNone(cmdline []byte, secrets ...string) {
	g.t.Helper()
	for _, secret := range secrets {
		forms := []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))}
		for _, form := range forms {
			look := func(where string, what []byte) {
				if i := bytes.Index(what, []byte(form)); i >= 0 {
					g.t.Errorf("%s holds a secret: %.160q", where, what[max(0, i-100):])
				}
			}
			look("the command line", cmdline)
			look("the log", []byte(g.log.from(0)))
			g.eachFile(look)
			g.eachRecord(look)
		}
	}
}

// eachFile goes over the whole folder: state, vault, journal, archive, configuration.
func (g *gate) eachFile(look func(string, []byte)) {
	g.t.Helper()
	n := 0
	err := filepath.WalkDir(g.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		look(path, b)
		n++
		return err
	})
	if err != nil || n < 5 {
		g.t.Fatalf("went over %d files: %v", n, err)
	}
}

// eachRecord goes over the records as they are read, not as they are compressed.
func (g *gate) eachRecord(look func(string, []byte)) {
	g.t.Helper()
	store, err := local.Open(archiveDir(filepath.Join(g.dir, "s")), local.Read)
	if err != nil {
		g.t.Fatal(err)
	}
	defer store.Close()
	n := 0
	for b, err := range store.Blocks(context.Background(), record.Narrow{}) {
		if err != nil {
			g.t.Fatal(err)
		}
		for r, err := range b.Records() {
			if err != nil {
				g.t.Fatal(err)
			}
			look("a record", record.AppendRecord(nil, &r))
			n++
		}
	}
	if n < 8 {
		g.t.Fatalf("went over %d records only", n)
	}
}

// TestSSHTheSecretStaysIn is the same of SSH: the key that logs in to the target, in any spelling, a password that is typed
// without an echo, and those that are announced in command lines.
func TestSSHTheSecretStaysIn(t *testing.T) {
	testenv.SSHForTest(t).NeedTerminals(t)
	g := newGate(t, gateOptions{ssh: true, process: true})
	const typed, line = "typed-53cr3t", "line-53cr3t"
	for _, command := range []string{
		"mysql --password=" + line + " -e 'select 1'", "PGPASSWORD=" + line + " psql -c 'select 1'", "curl -u user:" + line + " http://127.0.0.1:1/",
		"no-such-program", "exit 3",
	} {
		g.ssh(command)
	}
	c := g.dialSSH()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said syncBuffer
	s.Stdout = &said
	if err := errors.Join(s.RequestPty("xterm", 24, 80, nil), s.Start("stty -echo; echo re''ady; read x; test \"$x\" = 'typed''-53cr3t' && echo read it")); err != nil {
		t.Fatal(err)
	}
	g.poll("the program reads", func() bool { return strings.Contains(said.from(0), "ready") })
	if _, err := io.WriteString(in, typed+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil || !strings.Contains(said.from(0), "read it") {
		t.Errorf("the password did not arrive: %v, %q", err, said.from(0))
	}
	l := g.sshLogin()
	l.User = "alice=gone" // an account without a secret
	if c, err := l.Dial(); err == nil {
		if _, err := c.NewSession(); err == nil {
			t.Error("an account without a secret gets a session")
		}
		c.Close()
	}
	cmdline := g.cmdline()
	c.Close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.holdsNone(cmdline, append(g.keySpellings(), alicePassword, typed, line)...)
}

// keySpellings are the target's private key as its bytes and as lines of its file.
func (g *gate) keySpellings() []string {
	g.t.Helper()
	text, err := os.ReadFile(g.sshd.Key)
	if err != nil {
		g.t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		g.t.Fatal(err)
	}
	seed := key.(*ed25519.PrivateKey).Seed()
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return append(lines[2:len(lines)-1], string(seed)) // the first line is of the public half
}
