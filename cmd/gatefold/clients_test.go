package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// ways are the two that a client can take to one database: straight to the server and through the gateway. What a
// program prints must not tell which it was.
func (g *gate) ways() map[string]string {
	q := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {g.pg.CA}}
	direct := url.URL{Scheme: "postgres", User: url.UserPassword(g.pg.Superuser, g.pg.Password), Host: g.pg.Address(),
		Path: "/" + g.db, RawQuery: q.Encode()}
	return map[string]string{"direct": direct.String(), "gate": g.dsn()}
}

// client is one of PostgreSQL's own programs, set to one of the ways by the connection string.
func (g *gate) client(program, dsn string, args ...string) *exec.Cmd {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	g.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, testenv.Tool(g.t, program), append(args, "-d", dsn)...)
	cmd.Env = testenv.CleanEnv()
	return cmd
}

// output runs a program that must work.
func (g *gate) output(stdin io.Reader, program, dsn string, args ...string) string {
	g.t.Helper()
	cmd := g.client(program, dsn, args...)
	cmd.Stdin = stdin
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("%s: %v\n%s", program, err, errs.String())
	}
	return string(out)
}

// same runs psql both ways and compares all that it prints, errors included, and how it ends.
func (g *gate) same(script string, args ...string) string {
	g.t.Helper()
	got := map[string]string{}
	for way, dsn := range g.ways() {
		cmd := g.client("psql", dsn, append([]string{"-X"}, args...)...)
		cmd.Stdin = strings.NewReader(script)
		out, _ := cmd.CombinedOutput()
		got[way] = fmt.Sprintf("%sexit %d", out, cmd.ProcessState.ExitCode())
	}
	if got["gate"] != got["direct"] {
		g.t.Errorf("through the gateway:\n%.2000s\ndirectly:\n%.2000s", got["gate"], got["direct"])
	}
	return got["gate"]
}

// shop is a database with something of many kinds in it.
const shop = `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, m mood, data jsonb, raw bytea);
INSERT INTO customers SELECT i, 'näme ' || i, 'ok', jsonb_build_object('i', i), decode(md5(i::text), 'hex') FROM generate_series(1, 2000) i;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES customers, amount numeric(10,2), at timestamp);
INSERT INTO orders (customer, amount, at) SELECT i % 2000 + 1, i * 1.5, timestamp '2021-01-01' + i * interval '1 min' FROM generate_series(1, 5000) i;
CREATE VIEW totals AS SELECT name, sum(amount) FROM customers c JOIN orders o ON o.customer = c.id GROUP BY name;
CREATE FUNCTION shout(a text) RETURNS text LANGUAGE sql AS $$ SELECT upper(a) $$;
CREATE INDEX ON orders (customer);
COMMENT ON TABLE orders IS 'über ☃';
SELECT lo_from_bytea(4711, '\xdeadbeef');
`

// nonce is what pg_dump writes at random since its fix of CVE-2025-8714.
var nonce = regexp.MustCompile(`(?m)^\\(un)?restrict .*\n`)

// dump is the whole database as pg_dump writes it, without what is random.
func (g *gate) dump(dsn string) string {
	g.t.Helper()
	return nonce.ReplaceAllString(g.output(nil, "pg_dump", dsn), "")
}

func TestDumpAndRestoreThroughTheGateway(t *testing.T) {
	g := newGate(t, gateOptions{})
	g.output(strings.NewReader(shop), "psql", g.ways()["direct"], "-Xq", "-v", "ON_ERROR_STOP=1")
	want := g.dump(g.ways()["direct"])
	if got := g.dump(g.dsn()); got != want {
		t.Errorf("pg_dump through the gateway wrote %d bytes, directly %d, and they differ", len(got), len(want))
	}
	original := g.dsn()
	archive := filepath.Join(t.TempDir(), "archive")
	g.output(nil, "pg_dump", original, "-Fc", "-f", archive)
	for name, restore := range map[string]func(){
		"psql": func() { g.output(strings.NewReader(want), "psql", g.dsn(), "-Xq", "-v", "ON_ERROR_STOP=1") },
		"jobs": func() { g.output(nil, "pg_restore", g.dsn(), "-j4", archive) },
	} {
		g.db = g.pg.CreateDB(t)
		restore()
		if got := g.dump(g.ways()["direct"]); got != want {
			t.Errorf("restored by %s through the gateway, the database dumps otherwise", name)
		}
	}
}

