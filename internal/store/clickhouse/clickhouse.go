// Package clickhouse is the archive at scale: records as rows of ClickHouse, from any number of gateways. schema.sql says what
// is where. A Store is a follower's keeper, and an investigator's source: it only narrows, what a query means is decided
// elsewhere.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	// Notes say what isn't as it is configured, in words for the operator.
	Notes []string

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
		fresh, err := s.migrate(ctx)
		if err != nil {
			return err
		}
		if err := s.claim(ctx); err != nil {
			return err
		}
		if err := s.endure(ctx); err != nil {
			return err
		}
		if err := s.expire(ctx, fresh); err != nil {
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
