package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// wireClient is a client that allocates nothing itself: a message made beforehand goes out, and an answer of a
// known length comes in.
type wireClient struct {
	t    testing.TB
	conn net.Conn
	buf  []byte
}

func (g *gate) wire() *wireClient {
	g.t.Helper()
	c, err := pgconn.Connect(context.Background(), g.dsn("sslmode=disable")+"&sslmode=disable")
	if err != nil {
		g.t.Fatal(err)
	}
	h, err := c.Hijack()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { h.Conn.Close() })
	return &wireClient{t: g.t, conn: h.Conn, buf: make([]byte, 64<<10)}
}

// ask sends and reads until ReadyForQuery; it returns the answer's length.
func (c *wireClient) ask(msg []byte) int {
	c.t.Helper()
	if _, err := c.conn.Write(msg); err != nil {
		c.t.Fatal(err)
	}
	n := 0
	for {
		k, err := c.conn.Read(c.buf[n:])
		if err != nil {
			c.t.Fatal(err)
		}
		if n += k; n >= 6 && c.buf[n-6] == 'Z' && c.buf[n-2] == 5 {
			return n
		}
	}
}

// again is ask for an answer of n bytes.
func (c *wireClient) again(msg []byte, n int) {
	if _, err := c.conn.Write(msg); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.ReadFull(c.conn, c.buf[:n]); err != nil {
		c.t.Fatal(err)
	}
}

func wireMessage(t testing.TB, msgs ...pgproto3.FrontendMessage) []byte {
	t.Helper()
	var b []byte
	for _, m := range msgs {
		var err error
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// blocks counts the sealed blocks in the archive.
func (g *gate) blocks() int {
	g.t.Helper()
	entries, err := os.ReadDir(filepath.Join(archiveDir(filepath.Join(g.dir, "s")), "blocks"))
	if err != nil {
		g.t.Fatal(err)
	}
	return len(entries)
}

// allocations counts those of the whole process while f runs, without what the blocks may cost that were sealed meanwhile.
func (g *gate) allocations(f func()) float64 {
	const ofABlock = 500
	var before, after runtime.MemStats
	blocks := g.blocks()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	blocks = g.blocks() - blocks + 1 // one may be on its way
	return max(0, float64(after.Mallocs-before.Mallocs)-float64(blocks*ofABlock))
}

// perStatement is how many allocations a statement takes of the whole process: of the least of three times.
func (g *gate) perStatement(again func()) float64 {
	const runs = 3000
	for range 200 {
		again()
	}
	least := math.Inf(1) // what else the process does beside is not the statement's
	for range 3 {
		least = min(least, g.allocations(func() {
			for range runs {
				again()
			}
		})/runs)
	}
	return least
}

// noAllocation checks a way to ask the same again.
func (g *gate) noAllocation(t *testing.T, again func()) {
	t.Helper()
	n := g.perStatement(again)
	t.Logf("%.3f allocations a statement", n)
	if n >= 0.2 {
		t.Errorf("%.2f allocations a statement, want none", n)
	}
}

// TestNothingIsAllocatedForAStatement runs the whole gateway, policy, journal, sealer and archive on, and counts the
// allocations of the whole process. A block may cost some hundred, for SQLite; a statement none. The target is reached
// without TLS: crypto/tls allocates for each read.
func TestNothingIsAllocatedForAStatement(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	g := newGate(t, gateOptions{policy: noSalaries, plainTo: true})
	c := g.wire()
	c.ask(wireMessage(t, &pgproto3.Parse{Name: "s", Query: "SELECT $1::int"}, &pgproto3.Sync{}))
	for _, test := range []struct {
		name string
		msg  []byte
	}{
		{"simple", wireMessage(t, &pgproto3.Query{String: "SELECT 1"})},
		{"ten rows", wireMessage(t, &pgproto3.Query{String: "SELECT generate_series(1, 10)"})},
		{"prepared", wireMessage(t, &pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("42")}}, &pgproto3.Execute{}, &pgproto3.Sync{})},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := c.ask(test.msg)
			g.noAllocation(t, func() { c.again(test.msg, n) })
		})
	}
}

// TestNothingIsAllocatedForAStatementOfMySQL is the same of MySQL.
func TestNothingIsAllocatedForAStatementOfMySQL(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	g := newGate(t, gateOptions{mysql: true, policy: noSalaries, plainTo: true})
	g.my.MustExec(t, g.db, "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t SELECT seq, concat('name ', seq) FROM seq_1_to_100")
	w := g.mysqlWire(g.db)
	prepared := w.answer(0x16, "SELECT name FROM t WHERE id = ?")
	if prepared[0] != 0 {
		t.Fatalf("%q", prepared)
	}
	w.read() // the definition of its parameter
	w.read() // and of its column
	execute := "\x17" + string(prepared[1:5]) + "\x00\x01\x00\x00\x00" + "\x00" + "\x01" + "\x08\x00" + "\x2a\x00\x00\x00\x00\x00\x00\x00"
	for _, test := range []struct{ name, msg string }{
		{"point select", "\x03SELECT name FROM t WHERE id = 42"},
		{"ten rows", "\x03SELECT id, name FROM t WHERE id <= 10"},
		{"prepared", execute},
		{"update", "\x03UPDATE t SET name = name WHERE id = 1000"},
		{"ping", "\x0e"},
	} {
		t.Run(test.name, func(t *testing.T) {
			msg := wirePacket(0, []byte(test.msg))
			c := &wireClient{t: t, conn: w.nc, buf: make([]byte, 64<<10)}
			w.result(msg) // the first time of a prepared statement has definitions that later ones lack
			n := w.result(msg)
			g.noAllocation(t, func() { c.again(msg, n) })
		})
	}
}

// A statement whose literals are new each time is known by the rest of its text.
func TestNothingIsAllocatedForANewLiteralOfMySQL(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	g := newGate(t, gateOptions{mysql: true, policy: noSalaries, plainTo: true})
	g.my.MustExec(t, g.db, "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t SELECT seq, concat('name ', seq) FROM seq_10000_to_29999")
	w := g.mysqlWire(g.db)
	c := &wireClient{t: t, conn: w.nc, buf: make([]byte, 64<<10)}
	var msgs [][]byte
	for id := range 20_000 {
		msgs = append(msgs, wirePacket(0, fmt.Appendf(nil, "\x03SELECT name FROM t WHERE id = %d AND name <> 'x%d'", 10_000+id, id)))
	}
	n, i := w.result(msgs[0]), 0
	g.noAllocation(t, func() { i++; c.again(msgs[i%len(msgs)], n) })
}

// result sends a command and returns how many bytes its answer has: an OK, or rows and the OK behind them. The driver
// that logged in agreed on no EOF behind definitions.
func (w *mysqlWire) result(msg []byte) (n int) {
	w.t.Helper()
	if _, err := w.nc.Write(msg); err != nil {
		w.t.Fatal(err)
	}
	for {
		b := w.read()
		n += 4 + len(b)
		switch {
		case b[0] == 0xff:
			w.t.Fatalf("%q", b)
		case b[0] == 0 && w.seq == 1, b[0] == 0xfe:
			return n
		}
	}
}
