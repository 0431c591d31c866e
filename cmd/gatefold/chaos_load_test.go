package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// load is clients at work on a gateway that may go at any moment. Each statement carries a marker that no other carries,
// as text or as a parameter.
type load struct {
	g        *gate
	round    int
	pad      string // a comment that makes statements long
	ctx      context.Context
	end      context.CancelFunc
	wg       sync.WaitGroup
	mu       sync.Mutex
	answered map[int]int // client -> statements
	refused  int         // not recorded, not run
	clients  int
}

func (g *gate) startLoad(round, clients int, pad string) *load {
	l := &load{g: g, round: round, pad: pad, answered: map[int]int{}, clients: clients}
	l.ctx, l.end = context.WithCancel(context.Background())
	for c := range clients {
		l.wg.Go(func() { l.client(c) })
	}
	return l
}

// worker is a client at work, of any protocol.
type worker struct {
	do     func(next func() string) error // sends statements, each with a marker of its own, and awaits the answers
	noRoom func(error) bool               // they were refused for want of room, and the client can go on
	close  func()
}

// client connects and works until the gateway is gone. A statement that is refused for want of room is counted and the
// next one tried.
func (l *load) client(c int) {
	connect := l.g.pgWorker
	switch {
	case l.g.my != nil:
		connect = l.g.mysqlWorker
	case l.g.sshd != nil:
		connect = l.g.sshWorker
	}
	w, err := connect(l.ctx, c, l.pad)
	for err != nil { // there may be no room for a session until the archive has taken what an earlier life left
		select {
		case <-l.g.gone:
			return
		case <-l.ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
		w, err = connect(l.ctx, c, l.pad)
	}
	defer w.close()
	i := 0
	next := func() string { i++; return fmt.Sprintf("kill-%d-%d-%d", l.round, c, i) }
	for {
		err := w.do(next)
		l.mu.Lock()
		switch {
		case err == nil:
			l.answered[c]++
		case w.noRoom(err):
			l.refused++
			err = nil
		}
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// warm reports whether every client has had an answer.
func (l *load) warm() bool { return l.working() == l.clients }

// any reports whether some client has had an answer since forget.
func (l *load) any() bool { return l.working() > 0 }

func (l *load) working() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.answered)
}

func (l *load) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.answered)
}

// stop ends the clients where the gateway's end did not.
func (l *load) stop() (refused int) {
	stuck := time.AfterFunc(20*time.Second, l.end)
	defer stuck.Stop()
	l.wg.Wait()
	l.end()
	return l.refused
}

// pgWorker is a client of PostgreSQL's, of one kind or another.
func (g *gate) pgWorker(ctx context.Context, c int, pad string) (*worker, error) {
	conn, err := pgx.Connect(ctx, g.dsn())
	if err != nil {
		return nil, err
	}
	return &worker{
		do:     func(next func() string) error { return clientKinds[c%len(clientKinds)](ctx, conn, next, pad) },
		noRoom: func(err error) bool { return sqlstate(err) == "53100" && !conn.IsClosed() },
		close:  func() { conn.Close(context.Background()) },
	}, nil
}

// clientKinds are the ways in which statements are sent.
var clientKinds = []func(context.Context, *pgx.Conn, func() string, string) error{simpleLoad, preparedLoad, pipelinedLoad, copyLoad}

func simpleLoad(ctx context.Context, c *pgx.Conn, next func() string, pad string) error {
	_, err := c.Exec(ctx, "SELECT '"+next()+"'"+pad, pgx.QueryExecModeSimpleProtocol)
	return err
}

func preparedLoad(ctx context.Context, c *pgx.Conn, next func() string, _ string) error {
	_, err := c.Exec(ctx, "SELECT $1::text", next())
	return err
}

func pipelinedLoad(ctx context.Context, c *pgx.Conn, next func() string, _ string) error {
	b := &pgx.Batch{}
	for range 5 {
		b.Queue("SELECT $1::text", next())
	}
	return c.SendBatch(ctx, b).Close()
}

func copyLoad(ctx context.Context, c *pgx.Conn, next func() string, pad string) error {
	_, err := c.PgConn().CopyFrom(ctx, strings.NewReader("a line\nanother\n"), "COPY chaos FROM STDIN /* "+next()+" */"+pad)
	return err
}

// chaosTable is what is copied into, and loaded.
func (g *gate) chaosTable(t testing.TB) {
	const create = "CREATE TABLE chaos (line text)"
	if g.my != nil {
		g.my.MustExec(t, g.db, create)
		return
	}
	if g.sshd != nil {
		return
	}
	g.pg.MustExec(t, g.db, create)
}
