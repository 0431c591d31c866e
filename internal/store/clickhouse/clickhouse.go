// Package clickhouse is the archive at scale: records as rows of ClickHouse, from any number of gateways. schema.sql says what
// is where. A Store is a follower's keeper, and an investigator's source: it only narrows, what a query means is decided
// elsewhere.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Mode says what a store is opened for.
type Mode uint8

const (
	Read  Mode = iota // never changes anything
	Write             // makes and changes the tables, and takes batches
)

// ErrNoArchive says that there are no tables of ours in the database.
var ErrNoArchive = errors.New("there is no archive")

// Store is an open archive in ClickHouse.
type Store struct {
	opts   Options
	conn   driver.Conn
	shards []driver.Conn // where rows go, by shard; of no cluster: conn alone

	mu   sync.Mutex // one batch at a time
	last uint64     // where the gateway's batches end; 0: not known
	rows rowBatch   // reused

	near nearby // for readers
}

// Open connects and, for Write, brings the tables up to date.
func Open(ctx context.Context, opts Options) (*Store, error) {
	conn, err := clickhouse.Open(opts.driver())
	if err != nil {
		return nil, fmt.Errorf("open archive in %s: %w", opts.place(), opts.censor(err))
	}
	s := &Store{opts: opts, conn: conn, shards: []driver.Conn{conn}}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(s.wrap("open", err), s.Close())
	}
	return s, nil
}

// prepare checks the schema, and for Write brings it up to date.
func (s *Store) prepare(ctx context.Context) error {
	if s.opts.Mode == Write {
		if err := s.migrate(ctx); err != nil {
			return err
		}
		if err := s.expire(ctx); err != nil {
			return err
		}
		return s.reachShards(ctx)
	}
	have, err := s.version(ctx)
	switch {
	case err != nil:
		return err
	case have == 0:
		return ErrNoArchive
	}
	return known(have)
}

// Close ends the use of the archive.
func (s *Store) Close() error {
	err := s.conn.Close()
	for _, shard := range s.shards {
		if shard != s.conn {
			err = errors.Join(err, shard.Close())
		}
	}
	return err
}

// Ping asks whether the server is there.
func (s *Store) Ping(ctx context.Context) error { return s.wrap("reach", s.conn.Ping(ctx)) }

// wrap names the archive in an error. What the driver says is censored: a password never stands in it.
func (s *Store) wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s archive in %s: %w", verb, s.opts.place(), s.opts.censor(err))
}

// expire sets how long rows are kept. Batches and chains are kept for ever: they say how far a gateway's follower is.
func (s *Store) expire(ctx context.Context) error {
	for table, at := range map[string]string{"records": "at", "touched": "day"} {
		var ddl string
		row := s.conn.QueryRow(ctx, `SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = ?`, s.opts.own(table))
		if err := row.Scan(&ddl); err != nil {
			return err
		}
		want := ""
		if s.opts.Keep > 0 {
			want = fmt.Sprintf("TTL toDateTime(%s) + toIntervalSecond(%d)", at, int64(s.opts.Keep/time.Second))
		}
		switch has := strings.Contains(ddl, "TTL "); {
		case want != "" && !strings.Contains(ddl, want):
			if err := s.conn.Exec(ctx, s.opts.alter(table)+"MODIFY "+want+" SETTINGS materialize_ttl_after_modify = 0"); err != nil {
				return err
			}
		case want == "" && has:
			if err := s.conn.Exec(ctx, s.opts.alter(table)+"REMOVE TTL"); err != nil {
				return err
			}
		}
	}
	return nil
}
