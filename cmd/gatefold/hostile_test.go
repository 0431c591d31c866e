package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/policy"
)

// exported returns all records of the archive.
func (g *gate) exported() []map[string]any {
	g.t.Helper()
	out := g.run("", "export")
	var all []map[string]any
	for line := range strings.Lines(out) {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			g.t.Fatalf("%v in %q", err, line)
		}
		all = append(all, m)
	}
	return all
}

func show(m map[string]any) string {
	b, _ := json.Marshal(m)
	return string(b)
}

// oneResultEach checks that every action has one Result of its own.
func (g *gate) oneResultEach() {
	g.t.Helper()
	results := map[string]int{}
	all := g.exported()
	for _, r := range all {
		if r["kind"] == "result" {
			results[fmt.Sprint(r["session"], r["of"])]++
		}
	}
	for _, r := range all {
		switch r["kind"] {
		case "query", "execute", "call", "cancel", "exec", "file", "forward", "command":
			if n := results[fmt.Sprint(r["session"], r["seq"])]; n != 1 {
				g.t.Errorf("%d results of %s", n, show(r))
			}
		}
	}
}

func TestHostileSeveralStatementsHaveOneResult(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect()
	if _, err := c.PgConn().Exec(context.Background(), "SELECT 1; SELECT 2; SELECT 3").ReadAll(); err != nil {
		t.Fatal(err)
	}
	c.Close(context.Background())
	g.stop()
	g.oneResultEach()
	out, errs, code := g.try("", "verify")
	if code != 0 {
		t.Error(out, errs)
	}
}

// A long parameter is not read as a statement.
func TestHostileLongParameter(t *testing.T) {
	g := newGate(t, gateOptions{policy: `
@id("c") permit(principal, action == Action::"connect", resource);
@id("s") permit(principal, action in [Action::"select", Action::"session"], resource);
`})
	c := g.connect("default_query_exec_mode=exec")
	text := strings.Repeat("ALTER USER bob PASSWORD 'hunter2'; drop table x; ", 6000)
	var n int
	err := c.QueryRow(context.Background(), "SELECT length($1::text)", text).Scan(&n)
	if err != nil || n != len(text) {
		t.Errorf("%d %v", n, err)
	}
	c.Close(context.Background())
	g.stop()
	var got strings.Builder
	for _, r := range g.exported() {
		if s, ok := r["text"].(string); ok && r["kind"] == "data" {
			got.WriteString(s)
		}
	}
	if strings.Contains(got.String(), "***") {
		t.Error("a parameter was masked")
	}
	g.oneResultEach()
}

// state runs a text and returns the SQLSTATE of its error, ok where there was none.
func (g *gate) state(c *pgx.Conn, sql string) string {
	g.t.Helper()
	_, err := c.PgConn().Exec(context.Background(), sql).ReadAll()
	if err == nil {
		return "ok"
	}
	return sqlstate(err)
}

