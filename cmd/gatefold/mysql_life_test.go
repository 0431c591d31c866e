package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/policy"
)

// bob adds a second user to the gateway and returns a connection of theirs.
func (g *gate) bob() *mysqlClient {
	g.t.Helper()
	g.poll("the gateway takes orders", func() bool { _, _, code := g.try("", "sessions"); return code == 0 })
	g.run(alicePassword+"\n", "user", "add", "bob", "--password-stdin")
	return g.dialMySQLAs(g.mysqlLogin("bob", alicePassword, g.addr), g.db, nil)
}

// sleeps starts a statement that sleeps for a long time and waits until the target has it. What it ends with comes on the
// channel.
func (g *gate) sleeps(c *mysqlClient, mark string) <-chan error {
	g.t.Helper()
	done := make(chan error, 1)
	go func() {
		rows, err := c.QueryContext(c.ctx, "SELECT sleep(50), '"+mark+"'")
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		done <- err
	}()
	g.awaitRunning(mark)
	return done
}

// awaitRunning waits until the target runs a statement that holds mark.
func (g *gate) awaitRunning(mark string) {
	g.t.Helper()
	super := g.mysqlSuper()
	g.poll("the target runs "+mark, func() bool {
		return super.value(g.t, "SELECT count(*) FROM information_schema.processlist WHERE id <> connection_id() AND info LIKE '%"+mark+"%'") == "1"
	})
	super.close()
}

// A KILL reaches one's own session by the id that its client was given and by what the target calls it; sessions of others are
// out of reach by either.
func TestMySQLKillReachesOnlyOnesOwn(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, policy: `@id("all") permit(principal, action, resource);
@id("no-kill") forbid(principal, action == Action::"signal_backend", resource);
`})
	c, other, bob := g.dialMySQL(nil), g.dialMySQL(nil), g.bob()
	own := c.value(t, "SELECT connection_id()")
	if c.thread&(1<<31) == 0 || fmt.Sprint(c.thread) == own {
		t.Errorf("the client was given id %d, the target's is %s: the top bit must be set", c.thread, own)
	}
	for i, id := range []string{fmt.Sprint(c.thread), own} {
		done := g.sleeps(c, fmt.Sprintf("sleeper-%d", i))
		for _, kill := range []string{"KILL QUERY ", "KILL ", "kill connection "} {
			if code := bob.exec(kill + id); code != 1142 {
				t.Errorf("%s of another user's session: %d, want 1142", kill, code)
			}
		}
		if code := other.exec("KILL QUERY " + id); code != 0 {
			t.Errorf("KILL QUERY %s: %d", id, code)
		}
		if err := <-done; errno(err) != 1317 && err != nil { // MariaDB's sleep ends with 1, or with an error
			t.Errorf("the killed statement ended with %v, want 1317", err)
		}
	}
	if code := other.exec("KILL " + fmt.Sprint(c.thread)); code != 0 {
		t.Errorf("KILL: %d", code)
	}
	g.poll("the killed session is gone", c.gone)
	other.close()
	bob.close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	out := g.run("", "search", "kind:cancel")
	if !strings.Contains(out, "KILL QUERY "+own) || !strings.Contains(out, fmt.Sprint(c.thread)) {
		t.Errorf("not on record are what was sent and what was asked:\n%s", out)
	}
	g.oneResultEach()
}

