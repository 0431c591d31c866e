package main

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
)

func TestMariaDBFromStatementToInvestigator(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, policy: noSalaries})
	out, code := g.mariadb("CREATE TABLE salaries (id int, amount int);", g.db)
	if want := `rule "no-salaries"`; code == 0 || !strings.Contains(out, want) {
		t.Fatalf("creating salaries: exit %d, output without %s:\n%s", code, want, out)
	}
	out, code = g.mariadb(`
CREATE TABLE customers (id int PRIMARY KEY, name text);
BEGIN;
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace');
COMMIT;
SELECT name FROM customers WHERE id = 2;
`, g.db)
	if code != 0 || out != "Grace\n" {
		t.Fatalf("mariadb: exit %d\n%s", code, out)
	}
	g.poll("the statement is found by its text", func() bool {
		out, _, _ := g.try("", "search", "user:alice table:customers kind:query", "Grace")
		return strings.Contains(out, "Ada")
	})
	replay := g.run("", "replay", "last")
	for _, want := range []string{"alice", "orders", "INSERT INTO customers", "COMMIT", "Records: 2"} {
		if !strings.Contains(replay, want) {
			t.Errorf("the replay lacks %q:\n%s", want, replay)
		}
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.oneResultEach()
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// A refusal stands where the answer would; the connection and its transaction go on.
func TestMariaDBIsRefusedInPlace(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, policy: noSalaries})
	g.my.MustExec(t, g.db, "CREATE TABLE t (id int) ENGINE=InnoDB; CREATE TABLE salaries (id int)")
	out, code := g.mariadb(`
BEGIN;
INSERT INTO t VALUES (1);
SELECT * FROM salaries;
INSERT INTO t VALUES (2);
ROLLBACK;
SELECT 'after', count(*) FROM t;
INSERT INTO t VALUES (3);
`, "--force", g.db)
	for _, want := range []string{"ERROR 1142 (42000)", "no-salaries", "ask payroll for a report", "after\t0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the client's output (exit %d) lacks %q:\n%s", code, want, out)
		}
	}
	if n := g.mysqlDirect("SELECT count(*) FROM t"); n != "1" {
		t.Errorf("t has %s rows, want 1", n)
	}
}

// A packet of several statements is one: nothing of it runs where one is refused.
func TestMySQLPacketOfSeveralStatementsIsRefusedWhole(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, policy: noSalaries})
	c := g.dialMySQL(multi)
	c.must(t, "CREATE TABLE t (id int); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
	_, err := c.ExecContext(c.ctx, "INSERT INTO t VALUES (3); SELECT * FROM salaries; INSERT INTO t VALUES (4)")
	if errno(err) != 1142 || !strings.Contains(err.Error(), "no-salaries") {
		t.Errorf("a packet with a statement that is forbidden: %v, want 1142", err)
	}
	if n := c.value(t, "SELECT count(*) FROM t"); n != "2" {
		t.Errorf("t has %s rows, want 2", n)
	}
	out, _ := g.mariadb("DELIMITER $$\nINSERT INTO t VALUES (5); SELECT * FROM salaries$$\n", g.db)
	if !strings.Contains(out, "ERROR 1142 (42000)") {
		t.Errorf("MariaDB's client: %s", out)
	}
	if n := c.value(t, "SELECT count(*) FROM t"); n != "2" {
		t.Errorf("t has %s rows, want 2", n)
	}
}