// What a rule forbids stays forbidden however it is written, and whatever was asked before.
func TestHostilePolicy(t *testing.T) {
	rule := "\n@id(\"no-salaries\")\nforbid (principal, action in Action::\"any\", resource) when { context.tables.contains(\"salaries\") };\n"
	g := newGate(t, gateOptions{policy: string(policy.Starter) + rule, extra: "groups: {dba: [alice]}\n"})
	if _, err := g.super().Exec(context.Background(), "CREATE TABLE t (id int, name text); CREATE TABLE salaries (id int, amount int)"); err != nil {
		t.Fatal(err)
	}
	c := g.connect("default_query_exec_mode=simple_protocol")
	g.state(c, "COPY t TO ''") // no file, but the same template as that of a file
	g.state(c, "COPY t FROM ''")
	for _, sql := range []string{
		"COPY t FROM '/etc/hostname'",
		"COPY t TO '/nowhere/x'",
		"SELECT * FROM salaries",
		"SELECT * FROM \"salaries\"",
		"SELECT * FROM s.salaries",
		"SELECT * FROM public/**/./**/salaries",
		"SELECT * FROM only (salaries)",
		"TABLE salaries",
		"WITH salaries AS (SELECT 1) SELECT * FROM salaries, public.salaries x",
		"WITH x AS (SELECT * FROM salaries), salaries AS (SELECT 1) SELECT * FROM x",
		"WITH RECURSIVE x AS (WITH salaries AS (SELECT 1) SELECT * FROM salaries) SELECT * FROM salaries",
		"WITH salaries AS (SELECT 1 AS amount) UPDATE salaries SET amount = 1 WHERE id = 1",
		"WITH salaries AS (SELECT * FROM salaries) SELECT * FROM salaries",
		"WITH salaries AS MATERIALIZED (SELECT amount FROM salaries) SELECT * FROM salaries",
		"SELECT (WITH salaries AS (SELECT 1) SELECT 1), (SELECT amount FROM salaries)",
		"SELECT * FROM (WITH salaries AS (SELECT 1) SELECT 1) z, LATERAL (SELECT amount FROM salaries) y",
		"WITH a AS (WITH salaries AS (SELECT 1 amount) SELECT 1) INSERT INTO t SELECT amount FROM salaries",
		"WITH salaries AS (SELECT 1 AS id, 2 AS amount) DELETE FROM t USING public.salaries WHERE t.id = 2",
		"SELECT 1 UNION (WITH salaries AS (SELECT 1 a) SELECT * FROM salaries) UNION SELECT amount FROM salaries",
		"(WITH salaries AS (SELECT 1 a) SELECT * FROM salaries) UNION SELECT amount FROM salaries",
		"SELECT 1 ORDER BY (SELECT amount FROM salaries)",
		"SELECT 1 LIMIT (SELECT amount FROM salaries)",
		"SELECT 1 WINDOW w AS (ORDER BY (SELECT amount FROM salaries))",
		"SELECT sum(id) FILTER (WHERE id IN (SELECT amount FROM salaries)) FROM t",
		"VALUES ((SELECT amount FROM salaries))",
		"COPY salaries TO STDOUT",
		"COPY (SELECT * FROM salaries) TO STDOUT",
		"COPY (INSERT INTO t SELECT amount FROM salaries RETURNING *) TO STDOUT",
		"COPY t (id) FROM STDIN WHERE id IN (SELECT amount FROM salaries)",
		"DECLARE c CURSOR WITH HOLD FOR SELECT * FROM salaries",
		"PREPARE p AS SELECT * FROM salaries",
		"EXPLAIN SELECT * FROM salaries",
		"EXPLAIN ANALYZE SELECT * FROM salaries",
		"EXPLAIN (ANALYZE 'on') DELETE FROM t",
		"LOCK TABLE salaries",
		"SELECT query_to_xml('select * from salaries', true, true, '')",
		"SELECT table_to_xml('salaries', true, true, '')",
		"SELECT pg_read_file('/etc/hostname')",
		"SELECT x.pg_read_file FROM unnest(ARRAY['/etc/hostname']) AS x",
		"SELECT (x).pg_read_file FROM (SELECT text '/etc/hostname') AS y(x)",
		"SELECT 1 FROM t WHERE pg_catalog.pg_read_file('/etc/hostname') IS NOT NULL",
		"SELECT * FROM ROWS FROM (pg_ls_dir('/'))",
		"SELECT set_config('role', 'postgres', false)",
		"RESET ROLE",
		"SET LOCAL ROLE none",
		"SELECT 1; SELECT * FROM salaries",
		"SELECT 1 /* ; /* */ */ ; TABLE salaries",
		"SELECT $$ ' $$ ; TABLE salaries -- ' $$",
		"SELECT E'\\'' ; TABLE salaries -- '",
		"SELECT '\\' ; TABLE salaries -- '",
		"SELECT amount FROM salaries FOR UPDATE",
		"MERGE INTO t USING salaries s ON t.id = s.id WHEN MATCHED THEN DO NOTHING",
		"MERGE INTO t USING t s ON t.id = s.id WHEN MATCHED AND EXISTS (SELECT FROM salaries) THEN DO NOTHING",
		"DELETE FROM t WHERE true",
		"INSERT INTO t SELECT 1 ON CONFLICT DO NOTHING RETURNING (SELECT amount FROM salaries)",
		"CREATE TEMP VIEW v AS SELECT * FROM salaries",
		"SELECT salaries FROM salaries",
		"ANALYZE salaries",
		"VACUUM (ANALYZE) salaries",
		"REINDEX TABLE salaries",
		"CLUSTER salaries",
		"ALTER TABLE salaries RENAME TO visible",
	} {
		if got := g.state(c, sql); got != "42501" {
			t.Errorf("%s: %s, want SQLSTATE 42501", sql, got)
		}
	}
}

