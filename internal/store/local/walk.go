package local

import (
	"cmp"
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

// Walk yields every block that lies in the folder or is listed in the directory, by position, as they are when it begins.
func (s *Store) Walk(ctx context.Context) iter.Seq2[record.Sealed, error] {
	return func(yield func(record.Sealed, error) bool) {
		dir, done, err := s.snapshot(ctx)
		if err != nil {
			yield(record.Sealed{}, s.wrap(err))
			return
		}
		defer done()
		all, err := s.everywhere(ctx, dir)
		if err != nil {
			yield(record.Sealed{}, s.wrap(err))
			return
		}
		for _, at := range all {
			if ctx.Err() != nil {
				yield(record.Sealed{}, ctx.Err())
				return
			}
			sealed, err := s.sealed(ctx, dir, at)
			if !yield(sealed, s.wrap(err)) {
				return
			}
		}
	}
}

// everywhere is all blocks, listed or not. Files that lie where a listed block does are what it was made of, or what was
// made of it meanwhile.
func (s *Store) everywhere(ctx context.Context, dir db) ([]file, error) {
	listed, err := rows(ctx, dir, scanListing, `SELECT `+listingColumns+` FROM blocks ORDER BY pos`)
	if err != nil {
		return nil, err
	}
	files, err := s.files()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	gone, err := rows(ctx, dir, scanRange, `SELECT pos, "end" FROM gone ORDER BY pos`)
	if err != nil {
		return nil, err
	}
	var all []file
	for _, l := range listed {
		all = append(all, l.file)
		gone = append(gone, span{l.pos, l.end})
	}
	slices.SortFunc(gone, func(a, b span) int { return cmp.Compare(a.pos, b.pos) })
	for _, f := range files {
		if !within(gone, f.pos) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b file) int { return cmp.Compare(a.pos, b.pos) })
	return all, nil
}

// span is a run of positions.
type span struct{ pos, end uint64 }

func scanRange(from row) (r span, err error) {
	var pos, end int64
	err = from.Scan(&pos, &end)
	return span{uint64(pos), uint64(end)}, err
}

// within reports whether one of some spans, in order and apart, holds a position.
func within(spans []span, pos uint64) bool {
	i, found := slices.BinarySearchFunc(spans, pos, func(s span, pos uint64) int { return cmp.Compare(s.pos, pos) })
	return found || i > 0 && pos < spans[i-1].end
}

// sealed reads a block's file and its lines.
func (s *Store) sealed(ctx context.Context, dir db, at file) (record.Sealed, error) {
	b := record.Sealed{Name: filepath.Join("blocks", at.name()), Pos: at.pos}
	b.Raw, b.Err = s.read(at)
	var end, kinds int64
	var sum []byte
	var words record.FilterPlace
	err := dir.QueryRowContext(ctx, `SELECT "end", first, last, count, bytes, sha256, kinds, words, size, hashes
		FROM blocks WHERE pos = ? AND gen = ?`, int64(at.pos), at.gen).
		Scan(&end, &b.First, &b.Last, &b.Count, &b.Bytes, &sum, &kinds, &words.Offset, &words.Size, &words.Hashes)
	if errors.Is(err, sql.ErrNoRows) {
		return b, nil
	}
	b.Listed, b.End, b.Kinds = true, uint64(end), uint64(kinds)
	copy(b.Sum[:], sum)
	if end := words.Offset + words.Size; words.Offset >= 0 && words.Size > 0 && end <= int64(len(b.Raw)) {
		b.Words = record.Filter{Bits: b.Raw[words.Offset:end], Hashes: words.Hashes} // as a search finds it
	}
	if err == nil {
		b.Spans, err = s.spans(ctx, dir, at.pos)
	}
	return b, err
}

// spans are the lines of a block's sessions.
func (s *Store) spans(ctx context.Context, dir db, pos uint64) ([]record.Span, error) {
	rows, err := dir.QueryContext(ctx, `SELECT session, first, last FROM spans WHERE block = ? ORDER BY session`, int64(pos))
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
	{"there is no line of a block that sessions are said to be in: ",
		`SELECT DISTINCT printf('%016x', block) FROM spans WHERE block NOT IN (SELECT pos FROM blocks)`},
	{"there is no line of a session that is said to be in a block: ",
		`SELECT DISTINCT lower(hex(session)) FROM spans WHERE session NOT IN (SELECT id FROM sessions)`},
	{"the first block is not the one that should be: ",
		`SELECT printf('%016x', value) FROM meta WHERE key = 'start' AND value IS NOT (SELECT min(pos) FROM blocks)`},
	// A search by time leaves out the sessions that weren't alive then: bounds that are too narrow would hide one. The
	// first block of a session has its Open, and the latest of its blocks has a record of it.
	{"a session is said to begin after its first record: ",
		`SELECT lower(hex(id)) FROM sessions WHERE since > opened AND id IN (SELECT session FROM spans WHERE first = 0)`},
	{"a session is said to end before its last record: ",
		`SELECT lower(hex(id)) FROM sessions WHERE until < closed
			OR until < (SELECT max(b.first) FROM spans s JOIN blocks b ON b.pos = s.block WHERE s.session = id)`},
	{"a session is in no block: ", `SELECT lower(hex(id)) FROM sessions WHERE id NOT IN (SELECT session FROM spans)`},
}
