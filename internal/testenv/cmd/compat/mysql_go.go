package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// goDriver does with go-sql-driver/mysql what programs do.
func goDriver(ctx context.Context, a *attempt) error {
	if err := a.mysql.fresh(ctx); err != nil {
		return err
	}
	for _, interpolate := range []bool{false, true} {
		db, err := a.openGo(interpolate)
		if err != nil {
			return err
		}
		g := &goTalk{a, db}
		a.sayf("== values interpolated by the driver: %v", interpolate)
		for _, part := range []func(context.Context) error{g.types, g.errors, g.transactions, g.multi, g.large, g.cancel} {
			if err = part(ctx); err != nil {
				break
			}
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return err
		}
	}
	a.note = "prepared and interpolated: types, errors, transactions, results, 20 MB, cancel"
	return nil
}

func (a *attempt) openGo(interpolate bool) (*sql.DB, error) {
	config, err := a.mysql.login.Config(database)
	if err != nil {
		return nil, err
	}
	config.MultiStatements, config.InterpolateParams, config.MaxAllowedPacket = true, interpolate, 64<<20
	config.Params = map[string]string{"sql_mode": "'TRADITIONAL'"}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// goTalk is a conversation by go-sql-driver.
type goTalk struct {
	*attempt
	db *sql.DB
}

// query runs a query and writes down all that it returns.
func (g *goTalk) query(ctx context.Context, text string, args ...any) error {
	rows, err := g.db.QueryContext(ctx, text, args...)
	g.sayf("> %s %s", clip(text), clip(fmt.Sprintf("%q", args)))
	if err != nil {
		g.sayf("  error %v", err)
		return nil
	}
	defer rows.Close()
	for {
		if err := g.result(rows); err != nil {
			return err
		}
		if !rows.NextResultSet() {
			break
		}
		g.sayf("  next result")
	}
	if err := rows.Err(); err != nil {
		g.sayf("  error %v", err)
	}
	return nil
}

func (g *goTalk) result(rows *sql.Rows) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	values := make([]any, len(types))
	into := make([]any, len(types))
	for i, t := range types {
		length, _ := t.Length()
		nullable, _ := t.Nullable()
		precision, scale, _ := t.DecimalSize()
		g.sayf("  column %s %s length %d nullable %v decimals %d %d", t.Name(), t.DatabaseTypeName(), length, nullable, precision, scale)
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		var line strings.Builder
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fmt.Fprintf(&line, " %T(%s)", v, clip(fmt.Sprintf("%q", fmt.Sprint(v))))
		}
		g.sayf("  row%s", line.String())
	}
	return nil
}

// clip is a text, or its beginning.
func clip(s string) string {
	const most = 1200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

func (g *goTalk) exec(ctx context.Context, text string, args ...any) {
	result, err := g.db.ExecContext(ctx, text, args...)
	g.sayf("> %s %s", clip(text), clip(fmt.Sprintf("%q", args)))
	if err != nil {
		g.sayf("  error %v", err)
		return
	}
	affected, _ := result.RowsAffected()
	id, _ := result.LastInsertId()
	g.sayf("  affected %d, id %d", affected, id)
}

func (g *goTalk) types(ctx context.Context) error {
	g.exec(ctx, "DROP TABLE IF EXISTS t")
	g.exec(ctx, `CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT UNSIGNED, c FLOAT, d DOUBLE, e DECIMAL(20,5),
		f VARCHAR(50) CHARACTER SET utf8mb4, g BLOB, h DATETIME(6), i TIME(3), j DATE, k YEAR, l BIT(10), m JSON, n ENUM('x','y'), o SET('p','q'))`)
	const insert = "INSERT INTO t (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	at := time.Date(2026, 11, 26, 23, 59, 59, 123456000, time.UTC)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	g.exec(ctx, insert, 255, uint64(1<<64-1), 1.5, -1e300, "123456789012345.54321", "Grüße 😀 \x00'\"\\", every, at, "-12:34:56.789", at, 2026, []byte{3, 255}, `{"a": "ü"}`, "y", "p,q")
	g.exec(ctx, insert, make([]any, 15)...)
	g.exec(ctx, insert, 0, 0, 0, 0, 0, "", []byte{}, time.Time{}.AddDate(1999, 0, 0), "0", at, 1901, []byte{0}, "[]", "x", "")
	if err := g.query(ctx, "SELECT * FROM t ORDER BY id"); err != nil {
		return err
	}
	if err := g.query(ctx, "SELECT * FROM t WHERE id >= ? ORDER BY id", 1); err != nil {
		return err
	}
	return g.query(ctx, "SELECT ? AS 'a', ? + 1 AS 'b', ? AS `ünï`", "x", 41, nil)
}

func (g *goTalk) errors(ctx context.Context) error {
	g.exec(ctx, "INSERT INTO t (id) VALUES (?)", 1)
	g.exec(ctx, "INSERT INTO t (a) VALUES (?)", 256)
	g.exec(ctx, "SELEKT 1")
	g.exec(ctx, "DROP TABLE no_such")
	g.exec(ctx, "INSERT INTO t (f) VALUES (?)", strings.Repeat("x", 51))
	g.exec(ctx, "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'mine: ü'")
	g.exec(ctx, "DO 1/0")
	return g.query(ctx, "SELECT a FROM t WHERE nope = ?", 1)
}

func (g *goTalk) transactions(ctx context.Context) error {
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Rollback, (*sql.Tx).Commit} {
		tx, err := g.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE t SET f = ? WHERE id = 1", "changed"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM no_such"); err == nil {
			return errors.New("no error for a table that isn't there")
		}
		if err := end(tx); err != nil {
			return err
		}
		if err := g.query(ctx, "SELECT f FROM t WHERE id = 1"); err != nil {
			return err
		}
	}
	return nil
}

