package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as the recorder's sink.

// Put takes a sealed block. It survives a kill, and loss of power, when Put returns. A block that is there already, by
// its position, is left as it is.
func (s *Store) Put(ctx context.Context, b *record.Block, raw []byte) error {
	if err := s.put(ctx, b, raw); err != nil {
		return fmt.Errorf("put block %016x into archive %s: %w", b.Pos, s.dir, err)
	}
	return nil
}

// isKnown asks whether a block is there, or was and is gone, and whether there are any behind it.
const isKnown = `SELECT
	coalesce((SELECT "end" FROM blocks WHERE pos <= ?1 ORDER BY pos DESC LIMIT 1), -1) >= ?2
	OR coalesce((SELECT "end" FROM gone WHERE pos <= ?1 ORDER BY pos DESC LIMIT 1), -1) >= ?2,
	EXISTS (SELECT 1 FROM blocks WHERE pos > ?1)`

func (s *Store) put(ctx context.Context, b *record.Block, raw []byte) error {
	if s.mode != Write {
		return errors.New("it is open for reading")
	}
	var covered, later bool
	known, err := s.statements.get(ctx, s.db, isKnown)
	if err == nil {
		err = known.QueryRowContext(ctx, int64(b.Pos), int64(b.End)).Scan(&covered, &later)
	}
	switch {
	case err != nil || covered:
		return err
	case later:
		return errors.New("blocks behind it are listed already")
	}
	stands, err := s.write(b, raw)
	if err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.change(ctx, func(tx *sql.Tx) error { return s.add(ctx, tx, b, stands, 0) })
}

// Last is the journal position behind the last block; 0: there is none.
func (s *Store) Last(ctx context.Context) (end uint64, err error) {
	var v int64
	err = s.db.QueryRowContext(ctx, `SELECT "end" FROM blocks ORDER BY pos DESC LIMIT 1`).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return uint64(v), s.wrap(err)
}

// Head is how far a session's chain has got; not ok: the session isn't here.
func (s *Store) Head(ctx context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error) {
	line, ok, err := s.Session(ctx, id)
	return line.Last, line.Head, line.Secret, ok, err
}

// Open returns the sessions that have no Close yet, oldest first.
func (s *Store) Open(ctx context.Context) ([]record.Session, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE closed = 0 ORDER BY id`)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	var open []record.Session
	for rows.Next() {
		line, err := scanSession(rows)
		if err != nil {
			return nil, s.wrap(err)
		}
		open = append(open, line)
	}
	return open, s.wrap(rows.Err())
}

// Tail yields a session's records in order. A record borrows until the next.
func (s *Store) Tail(ctx context.Context, id record.ID) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for b, err := range s.Blocks(ctx, record.Narrow{Sessions: []record.ID{id}, Oldest: true}) {
			if err != nil {
				yield(record.Record{}, err)
				return
			}
			for r, err := range b.Records() {
				if err == nil && r.Session != id {
					continue
				}
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// wrap names the archive in an error of its directory.
func (s *Store) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read directory of archive %s: %w", s.dir, err)
}
