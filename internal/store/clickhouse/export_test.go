package clickhouse

import (
	"context"
	"net"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/internal/record"
)

// Explained is the first question that a search by words or digests asks.
func Explained(n record.Narrow) string { return saidQuery(sayings(n)[:1]) }

// CountQueries has each question that the store asks counted.
func CountQueries(s *Store, asked func(query string)) { s.conn = &counting{Conn: s.conn, asked: asked} }

type counting struct {
	driver.Conn
	mu    sync.Mutex // some are asked side by side
	asked func(string)
}

func (c *counting) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	c.mu.Lock()
	c.asked(query)
	c.mu.Unlock()
	return c.Conn.Query(ctx, query, args...)
}

// AskAnew has the store ask how far it is.
func (s *Store) AskAnew() { s.last = 0 }

// AfterStatements has next called after each statement that changes something.
func AfterStatements(s *Store, next func(statement string)) { s.conn = &stating{s.conn, next} }

type stating struct {
	driver.Conn
	next func(string)
}

func (c *stating) Exec(ctx context.Context, query string, args ...any) error {
	defer c.next(query)
	return c.Conn.Exec(ctx, query, args...)
}

// SendStrings sends a column of strings.
func SendStrings(to column.Interface, list []string) error { return sendAll(to, list) }

// AtOnce is how many batches are listed at once.
const AtOnce = atOnce

// Dial reaches a server as the driver has it done.
func (o *Options) Dial(ctx context.Context, addr string) (net.Conn, error) {
	return o.driver().DialContext(ctx, addr)
}

// Many has searches ask for what few said as for what many said; more: as for what more said than are noted.
func (o *Options) Many(more bool) {
	o.seek = &seek{tying: usual.tying, aside: usual.aside}
	if more {
		o.seek = &seek{tying: 2}
	}
}
