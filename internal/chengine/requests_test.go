package chengine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
)

// codeOf is ClickHouse's number of an error, or 0.
func codeOf(err error) int32 {
	var x *clickhouse.Exception
	if errors.As(err, &x) {
		return x.Code
	}
	return 0
}

func TestExceptions(t *testing.T) {
	e := chengine.ForTest(t)
	conn := open(t, e.CreateDB(t), nil)
	mustExec(t, conn, tableT)
	for query, code := range map[string]int32{
		"SELEC 1":                     62,
		"SELECT * FROM nix":           60,
		"SELECT nix FROM t":           47,
		"SELECT nix(1)":               46,
		"CREATE TABLE t (a UInt8)":    57,
		"INSERT INTO t VALUES ('x')":  62,
		"SELECT throwIf(1)":           395,
		"SELECT 1 SETTINGS nixen = 1": 115,
	} {
		err := conn.Exec(context.Background(), query)
		if got := codeOf(err); got != code {
			t.Errorf("%s: code %d, want %d: %v", query, got, code, err)
		}
	}
	err := conn.Exec(context.Background(), "SELECT * FROM nix")
	if strings.Count(err.Error(), "DB::Exception") > 1 || !strings.Contains(err.Error(), "nix") {
		t.Errorf("the error reads %q", err)
	}
	gone := open(t, e.DSN("nowhere"), nil)
	if err := gone.Ping(context.Background()); codeOf(err) != 81 {
		t.Errorf("a database that is not there: %v", err)
	}
}

// An error after rows went out has no status of its own: it is told in the stream.
func TestExceptionMidway(t *testing.T) {
	for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4} {
		conn := open(t, chengine.ForTest(t).CreateDB(t), func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: method}
		})
		rows, err := conn.Query(context.Background(),
			"SELECT number, throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_threads = 1")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; rows.Next(); n++ {
		}
		if n == 0 || codeOf(rows.Err()) != 395 {
			t.Errorf("compression %v: %d rows, then %v", method, n, rows.Err())
		}
		_ = rows.Close()
	}
}

func TestSettings(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), func(o *clickhouse.Options) {
		o.Settings = clickhouse.Settings{"max_block_size": 77, "log_comment": `it's \ here`}
	})
	ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": 3}))
	var threads, size uint64
	var comment string
	row := conn.QueryRow(ctx, "SELECT toUInt64(getSetting('max_threads')), toUInt64(getSetting('max_block_size')), getSetting('log_comment')")
	if err := row.Scan(&threads, &size, &comment); err != nil || threads != 3 || size != 77 || comment != `it's \ here` {
		t.Errorf("max_threads %d, max_block_size %d, log_comment %q: %v", threads, size, comment, err)
	}
	ctx = clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"nixen": 1}))
	if err := conn.Exec(ctx, "SELECT 1"); codeOf(err) != 115 {
		t.Errorf("an unknown setting: %v", err)
	}
	// It was of one request alone.
	if n := count(t, conn, "SELECT toUInt64(getSetting('max_block_size'))"); n != 77 {
		t.Errorf("max_block_size is %d afterwards", n)
	}
}

func TestDeduplication(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), nil)
	mustExec(t, conn, tableT+" SETTINGS non_replicated_deduplication_window = 100")
	send := func(token string, from int) {
		ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{
			"insert_deduplication_token": token, "async_insert": 0,
		}))
		if err := insert(t, ctx, conn, from, from+10); err != nil {
			t.Fatal(err)
		}
	}
	send("one", 0)
	send("one", 0)
	send("two", 0)
	if n := count(t, conn, "SELECT count() FROM t"); n != 20 {
		t.Errorf("%d rows, want 20", n)
	}
}

// The library cuts inline data at a newline, and so the server must not give it any.
func TestInlineData(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), nil)
	mustExec(t, conn, tableT)
	mustExec(t, conn, "INSERT INTO t (id, text) VALUES (1, 'a\nb'),\n(2, 'FORMAT; VALUES')")
	mustExec(t, conn, "INSERT INTO t FORMAT JSONEachRow\n{\"id\":3,\"text\":\"c\"}\n{\"id\":4,\"text\":\"d\"}\n")
	mustExec(t, conn, "INSERT INTO t (id, text) SELECT id + 10, text FROM t")
	if n := count(t, conn, "SELECT count() FROM t"); n != 8 {
		t.Errorf("%d rows, want 8", n)
	}
	if n := count(t, conn, "SELECT count() FROM t WHERE text = ?", "a\nb"); n != 2 {
		t.Errorf("%d rows hold the newline, want 2", n)
	}
}

func TestConcurrent(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), func(o *clickhouse.Options) {
		o.MaxOpenConns, o.MaxIdleConns, o.DialTimeout = 20, 20, time.Minute
	})
	mustExec(t, conn, tableT)
	const workers, each = 16, 10
	var wg sync.WaitGroup
	errs := make(chan error, workers*each)
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				errs <- work(t, conn, w*each+i)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, conn, "SELECT count() FROM t"); n != workers*each*5 {
		t.Errorf("%d rows, want %d", n, workers*each*5)
	}
}

// work inserts a batch and reads it back.
func work(t *testing.T, conn clickhouse.Conn, no int) error {
	ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1}))
	if err := insert(t, ctx, conn, no*5, no*5+5); err != nil {
		return err
	}
	var n uint64
	err := conn.QueryRow(ctx, "SELECT count() FROM t WHERE id >= ? AND id < ?", no*5, no*5+5).Scan(&n)
	if err == nil && n != 5 {
		err = fmt.Errorf("worker's batch %d has %d rows", no, n)
	}
	return err
}

func TestAnswerIsStreamed(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begun := time.Now()
	rows, err := conn.Query(ctx, "SELECT number FROM system.numbers") // without end
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
	}
	cancel()
	_ = rows.Close()
	t.Logf("%v", time.Since(begun))
	if err := conn.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestAuthentication(t *testing.T) {
	e := chengine.NewForTest(t, chengine.Options{User: "gatefold", Password: "p@ss/word"})
	conn := open(t, e.CreateDB(t), nil)
	if err := conn.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	wrong := open(t, e.DSN("default"), func(o *clickhouse.Options) { o.Auth.Password = "wrong" })
	if err := wrong.Ping(context.Background()); codeOf(err) != 516 {
		t.Errorf("a wrong password: %v", err)
	}
	other := open(t, e.DSN("default"), func(o *clickhouse.Options) { o.Auth.Username = "default" })
	if err := other.Ping(context.Background()); codeOf(err) != 516 {
		t.Errorf("another user: %v", err)
	}
}