// The server's words about a secret don't put it into the record.
func TestHostileSecretInErrors(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect("default_query_exec_mode=simple_protocol")
	for _, s := range []string{
		"ALTER USER bob PASSWORD 'x' 'hunter2'",
		"ALTER USER bob PASSWORD hunter2",
		"ALTER USER bob PASSWORD \"hunter2\"",
		"DO $$ BEGIN RAISE NOTICE 'password=hunter2'; END $$",
		"DO $$ BEGIN EXECUTE 'ALTER USER bob PASSWORD ''hunter2'' zz'; END $$",
		"SELECT set_config('my.password', 'hunter2', false)::int",
		"CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 password=hunter2 bogus=1' PUBLICATION p",
		"CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 password=hunter2 hunter2' PUBLICATION p",
		"SET timezone.password = 'hunter2'",
		"SET app.token = 'hunter2'",
		"ALTER USER bob PASSWORD 'x' hunter2",
		"INSERT INTO nowhere (name, password) VALUES ('bob', 'hunter2')",
		"SELECT 1 FROM pg_class WHERE 'x' = md5('y') AND password = md5('hunter2')",
		`SELECT dblink_connect(E'pass\x77ord=hunter2')`,
	} {
		g.state(c, s)
	}
	c.Close(context.Background())
	g.stop()
	all := g.exported()
	if len(all) < 20 {
		t.Errorf("only %d records", len(all))
	}
	for _, r := range all {
		if strings.Contains(show(r), "hunter2") {
			t.Errorf("the record holds a secret: %s", show(r))
		}
	}
	if strings.Contains(g.log.from(0), "hunter2") {
		t.Error("the log holds a secret")
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A session keeps no long texts.
func TestHostileVerdictsHoldNoTexts(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect("default_query_exec_mode=simple_protocol")
	before := heap()
	for i := range 12 {
		text := "SELEC " + strings.Repeat("x", 8<<20+i) + " ALTER USER bob PASSWORD 'hunter2'"
		g.state(c, text)
	}
	if grown := int64(heap()) - int64(before); grown > 40<<20 {
		t.Errorf("12 refused statements of 8 MiB left %d MiB", grown>>20)
	}
}

// Silent connections keep nobody out.
func TestHostileSlowLoris(t *testing.T) {
	g := newGate(t, gateOptions{limits: "{hello_timeout: 60s, drain_timeout: 1s}"})
	var all []net.Conn
	for range 1100 {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, g.dsn())
	if err != nil {
		t.Errorf("1100 silent connections from one address keep everyone out: %v", err)
		return
	}
	c.Close(ctx)
}

// wire is a session spoken message by message.
type wire struct {
	t  *testing.T
	fe *pgproto3.Frontend
	c  net.Conn
}

func (g *gate) open(t *testing.T) *wire {
	t.Helper()
	h, err := g.connect().PgConn().Hijack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Conn.Close() })
	h.Conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &wire{t, h.Frontend, h.Conn}
}

func (w *wire) send(messages ...pgproto3.FrontendMessage) {
	w.t.Helper()
	for _, m := range messages {
		w.fe.Send(m)
	}
	if err := w.fe.Flush(); err != nil {
		w.t.Fatal(err)
	}
}

// ready reads up to the n-th ReadyForQuery.
func (w *wire) ready(n int) {
	w.t.Helper()
	for n > 0 {
		m, err := w.fe.Receive()
		if err != nil {
			w.t.Fatal(err)
		}
		if _, ok := m.(*pgproto3.ReadyForQuery); ok {
			n--
		}
	}
}