func TestPgbenchThroughTheGateway(t *testing.T) {
	g := newGate(t, gateOptions{})
	g.pgbench("-i", "-q", "-s", "1")
	pipeline := filepath.Join(t.TempDir(), "pipeline.sql")
	if err := os.WriteFile(pipeline, []byte(`\set a random(1, 100000)
\startpipeline
SELECT abalance FROM pgbench_accounts WHERE aid = :a;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :a;
SELECT 1;
\endpipeline
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"simple", "extended", "prepared"} {
		g.transactions(400, "-M", mode, "-S", "-c", "8", "-t", "50")
		g.transactions(160, "-M", mode, "-c", "8", "-t", "20")
	}
	g.transactions(400, "-M", "extended", "-f", pipeline, "-c", "8", "-t", "50")
	g.transactions(400, "-M", "prepared", "-f", pipeline, "-c", "8", "-t", "50")
	g.transactions(40, "-S", "-C", "-c", "4", "-t", "10")
}

// transactions runs pgbench and counts what it did.
func (g *gate) transactions(want int, args ...string) {
	g.t.Helper()
	out := g.pgbench(append([]string{"-n", "-j", "2"}, args...)...)
	if line := fmt.Sprintf("actually processed: %d/%d\n", want, want); !strings.Contains(out, line) {
		g.t.Errorf("pgbench %s: no line %q in\n%s", strings.Join(args, " "), line, out)
	}
}

// pgbench must work. It takes the database as its last argument, where the others have an option; -d means debug to
// old ones.
func (g *gate) pgbench(args ...string) string {
	g.t.Helper()
	u, err := url.Parse(g.dsn())
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, testenv.Tool(g.t, "pgbench"), append(args, g.db)...)
	cmd.Env = testenv.CleanEnv("PGHOST="+u.Hostname(), "PGPORT="+u.Port(), "PGUSER=alice", "PGPASSWORD="+alicePassword, "PGSSLMODE=require")
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("pgbench %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// talk is a psql session of many kinds of answers: several results, errors in and out of transactions, COPY both
// ways, cursors, large objects, notices, notifications, changed encodings.
const talk = `
\d
\d orders
\d+ totals
\df
\l t*
\dn+
SELECT 1 AS a, NULL AS b \gset
\echo :a :b
SELECT 1/0;
\errverbose
SELECT * FROM nowhere;
SELECT 1\; SELECT 2\; SELECT 3;
CREATE TEMP TABLE c (a int, b text);
COPY c FROM stdin;
1	one
2	\N
\.
COPY c FROM stdin;
not a number
\.
COPY c TO stdout (FORMAT csv, HEADER);
BEGIN; SELECT 1/0; SELECT 1; ROLLBACK;
BEGIN; SAVEPOINT s; SELECT 1/0; ROLLBACK TO s; SELECT 2; COMMIT;
PREPARE p AS SELECT $1::int + 1; EXECUTE p(3); DEALLOCATE p; EXECUTE p(3);
BEGIN; DECLARE k CURSOR FOR SELECT generate_series(1, 9); FETCH 3 FROM k; MOVE 2 FROM k; FETCH ALL FROM k; COMMIT;
BEGIN; SELECT loread(lo_open(4711, 262144), 2); COMMIT;
DO $$ BEGIN RAISE NOTICE 'a notice'; RAISE WARNING 'a warning'; END $$;
SET client_encoding = latin1; SELECT length('ü'); RESET client_encoding;
\set FETCH_COUNT 7
SELECT i, repeat('x', i) FROM generate_series(1, 30) i;
SELECT 1/(15 - i) FROM generate_series(1, 20) i;
\set FETCH_COUNT 0
SELECT 1 AS a, 'x' AS b \gdesc
SELECT 'SELECT ' || i FROM generate_series(1, 3) i \gexec
;
SELECT;
`

func TestPsqlPrintsTheSameBothWays(t *testing.T) {
	g := newGate(t, gateOptions{})
	g.output(strings.NewReader(shop), "psql", g.ways()["direct"], "-Xq", "-v", "ON_ERROR_STOP=1")
	if out := g.same(talk); !strings.Contains(out, "division by zero") || !strings.HasSuffix(out, "(1 row)\n\n--\n(1 row)\n\nexit 0") {
		t.Errorf("psql did not come to the end of the script:\n%s", out)
	}
	g.same("SELECT 1/0; SELECT 2", "-v", "ON_ERROR_STOP=1")
	g.same("", "--single-transaction", "-c", "CREATE TABLE gone (a int)", "-c", "SELECT 1/0", "-c", "SELECT 2", "-v", "ON_ERROR_STOP=1")
	if out := g.same(`\d gone`); !strings.Contains(out, "Did not find") {
		t.Errorf("what --single-transaction rolled back is there:\n%s", out)
	}
}

// copyScript takes a column of bytes through \copy in binary form, in and out again.
const copyScript = `DROP TABLE IF EXISTS big;
CREATE TABLE big (b bytea);
\copy big FROM '%s' (FORMAT binary)
SELECT length(b), md5(b) FROM big;
\copy big TO '%s' (FORMAT binary)
`

func TestPsqlCopiesALargeValueBothWays(t *testing.T) {
	g := newGate(t, gateOptions{})
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, binaryCopy(bytes.Repeat([]byte("0123456789abcde\x00"), 2<<20)), 0o600); err != nil { // 32 MiB
		t.Fatal(err)
	}
	g.output(strings.NewReader(fmt.Sprintf(copyScript, in, out)), "psql", g.dsn(), "-Xq", "-v", "ON_ERROR_STOP=1")
	if got, want := sum(t, out), sum(t, in); got != want {
		t.Errorf("what \\copy brought back has SHA-256 %x, what it took in %x", got, want)
	}
}

// binaryCopy is a file of COPY's binary format with one row of one column (SQL COPY, File Formats, Binary Format).
func binaryCopy(value []byte) []byte {
	b := []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")
	n := uint32(len(value))
	b = append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	return append(append(b, value...), 0xff, 0xff)
}

func sum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

func TestPsqlReadsABigResultBothWays(t *testing.T) {
	g := newGate(t, gateOptions{})
	const query = "SELECT i, md5(i::text) FROM generate_series(1, 300000) i"
	for _, args := range [][]string{{"-c", query}, {"-v", "FETCH_COUNT=1000", "-c", query}, {"-c", `COPY (` + query + `) TO stdout`}} {
		got := map[string][sha256.Size]byte{}
		for way, dsn := range g.ways() {
			out := g.output(nil, "psql", dsn, append([]string{"-X", "-A", "-t"}, args...)...)
			if n := strings.Count(out, "\n"); n != 300000 {
				t.Errorf("%s %q: %d lines, want 300000", way, args, n)
			}
			got[way] = sha256.Sum256([]byte(out))
		}
		if got["gate"] != got["direct"] {
			t.Errorf("%q: not the same both ways", args)
		}
	}
}

func TestInterruptedPsqlCancelsItsStatement(t *testing.T) {
	g := newGate(t, gateOptions{})
	super := g.super()
	for way, dsn := range g.ways() {
		cmd := g.client("psql", dsn, "-X", "-c", "SELECT pg_sleep(50)")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		g.poll("psql's statement runs", func() bool {
			var n int
			err := super.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(50)' AND datname = $1", g.db).Scan(&n)
			return err == nil && n == 1
		})
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if want := "Cancel request sent\nERROR:  canceling statement due to user request\n"; out.String() != want || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v, printed %q, want exit 1 and %q", way, err, out.String(), want)
		}
	}
}
