package clickhouse

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/internal/record"
)

// Explained is the first question that a search by words or digests asks.
func Explained(n record.Narrow) string { return saidQuery(sayings(n)[:1]) }

// CountQueries has each question that the store asks counted.
func CountQueries(s *Store, asked func(query string)) { s.conn = &counting{s.conn, asked} }

type counting struct {
	driver.Conn
	asked func(string)
}

func (c *counting) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	c.asked(query)
	return c.Conn.Query(ctx, query, args...)
}