func (g *goTalk) multi(ctx context.Context) error {
	g.exec(ctx, "INSERT INTO t (f) VALUES ('m1'); UPDATE t SET f = 'm2' WHERE f = 'm1'; INSERT INTO t (f) VALUES ('m3'), ('m4')")
	if err := g.query(ctx, "SELECT 1 AS a; DO 0; SELECT id, f FROM t WHERE f LIKE 'm%' ORDER BY id; SELECT 'last' AS `b`"); err != nil {
		return err
	}
	if err := g.query(ctx, "SELECT 1 AS a; SELECT * FROM no_such; SELECT 3"); err != nil {
		return err
	}
	g.exec(ctx, "DROP PROCEDURE IF EXISTS p")
	g.exec(ctx, "CREATE PROCEDURE p(n INT) BEGIN SELECT n AS first; SELECT n + 1 AS second, NULL AS `null`; INSERT INTO t (f) VALUES ('p'); END")
	if err := g.query(ctx, "CALL p(?)", 7); err != nil {
		return err
	}
	statement, err := g.db.PrepareContext(ctx, "INSERT INTO t (a, f) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer statement.Close()
	for i := range 100 {
		if _, err := statement.ExecContext(ctx, i, fmt.Sprint("row ", i)); err != nil {
			return err
		}
	}
	return g.query(ctx, "SELECT COUNT(*), SUM(a) FROM t WHERE f LIKE 'row %'")
}

// large sends and gets a value of more than one packet.
func (g *goTalk) large(ctx context.Context) error {
	g.exec(ctx, "CREATE OR REPLACE TABLE l (id INT PRIMARY KEY, b LONGBLOB)")
	const mega = 1 << 20
	for i, n := range []int{16*mega - 100, 16*mega - 1, 16 * mega, 20 * mega} {
		b := []byte(strings.Repeat("0123456789abcdef", n/16+1)[:n])
		if _, err := g.db.ExecContext(ctx, "INSERT INTO l VALUES (?, ?)", i, b); err != nil {
			g.sayf("  %d bytes: error %v", n, err)
		}
		var back []byte
		if err := g.db.QueryRowContext(ctx, "SELECT b FROM l WHERE id = ?", i).Scan(&back); err != nil {
			return err
		}
		g.sayf("  %d bytes there and back: %v", n, string(back) == string(b))
	}
	return g.query(ctx, "SELECT id, LENGTH(b), MD5(b) FROM l ORDER BY id")
}

// cancel ends a statement by KILL QUERY from another connection, and by going away.
func (g *goTalk) cancel(ctx context.Context) error {
	conn, err := g.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var id uint64
	if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		var slept int
		err := conn.QueryRowContext(ctx, "SELECT MAX(a.seq ^ b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b").Scan(&slept)
		ended <- err
	}()
	if err := g.awaitQuery(ctx, id); err != nil {
		return err
	}
	if _, err := g.db.ExecContext(ctx, fmt.Sprintf("KILL QUERY %d", id)); err != nil {
		return err
	}
	g.sayf("KILL QUERY: %v", <-ended)
	var alive int
	if err := conn.QueryRowContext(ctx, "SELECT 1").Scan(&alive); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err = g.db.ExecContext(short, "DO SLEEP(5)")
	g.sayf("deadline: %v", err)
	return g.query(ctx, "SELECT 'and on'")
}

// awaitQuery waits until a connection's query runs on the server.
func (g *goTalk) awaitQuery(ctx context.Context, id uint64) error {
	for {
		var n int
		err := g.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ? AND INFO LIKE '%seq_1_to%'", id).Scan(&n)
		if err != nil || n > 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
