package postgres

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// pgbench, in each of its protocols and with pipelines, runs without an error, inside TLS and not.
func TestPgbench(t *testing.T) {
	g, server := realGate(t, nil)
	pgbench := testenv.Tool(t, "pgbench")
	db := server.CreateDB(t)
	server.MustExec(t, db, `CREATE TABLE accounts AS SELECT i AS aid, 0 AS balance, 'grün' AS name FROM generate_series(1, 1000) i;
		ALTER TABLE accounts ADD PRIMARY KEY (aid); GRANT ALL ON ALL TABLES IN SCHEMA public TO public`)
	const script = `\set aid random(1, 1000)
SELECT balance FROM accounts WHERE aid = :aid AND name = 'grün';
BEGIN;
UPDATE accounts SET balance = balance + 1 WHERE aid = :aid;
END;`
	const pipeline = `\set aid random(1, 1000)
\startpipeline
SELECT balance FROM accounts WHERE aid = :aid;
UPDATE accounts SET balance = balance + 1 WHERE aid = :aid;
SELECT balance FROM accounts WHERE aid = :aid;
\endpipeline`
	for _, mode := range []string{"simple", "extended", "prepared", "pipeline"} {
		for _, sslmode := range []string{"disable", "require"} {
			t.Run(mode+" "+sslmode, func(t *testing.T) {
				protocol, text := mode, script
				if mode == "pipeline" {
					protocol, text = "prepared", pipeline
				}
				cmd := exec.Command(pgbench, "-n", "-c", "4", "-t", "50", "-M", protocol, "-f", writeScript(t, text),
					fmt.Sprintf("host=127.0.0.1 port=%d user=alice dbname=%s sslmode=%s", g.Addr.Port, db, sslmode))
				cmd.Env = testenv.CleanEnv("PGPASSWORD=" + protocoltest.Password)
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "processed: 200/200") || bytes.Contains(out, []byte("ERROR")) {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

func writeScript(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sql")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is large goes through whole: a batch longer than the queue, a value longer than any buffer, COPY both ways.
func TestLarge(t *testing.T) {
	g, _ := realGate(t, nil)
	for n, sslmode := range []string{"disable", "require"} {
		conn, err := connect(t, g, "postgres", "sslmode="+sslmode)
		if err != nil {
			t.Fatal(err)
		}
		largeBatch(t, conn)
		largeValue(t, conn)
		largeCopy(t, conn)
		if asked := g.Tape(t, n).Count(record.KindExecute); asked < maxQueue {
			t.Errorf("%s: only %d Executes were asked about", sslmode, asked)
		}
	}
}

func largeBatch(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	const size = maxQueue + 1000
	var batch pgx.Batch
	sum := 0
	for i := range size {
		batch.Queue("SELECT $1::int", i).QueryRow(func(row pgx.Row) error {
			var got int
			err := row.Scan(&got)
			sum += got
			return err
		})
	}
	if err := conn.SendBatch(t.Context(), &batch).Close(); err != nil {
		t.Fatal(err)
	}
	if sum != size*(size-1)/2 {
		t.Errorf("the answers sum up to %d", sum)
	}
}

func largeValue(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	value := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MiB
	var got []byte
	if err := conn.QueryRow(t.Context(), "SELECT $1::bytea", value).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, value) {
		t.Errorf("%d bytes came back, not the same", len(got))
	}
}

func largeCopy(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), "CREATE TEMP TABLE many (i int, v text)"); err != nil {
		t.Fatal(err)
	}
	const rows = 50_000
	n, err := conn.CopyFrom(t.Context(), pgx.Identifier{"many"}, []string{"i", "v"},
		pgx.CopyFromSlice(rows, func(i int) ([]any, error) { return []any{i, "value of some length"}, nil }))
	if err != nil || n != rows {
		t.Fatalf("%d rows copied: %v", n, err)
	}
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(t.Context(), &out, "COPY many TO STDOUT"); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != rows {
		t.Errorf("%d rows copied back", n)
	}
}
