package chengine_test

import (
	"context"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/internal/chengine"
)

// open connects by clickhouse-go.
func open(t testing.TB, dsn string, change func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	opt, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(opt)
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func mustExec(t testing.TB, conn driver.Conn, query string, args ...any) {
	t.Helper()
	if err := conn.Exec(context.Background(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func count(t testing.TB, conn driver.Conn, query string, args ...any) (n uint64) {
	t.Helper()
	if err := conn.QueryRow(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// insert sends one batch of rows (i, "row i") from..to-1.
func insert(t testing.TB, ctx context.Context, conn driver.Conn, from, to int) error {
	t.Helper()
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO t (id, text)")
	if err != nil {
		return err
	}
	defer batch.Close()
	for i := from; i < to; i++ {
		if err := batch.Append(uint64(i), "row "+time.Duration(i).String()); err != nil {
			return err
		}
	}
	return batch.Send()
}

const tableT = "CREATE TABLE t (id UInt64, text String) ENGINE = MergeTree ORDER BY id"

func TestPingAndBatch(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), nil)
	if err := conn.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustExec(t, conn, tableT)
	if err := insert(t, context.Background(), conn, 0, 10_000); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(context.Background(), "SELECT id, text FROM t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := uint64(0)
	for ; rows.Next(); n++ {
		var id uint64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			t.Fatal(err)
		}
		if id != n || text != "row "+time.Duration(n).String() {
			t.Fatalf("row %d is %d %q", n, id, text)
		}
	}
	if err := rows.Err(); err != nil || n != 10_000 {
		t.Fatalf("read %d rows: %v", n, err)
	}
}

func TestKilledKeepsItsData(t *testing.T) {
	e := chengine.NewForTest(t, chengine.Options{})
	dsn := e.CreateDB(t)
	conn := open(t, dsn, nil)
	mustExec(t, conn, tableT)
	if err := insert(t, context.Background(), conn, 0, 1000); err != nil {
		t.Fatal(err)
	}
	e.Kill(t)
	if err := conn.Ping(context.Background()); err == nil {
		t.Fatal("a killed engine answers")
	}
	e.Start(t)
	if n := count(t, conn, "SELECT count() FROM t"); n != 1000 {
		t.Fatalf("%d rows after the kill", n)
	}
	e.Stop(t)
	e.Start(t)
	if n := count(t, conn, "SELECT count() FROM t"); n != 1000 {
		t.Fatalf("%d rows after the stop", n)
	}
}
