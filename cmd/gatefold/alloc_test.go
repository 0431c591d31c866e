package main

import (
	"context"
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

// TestNothingIsAllocatedForAStatement runs the whole gateway, policy, journal, sealer and archive on, and counts the
// allocations of the whole process. A block may cost some hundred, for SQLite; a statement none. The target is reached
// without TLS: crypto/tls allocates for each read.
func TestNothingIsAllocatedForAStatement(t *testing.T) {
	const runs = 3000
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
			for range 200 {
				c.again(test.msg, n)
			}
			least := math.Inf(1) // what else the process does beside is not the statement's
			for range 3 {
				least = min(least, g.allocations(func() {
					for range runs {
						c.again(test.msg, n)
					}
				})/runs)
			}
			t.Logf("%.3f allocations a statement", least)
			if least >= 0.2 {
				t.Errorf("%.2f allocations a statement, want none", least)
			}
		})
	}
}