// Ctrl-C in MariaDB's client logs in again and says KILL QUERY with the id of the greeting.
func TestInterruptedMariaDBCancelsItsStatement(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	cmd := g.alice().Client(t, "-e", "SELECT sleep(50), 'interrupt-me'", g.db)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.awaitRunning("interrupt-me")
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if !strings.Contains(out.String(), "Query execution was interrupted") && !strings.Contains(out.String(), "\n1\tinterrupt-me") {
		t.Errorf("after %v the client printed %q", time.Since(began), out.String())
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if out := g.run("", "search", "kind:cancel"); !strings.Contains(out, "KILL QUERY") {
		t.Errorf("the KILL is not on record:\n%s", out)
	}
}

func TestMySQLLimits(t *testing.T) {
	for _, x := range []struct{ limits, ofTarget string }{
		{"{max_sessions: 1, drain_timeout: 1s}", ""},
		{"{max_sessions_per_user: 1, drain_timeout: 1s}", ""},
		{"{drain_timeout: 1s}", "{max_sessions: 1}"},
		{"{drain_timeout: 1s}", "{max_sessions_per_user: 1}"},
	} {
		g := newGate(t, gateOptions{mysql: true, limits: x.limits, ofTarget: x.ofTarget})
		g.dialMySQL(nil)
		_, err := dialMySQL(g.alice(), g.db, nil)
		if code := errno(err); code != 1040 && code != 1203 || !strings.Contains(err.Error(), "sessions") {
			t.Errorf("%s %s: the second of one session: %v, want 1040 or 1203", x.limits, x.ofTarget, err)
		}
		if out, code := g.mariadb("SELECT 1"); code == 0 || !strings.Contains(out, "sessions") {
			t.Errorf("MariaDB's client: exit %d, %s", code, out)
		}
	}
}

// A session that is ended is told why, in an ERR that its client finds behind whatever it says next.
func TestMySQLSessionsAreEndedInTheProtocolsOwnWords(t *testing.T) {
	for name, x := range map[string]struct {
		limits, word string
		end          func(*gate)
	}{
		"idle":     {"{idle_timeout: 1s, drain_timeout: 1s}", "idle_timeout", nil},
		"too long": {"{max_session: 1s, drain_timeout: 1s}", "max_session", nil},
		"kill": {"", "administrator", func(g *gate) {
			out := g.run("", "sessions")
			if !strings.Contains(out, "alice as app") || !strings.Contains(out, "orders/"+g.db) {
				g.t.Errorf("the open session is not listed:\n%s", out)
			}
			g.run("", "kill", strings.Fields(strings.Split(out, "\n")[1])[0])
		}},
		"shutdown": {"", "shutting down", func(g *gate) { g.stop() }},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, gateOptions{mysql: true, limits: x.limits})
			w := g.mysqlWire(g.db)
			if x.end != nil {
				x.end(g)
			}
			said, err := w.packet() // comes unasked, as the answer to whatever is asked next
			if err != nil || len(said) < 9 || said[0] != 0xff || w.seq != 1 || !strings.Contains(string(said), x.word) {
				t.Errorf("the session ends with packet %d %q, %v; want an ERR that says %s", w.seq, said, err, x.word)
			}
			if _, err := w.packet(); err != io.EOF {
				t.Errorf("behind it: %v, want EOF", err)
			}
			g.poll("the record says why", func() bool {
				out, _, _ := g.try("", "replay", "last")
				return strings.Contains(out, x.word)
			})
		})
	}
}

// wireClient of MySQL: a session spoken packet by packet, in plaintext, which go-sql-driver has logged in.
type mysqlWire struct {
	t   testing.TB
	c   *mysqlClient
	nc  net.Conn
	seq byte // of the last packet read
}

// mysqlWire logs in without TLS.
func (g *gate) mysqlWire(database string) *mysqlWire {
	g.t.Helper()
	l := g.alice()
	l.CA = ""
	c := g.dialMySQLAs(l, database, nil)
	c.raw.SetDeadline(time.Now().Add(time.Minute))
	return &mysqlWire{t: g.t, c: c, nc: c.raw}
}

func (w *mysqlWire) packet() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(w.nc, head[:]); err != nil {
		return nil, err
	}
	w.seq = head[3]
	b := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err := io.ReadFull(w.nc, b)
	return b, err
}

// wirePacket is a packet with its head.
func wirePacket(seq byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, payload...)
}

// send writes a command.
func (w *mysqlWire) send(kind byte, rest string) {
	w.t.Helper()
	if _, err := w.nc.Write(wirePacket(0, append([]byte{kind}, rest...))); err != nil {
		w.t.Fatal(err)
	}
}

// answer sends a command and reads one packet.
func (w *mysqlWire) answer(kind byte, rest string) []byte {
	w.t.Helper()
	w.send(kind, rest)
	return w.read()
}