func TestMySQLLogins(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	other := g.my.CreateDB(t)
	g.sameRights(other)
	const noTarget = "names no target"
	for _, x := range []struct {
		any            bool
		user, database string
		want, refused  string
	}{
		{false, "alice", "", g.db, ""},
		{false, "alice", other, other, ""},
		{false, "alice=app", other, other, ""},
		{false, "alice@orders", other, other, ""},
		{false, "alice=app@orders", "", g.db, ""},
		{false, "alice=none", "", "", "none"},
		{false, "alice", "nowhere", "", "nowhere"},
		{true, "alice", "orders", g.db, ""},
		{true, "alice", "orders/" + other, other, ""},
		{true, "alice=app", "orders/" + other, other, ""},
		{true, "alice@orders", "", g.db, ""},
		{true, "alice=app@orders", other, other, ""},
		{true, "alice", "", "", noTarget},
		{true, "alice", "elsewhere/" + other, "", "unknown target"},
	} {
		address := g.addr
		if x.any {
			address = g.any
		}
		t.Run(fmt.Sprintf("%v %s %s", x.any, x.user, x.database), func(t *testing.T) {
			c, err := dialMySQL(g.mysqlLogin(x.user, alicePassword, address), x.database, nil)
			if err != nil {
				if x.refused == "" || errno(err) < 1000 || !strings.Contains(err.Error(), x.refused) {
					t.Errorf("refused: %v, want %q", err, x.refused)
				}
				return
			}
			defer c.close()
			if x.refused != "" {
				t.Fatal("it is let in")
			}
			if got := c.value(t, "SELECT database()"); got != x.want {
				t.Errorf("the database is %s, want %s", got, x.want)
			}
			if got := c.value(t, "SELECT current_user()"); !strings.HasPrefix(got, g.app+"@") {
				t.Errorf("the target's user is %s, want %s", got, g.app)
			}
		})
	}
}

// Who is not let in is told the same whether there is such a user.
func TestMySQLWrongUserAndWrongPasswordLookAlike(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	said := map[string]string{}
	for _, user := range []string{"alice", "mallory"} {
		_, err := dialMySQL(g.mysqlLogin(user, "wrong", g.addr), "", nil)
		if errno(err) != 1045 {
			t.Errorf("%s with a wrong password: %v, want 1045", user, err)
		}
		said[user] = strings.ReplaceAll(fmt.Sprint(err), user, "X")
	}
	if said["alice"] != said["mallory"] {
		t.Errorf("they differ: %q", said)
	}
	out, code := runClient(t, g.mysqlLogin("alice", "wrong", g.addr).Client(t), "SELECT 1")
	if code == 0 || !strings.Contains(out, "ERROR 1045 (28000): Access denied for user 'alice'") {
		t.Errorf("MariaDB's client: exit %d\n%s", code, out)
	}
	g.poll("both are on record as refused", func() bool {
		out, _, _ := g.try("", "search", "kind:open verdict:deny")
		return strings.Contains(out, "mallory") && strings.Contains(out, "alice")
	})
}

// Without TLS no password goes over the wire where the listener doesn't say that it may.
func TestMySQLPlaintextIsRefused(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	g.write("gatefold.yaml", strings.Replace(g.read("gatefold.yaml"), "{protocol: mysql, address: \"127.0.0.1:0\", target", "{protocol: mysql, plaintext: never, address: \"127.0.0.1:0\", target", 1))
	g.stop()
	g.startHere()
	l := g.alice()
	l.CA = ""
	if _, err := dialMySQL(l, "", nil); errno(err) != 3159 {
		t.Errorf("without TLS: %v, want 3159", err)
	}
	if _, err := dialMySQL(g.alice(), "", nil); err != nil {
		t.Errorf("with TLS: %v", err)
	}
}

func TestMySQLParametersAreRecorded(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	c := g.dialMySQL(nil)
	var n int
	var s string
	if err := c.QueryRowContext(c.ctx, "SELECT ? + 1, ?", 41, "the-parameter").Scan(&n, &s); err != nil || n != 42 || s != "the-parameter" {
		t.Fatalf("got %d, %q, %v", n, s, err)
	}
	long := strings.Repeat("long data ", 300<<10)
	if got := c.value(t, "SELECT length(?)", long); got != fmt.Sprint(len(long)) {
		t.Errorf("the target counts %s bytes, want %d", got, len(long))
	}
	g.poll("the parameter is found", func() bool {
		out, _, _ := g.try("", "search", "the-parameter")
		return strings.Contains(out, "the-parameter")
	})
	replay := g.run("", "replay", "last")
	for _, want := range []string{"SELECT ? + 1", "41", "the-parameter", "long data long data"} {
		if !strings.Contains(replay, want) {
			t.Errorf("the replay lacks %q:\n%.3000s", want, replay)
		}
	}
	c.close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.oneResultEach()
}

