package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as those who verify it see it.

// Walk yields every block that lies in the folder or is listed in the directory, by position.
func (s *Store) Walk(ctx context.Context) iter.Seq2[record.Sealed, error] {
	return func(yield func(record.Sealed, error) bool) {
		positions, err := s.everywhere(ctx)
		if err != nil {
			yield(record.Sealed{}, s.wrap(err))
			return
		}
		for _, pos := range positions {
			if ctx.Err() != nil {
				yield(record.Sealed{}, ctx.Err())
				return
			}
			sealed, err := s.sealed(ctx, pos)
			if !yield(sealed, s.wrap(err)) {
				return
			}
		}
	}
}

// everywhere is the positions of all blocks, listed or not. The files are read first: one that is put meanwhile is
// listed by the time that the directory is read, or else on disk, and sealed looks for both again.
func (s *Store) everywhere(ctx context.Context) ([]uint64, error) {
	positions, err := s.positions()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listed, err := s.column(ctx, `SELECT pos FROM blocks ORDER BY pos`)
	if err != nil {
		return nil, err
	}
	for _, pos := range listed {
		positions = append(positions, uint64(pos))
	}
	slices.Sort(positions)
	return slices.Compact(positions), nil
}

// sealed reads a block's file and its lines.
func (s *Store) sealed(ctx context.Context, pos uint64) (record.Sealed, error) {
	b := record.Sealed{Name: filepath.Join("blocks", filepath.Base(s.file(pos))), Pos: pos}
	b.Raw, b.Err = s.read(pos)
	var end, kinds int64
	var sum []byte
	err := s.db.QueryRowContext(ctx, `SELECT "end", first, last, count, bytes, sha256, kinds,
		coalesce((SELECT hashes FROM words WHERE block = pos), 0), (SELECT bits FROM words WHERE block = pos)
		FROM blocks WHERE pos = ?`, int64(pos)).
		Scan(&end, &b.First, &b.Last, &b.Count, &b.Bytes, &sum, &kinds, &b.Words.Hashes, &b.Words.Bits)
	if errors.Is(err, sql.ErrNoRows) {
		return b, nil
	}
	b.Listed, b.End, b.Kinds = true, uint64(end), uint64(kinds)
	copy(b.Sum[:], sum)
	if err == nil {
		b.Spans, err = s.spans(ctx, pos)
	}
	return b, err
}

// spans are the lines of a block's sessions.
func (s *Store) spans(ctx context.Context, pos uint64) ([]record.Span, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT session, first, last FROM spans WHERE block = ? ORDER BY session`, int64(pos))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var spans []record.Span
	for rows.Next() {
		var id []byte
		var first, last int64
		if err := rows.Scan(&id, &first, &last); err != nil {
			return nil, err
		}
		span := record.Span{First: uint64(first), Last: uint64(last)}
		copy(span.Session[:], id)
		spans = append(spans, span)
	}
	return spans, rows.Err()
}

// Check yields what is wrong with the archive apart from its blocks and sessions: a directory that is lost or not sound,
// lines that lead nowhere, and what doesn't belong there.
func (s *Store) Check(ctx context.Context) iter.Seq2[record.Fault, error] {
	return func(yield func(record.Fault, error) bool) {
		faults, err := s.faults(ctx)
		for _, f := range faults {
			if !yield(f, nil) {
				return
			}
		}
		if err != nil {
			yield(record.Fault{}, s.wrap(err))
		}
	}
}

func (s *Store) faults(ctx context.Context) ([]record.Fault, error) {
	const directory = "directory.db"
	var faults []record.Fault
	if s.lost != nil {
		faults = append(faults, record.Fault{Place: directory, What: fmt.Sprintf("the directory is lost: %v", s.lost),
			Missing: errors.Is(s.lost, fs.ErrNotExist)})
	}
	foreign, err := s.foreign()
	for _, name := range foreign {
		rel, _ := filepath.Rel(s.dir, name)
		faults = append(faults, record.Fault{Place: rel, What: "this is no block of the archive: move it away"})
	}
	if err != nil {
		return faults, err
	}
	for _, check := range checks {
		rows, err := s.db.QueryContext(ctx, check.query)
		if err != nil {
			return faults, err
		}
		for rows.Next() {
			var what string
			if err := rows.Scan(&what); err != nil {
				return faults, errors.Join(err, rows.Close())
			}
			if what != "ok" {
				faults = append(faults, record.Fault{Place: directory, What: check.what + what})
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return faults, err
		}
	}
	return faults, nil
}

// checks are what the directory must not hold: each query gives one line for each fault.
var checks = []struct{ what, query string }{
	{"it is not sound: ", `PRAGMA integrity_check(20)`},
	{"there is no line of a block that has words: ", `SELECT printf('%016x', block) FROM words WHERE block NOT IN (SELECT pos FROM blocks)`},
	{"there are no words of a block that is listed: ", `SELECT printf('%016x', pos) FROM blocks WHERE pos NOT IN (SELECT block FROM words)`},
	{"there is no line of a block that sessions are said to be in: ",
		`SELECT DISTINCT printf('%016x', block) FROM spans WHERE block NOT IN (SELECT pos FROM blocks)`},
	{"there is no line of a session that is said to be in a block: ",
		`SELECT DISTINCT lower(hex(session)) FROM spans WHERE session NOT IN (SELECT id FROM sessions)`},
	{"the first block is not the one that was put first: ",
		`SELECT printf('%016x', value) FROM meta WHERE key = 'start' AND value IS NOT (SELECT min(pos) FROM blocks)`},
	{"a session is in no block: ", `SELECT lower(hex(id)) FROM sessions WHERE id NOT IN (SELECT session FROM spans)`},
}