func (w *mysqlWire) read() []byte {
	w.t.Helper()
	b, err := w.packet()
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// sha2 is caching_sha2_password's answer to a scramble.
func sha2(password string, scramble []byte) []byte {
	one := sha256.Sum256([]byte(password))
	two := sha256.Sum256(one[:])
	proof := sha256.Sum256(append(two[:], scramble...))
	for i := range proof {
		proof[i] ^= one[i]
	}
	return proof[:]
}

// changeUser is COM_CHANGE_USER and what follows, to the server's OK or ERR.
func (w *mysqlWire) changeUser(user, password, database string) []byte {
	w.t.Helper()
	const plugin = "caching_sha2_password"
	b := w.answer(0x11, user+"\x00\x00"+database+"\x00\x2d\x00"+plugin+"\x00")
	if want := "\xfe" + plugin + "\x00"; len(b) < len(want)+20 || string(b[:len(want)]) != want {
		return b
	}
	scramble := b[len(plugin)+2:][:20]
	if _, err := w.nc.Write(wirePacket(w.seq+1, sha2(password, scramble))); err != nil {
		w.t.Fatal(err)
	}
	if b = w.read(); string(b) == "\x01\x03" { // known from the login before
		b = w.read()
	}
	if string(b) == "\x01\x04" { // not known: the password, encrypted for the server's key, or nonsense
		w.nc.Write(wirePacket(w.seq+1, make([]byte, 256)))
		b = w.read()
	}
	return b
}

// COM_CHANGE_USER proves who it is anew and begins another session, with another connection to the target.
func TestMySQLChangeUserBeginsAnotherSession(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	other := g.my.CreateDB(t)
	g.sameRights(other)
	g.bob().close() // the gateway has seen the password
	w := g.mysqlWire(g.db)
	if b := w.answer(0x03, "SET @mine = 'left behind'"); b[0] != 0 {
		t.Fatalf("%q", b)
	}
	if b := w.changeUser("bob", alicePassword, other); b[0] != 0 {
		t.Fatalf("change to bob: %q", b)
	}
	if b := w.answer(0x03, "INSERT INTO nowhere SELECT @mine"); b[0] != 0xff || !strings.Contains(string(b), other+".nowhere") {
		t.Errorf("the schema: %q, want %s", b, other)
	}
	if b := w.answer(0x03, "DO @mine + (SELECT 1 FROM (SELECT @mine IS NULL AS n) x WHERE n = 1 OR 1 = (SELECT 1 UNION SELECT 2))"); b[0] != 0 {
		t.Errorf("a variable of the session before is there: %q", b)
	}
	if b := w.changeUser("alice", "wrong", ""); b[0] != 0xff || b[1] != 1045&0xff || b[2] != 1045>>8 {
		t.Errorf("a wrong password: %q, want 1045", b)
	}
	if _, err := w.packet(); err != io.EOF {
		t.Errorf("after a wrong password: %v, want the connection closed", err)
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if out := g.run("", "search", "user:bob", "nowhere"); !strings.Contains(out, "nowhere") {
		t.Errorf("it is not on record as bob's:\n%s", out)
	}
	if out := g.run("", "search", "user:alice", "nowhere"); strings.Contains(out, "nowhere") {
		t.Errorf("it is on record as alice's:\n%s", out)
	}
	g.oneResultEach()
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// localFile has the driver answer requests for a file with content.
func localFile(t testing.TB, name, content string) {
	mysql.RegisterReaderHandler(name, func() io.Reader { return strings.NewReader(content) })
	t.Cleanup(func() { mysql.DeregisterReaderHandler(name) })
}

// LOAD DATA LOCAL takes a file from the client: no one is asked for one where policy says nothing of it. Where it may,
// name, size and hash are on record.
func TestMySQLLoadDataLocal(t *testing.T) {
	localFile(t, "people", "1\n2\n3\n")
	starter := newGate(t, gateOptions{mysql: true, policy: string(policy.Starter), extra: "groups: {dba: [alice]}\n"})
	starter.my.MustExec(t, starter.db, "CREATE TABLE t (n int)")
	c := starter.dialMySQL(nil)
	if code := c.exec("LOAD DATA LOCAL INFILE 'Reader::people' INTO TABLE t"); code != 1142 {
		t.Errorf("under the starter's policy: %d, want 1142", code)
	}
	if n := c.value(t, "SELECT count(*) FROM t"); n != "0" {
		t.Errorf("t has %s rows", n)
	}
	g := newGate(t, gateOptions{mysql: true})
	c = g.dialMySQL(nil)
	c.must(t, "CREATE TABLE t (n int)")
	c.must(t, "LOAD DATA LOCAL INFILE 'Reader::people' INTO TABLE t")
	if n := c.value(t, "SELECT count(*) FROM t"); n != "3" {
		t.Errorf("t has %s rows, want 3", n)
	}
	c.close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("1\n2\n3\n")))
	out := g.run("", "export")
	for _, want := range []string{"Reader::people", sum, `"rows":3`, `"bytes":6`} {
		if !strings.Contains(out, want) {
			t.Errorf("on record is no %s", want)
		}
	}
	g.oneResultEach()
}
