package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// noSalaries lets alice do everything but touch a table.
const noSalaries = allowAll + `
@id("no-salaries")
@advice("ask payroll for a report")
forbid(principal, action, resource) when { context.tables.contains("salaries") };
`

func TestPsqlFromStatementToInvestigator(t *testing.T) {
	g := newGate(t, gateOptions{policy: noSalaries})
	out, code := g.psql(`
CREATE TABLE customers (id int primary key, name text);
CREATE TABLE salaries (id int, amount int);
`)
	if want := `rule "no-salaries"`; !strings.Contains(out, want) {
		t.Fatalf("creating salaries: exit %d, output without %s:\n%s", code, want, out)
	}
	out, code = g.psql(`
CREATE TABLE IF NOT EXISTS customers (id int primary key, name text);
BEGIN;
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace');
COMMIT;
SELECT name FROM customers WHERE id = 2;
`)
	if code != 0 || !strings.Contains(out, "Grace") {
		t.Fatalf("psql: exit %d\n%s", code, out)
	}
	g.poll("the statement is found by its text", func() bool {
		out, _, _ := g.try("", "search", "user:alice table:customers kind:query", "Grace")
		return strings.Contains(out, "Ada")
	})
	replay := g.run("", "replay", "last")
	for _, want := range []string{"alice", "orders", "INSERT INTO customers", "COMMIT"} {
		if !strings.Contains(replay, want) {
			t.Errorf("the replay lacks %q:\n%s", want, replay)
		}
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

func TestPsqlIsRefusedInPlace(t *testing.T) {
	g := newGate(t, gateOptions{policy: noSalaries})
	out, code := g.psql(`
\set VERBOSITY verbose
SELECT 'before';
SELECT * FROM salaries;
SELECT 'after';
`)
	for _, want := range []string{"before", "ERROR:  42501", "no-salaries", "ask payroll for a report", "after"} {
		if !strings.Contains(out, want) {
			t.Errorf("psql's output (exit %d) lacks %q:\n%s", code, want, out)
		}
	}
}

// connect opens a pgx connection through the gateway.
func (g *gate) connect(params ...string) *pgx.Conn {
	g.t.Helper()
	c, err := pgx.Connect(context.Background(), g.dsn(params...))
	if err != nil {
		g.t.Fatalf("connect through the gateway: %v", err)
	}
	g.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func sqlstate(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

func TestPgxParametersAreRecorded(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect()
	ctx := context.Background()
	var n int32
	var s string
	if err := c.QueryRow(ctx, "SELECT $1::int4 + 1, $2::text", 41, "the-parameter").Scan(&n, &s); err != nil || n != 42 || s != "the-parameter" {
		t.Fatalf("got %d, %q, %v", n, s, err)
	}
	g.poll("the parameter is found", func() bool {
		out, _, _ := g.try("", "search", "the-parameter")
		return strings.Contains(out, "the-parameter")
	})
	replay := g.run("", "replay", "last")
	for _, want := range []string{"SELECT $1::int4 + 1", "41", "the-parameter"} {
		if !strings.Contains(replay, want) {
			t.Errorf("the replay lacks %q:\n%s", want, replay)
		}
	}
}

func TestPgxPipelineRefusalKeepsItsPlace(t *testing.T) {
	g := newGate(t, gateOptions{policy: noSalaries})
	c := g.connect()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "CREATE TABLE t (id int)"); err != nil {
		t.Fatal(err)
	}
	b := &pgx.Batch{}
	b.Queue("INSERT INTO t VALUES (1)")
	b.Queue("SELECT * FROM salaries")
	b.Queue("INSERT INTO t VALUES (2)")
	err := c.SendBatch(ctx, b).Close()
	if sqlstate(err) != "42501" {
		t.Fatalf("the batch: %v, want SQLSTATE 42501", err)
	}
	var n int
	if err := c.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil || n != 0 {
		t.Errorf("after a refusal in an implicit transaction t holds %d rows (%v), want 0", n, err)
	}
}

func TestPgxCancelReachesTheTarget(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { _, err := c.Exec(context.Background(), "SELECT pg_sleep(60)"); done <- err }()
	g.poll("the statement runs", func() bool {
		var n int
		err := g.super().QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND datname = $1", g.db).Scan(&n)
		return err == nil && n == 1
	})
	cancel()
	stop, cancelStop := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancelStop()
	if err := c.PgConn().CancelRequest(stop); err != nil {
		t.Fatal(err)
	}
	if err := <-done; sqlstate(err) != "57014" {
		t.Errorf("the cancelled statement ended with %v, want SQLSTATE 57014", err)
	}
}

// super is a connection to the target itself.
func (g *gate) super() *pgx.Conn {
	g.t.Helper()
	c, err := pgx.Connect(context.Background(), g.pg.DSN(g.db))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestPgxCopyBothWays(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "CREATE TABLE t (id int, name text)"); err != nil {
		t.Fatal(err)
	}
	rows := [][]any{{1, "one"}, {2, "two"}, {3, "three"}}
	if n, err := c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "name"}, pgx.CopyFromRows(rows)); n != 3 || err != nil {
		t.Fatalf("copied %d rows in, %v", n, err)
	}
	var out strings.Builder
	if _, err := c.PgConn().CopyTo(ctx, &out, "COPY t TO STDOUT"); err != nil || out.String() != "1\tone\n2\ttwo\n3\tthree\n" {
		t.Errorf("copied out %q, %v", out.String(), err)
	}
}

func TestUserDisableRefusesTheNextStatement(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	g.run("", "user", "disable", "alice")
	if _, err := c.Exec(ctx, "SELECT 2"); sqlstate(err) != "42501" {
		t.Errorf("after user disable: %v, want SQLSTATE 42501", err)
	}
	if _, err := pgx.Connect(ctx, g.dsn()); sqlstate(err) != "28P01" {
		t.Errorf("a new login of a disabled user: %v, want 28P01 as for a wrong password", err)
	}
}
