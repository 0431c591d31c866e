package clickhouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// What a follower that begins asks of the batches before: which is the last, and that one which was given up is forgotten.

// Newest is the gateway's last batch without its records: its bounds, and the spans of some of its sessions; nil: there is none.
func (s *Store) Newest(ctx context.Context) (*record.Block, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var b record.Block
	row := s.conn.QueryRow(ctx, `SELECT block, end FROM blocks WHERE writer = ? ORDER BY end DESC LIMIT 1`, s.opts.Gateway)
	switch err := row.Scan(&b.Pos, &b.End); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, s.wrap("read", err)
	}
	which := fmt.Sprintf(`writer = %s AND block = %d ORDER BY session, first LIMIT %d`, quoted(s.opts.Gateway), b.Pos, someSpans)
	rows, err := s.conn.Query(ctx, `SELECT session, first, last, before, after FROM spans FINAL WHERE `+which)
	if err != nil {
		return nil, s.wrap("read", err)
	}
	defer rows.Close()
	for rows.Next() {
		var span record.Span
		var id, before, after string
		if err := rows.Scan(&id, &span.First, &span.Last, &before, &after); err != nil {
			return nil, s.wrap("read", err)
		}
		copy(span.Session[:], id)
		copy(span.Before[:], before)
		copy(span.After[:], after)
		b.Spans = append(b.Spans, span)
	}
	return &b, s.wrap("read", rows.Err())
}

// Forget takes away what there is of a batch that was begun and has no line of its own: the rows of these sessions.
func (s *Store) Forget(ctx context.Context, pos uint64, ids []record.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := erasing{s: s, ctx: ctx}
	there, err := e.lineUp(fmt.Sprintf(`SELECT writer FROM blocks WHERE writer = %s AND block = %d LIMIT 1`, quoted(s.opts.Gateway), pos))
	if err != nil || len(there) > 0 {
		return s.wrap("read", err)
	}
	for some := range slices.Chunk(ids, mostListed) {
		batch := fmt.Sprintf(`block = %d`, pos)
		those := `DELETE WHERE session IN (` + idList(some) + `) AND ` + batch
		for _, table := range []string{"records", "spans"} {
			if err := s.mutate(ctx, table, those, batch); err != nil {
				return s.wrap(fmt.Sprintf("forget batch %016x in", pos), err)
			}
		}
	}
	return nil
}

// someSpans is how many sessions are enough to know a batch by.
const someSpans = 100