// A portal that a transaction's end took away, and whose name a function gave to a cursor of its own, is not taken for
// the first.
func TestHostilePortalOfAFunction(t *testing.T) {
	for name, c := range map[string]struct {
		end   string
		ahead bool
	}{
		"one by one": {"COMMIT; BEGIN", false}, "ahead": {"COMMIT; BEGIN", true},
		"chain": {"ROLLBACK AND CHAIN", false}, "chain, ahead": {"rollback and/**/chain", true},
	} {
		t.Run(name, func(t *testing.T) {
			ahead := c.ahead
			g := newGate(t, gateOptions{})
			r := g.open(t)
			r.send(&pgproto3.Query{String: "CREATE FUNCTION open_it(c refcursor) RETURNS refcursor LANGUAGE plpgsql AS 'BEGIN OPEN c FOR SELECT 424242; RETURN c; END'"}, &pgproto3.Query{String: "BEGIN"})
			r.ready(2)
			r.send(&pgproto3.Parse{Query: "SELECT 'benign' FROM generate_series(1,9)"}, &pgproto3.Bind{DestinationPortal: "p1"}, &pgproto3.Execute{Portal: "p1", MaxRows: 1}, &pgproto3.Sync{})
			r.ready(1)
			r.send(&pgproto3.Query{String: c.end + "; SELECT open_it('p1')"})
			if !ahead {
				r.ready(1)
			}
			r.send(&pgproto3.Execute{Portal: "p1"}, &pgproto3.Sync{})
			if ahead {
				r.ready(1)
			}
			r.ready(1)
			r.send(&pgproto3.Terminate{})
			r.c.Close()
			g.stop()
			var last, bind any
			for _, x := range g.exported() {
				if x["kind"] == "execute" {
					last = x["of"]
				}
				if x["kind"] == "bind" {
					bind = x["seq"]
				}
			}
			if last != nil && last == bind {
				t.Errorf("the function's cursor is recorded as the portal that was bound before")
			}
		})
	}
}

// A text that can't be read may be about anything: a rule that forbids a table holds for it. It once passed under a
// policy that permits the rest.
func TestHostileUnreadUnderForbid(t *testing.T) {
	g := newGate(t, gateOptions{policy: `
@id("all") permit (principal, action, resource);
@id("no-salaries") forbid (principal, action, resource) when { context.tables.contains("salaries") };
`})
	if _, err := g.super().Exec(context.Background(), "CREATE TABLE salaries (id int, amount int)"); err != nil {
		t.Fatal(err)
	}
	c := g.connect("default_query_exec_mode=simple_protocol")
	for _, x := range []struct{ sql, state string }{
		{"SELECT 'é', 1", "ok"},
		{"SET client_encoding = LATIN1", "ok"},
		{"SELECT 'é', * FROM salaries", "42501"},
		{"SELECT 1", "ok"},
		{"RESET client_encoding", "ok"},
		{"SET standard_conforming_strings = off", "ok"},
		{`SELECT '\', * FROM salaries -- '`, "42501"},
		{"RESET standard_conforming_strings", "ok"},
		{"DO $$ BEGIN PERFORM * FROM salaries; END $$", "42501"},
		{"SELECT query_to_xml('TABLE salaries', true, true, '')", "42501"},
		{"CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ok"},
		{"SELECT one()", "ok"},
		{"PREPARE p AS SELECT 1", "ok"},
		{"EXECUTE p", "ok"},
	} {
		if got := g.state(c, x.sql); got != x.state {
			t.Errorf("%s: %s, want %s", x.sql, got, x.state)
		}
	}
	var pe *pgconn.PgError
	g.state(c, "SET client_encoding = LATIN1")
	_, err := c.PgConn().Exec(context.Background(), "SELECT 'é'").ReadAll()
	if !errors.As(err, &pe) || !strings.Contains(pe.Message, "no-salaries") || !strings.Contains(pe.Hint, "client_encoding") {
		t.Errorf("the user is not told why, or what to do: %+v", pe)
	}
}