// What a user may not read stays so whatever schema is the current one, and however it became that.
func TestMySQLForbiddenTableOfAnotherSchema(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	hr := server.CreateDB(t)
	g := newGate(t, gateOptions{mysql: true, policy: fmt.Sprintf(`@id("all") permit(principal, action, resource);
@id("no-salaries") forbid(principal, action, resource) when { context.tables.contains("%s.salaries") };
`, hr)})
	g.sameRights(hr)
	server.MustExec(t, hr, "CREATE TABLE salaries (amount int); INSERT INTO salaries VALUES (100)")
	server.MustExec(t, g.db, "CREATE TABLE salaries (amount int)")
	c := g.dialMySQL(multi)
	expect := func(want uint16, text string, args ...any) {
		t.Helper()
		if got := c.exec(text, args...); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	expect(0, "SELECT * FROM salaries")
	expect(1142, "SELECT * FROM "+hr+".salaries")
	expect(1142, "SELECT * FROM `"+hr+"` . /* */ `salaries`")
	mine, err := c.PrepareContext(c.ctx, "SELECT * FROM salaries WHERE amount > ?") // this schema's, whatever is used later
	if err != nil {
		t.Fatal(err)
	}
	expect(1142, "USE "+hr+"; SELECT * FROM salaries")
	expect(0, "USE "+hr)
	expect(1142, "SELECT * FROM salaries")
	expect(1142, "SELECT * FROM salaries WHERE amount > ?", 1)
	expect(0, "SELECT * FROM "+g.db+".salaries")
	expect(1142, "SELECT s.amount FROM (SELECT * FROM salaries) s")
	var n int
	if err := mine.QueryRowContext(c.ctx, 1).Scan(&n); err != sql.ErrNoRows {
		t.Errorf("what was prepared before: %v", err)
	}
	expect(0, "USE "+g.db)
	expect(0, "SELECT * FROM salaries")

	out, code := g.mariadb("USE "+hr+"\nSELECT amount FROM salaries;\nUSE "+g.db+"\nSELECT count(*) FROM salaries;\n", "--force", g.db) // COM_INIT_DB
	if !strings.Contains(out, "ERROR 1142 (42000)") || strings.Contains(out, "100") || !strings.HasSuffix(out, "0\n") {
		t.Errorf("after COM_INIT_DB: exit %d\n%s", code, out)
	}
	if out, _ := g.mariadb("SELECT amount FROM salaries", hr); !strings.Contains(out, "ERROR 1142 (42000)") {
		t.Errorf("logged in to it: %s", out)
	}
}

// A policy that changes holds for what was prepared before.
func TestMySQLPreparedUnderAnotherPolicy(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	g.my.MustExec(t, g.db, "CREATE TABLE salaries (amount int)")
	c := g.dialMySQL(nil)
	p, err := c.PrepareContext(c.ctx, "SELECT count(*) FROM salaries WHERE amount > ?")
	if err != nil {
		t.Fatal(err)
	}
	run := func() error {
		var n int
		return p.QueryRowContext(c.ctx, 1).Scan(&n)
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	g.write("policy.cedar", noSalaries)
	g.run(alicePassword+"\n", "user", "add", "bob", "--password-stdin") // has the gateway read it
	if err := run(); errno(err) != 1142 {
		t.Errorf("under the new policy: %v, want 1142", err)
	}
	g.write("policy.cedar", allowAll)
	g.run("", "user", "remove", "bob")
	if err := run(); err != nil {
		t.Errorf("allowed again: %v", err)
	}
	g.run("", "user", "disable", "alice")
	if err := run(); errno(err) != 1142 {
		t.Errorf("of a user that is disabled: %v, want 1142", err)
	}
	if _, err := dialMySQL(g.alice(), g.db, nil); errno(err) != 1045 {
		t.Errorf("a new login of a disabled user: %v, want 1045 as for a wrong password", err)
	}
}
