package local

import (
	"context"
	"database/sql"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// listing is a block's line in the directory.
type listing struct {
	file
	end         uint64
	first, last int64 // At
	count, raw  int
	bytes       int64 // of the file
	words       record.FilterPlace
}

const listingColumns = `pos, gen, "end", first, last, count, raw, bytes, words, size, hashes`

func scanListing(from row) (l listing, err error) {
	var pos, end int64
	err = from.Scan(&pos, &l.gen, &end, &l.first, &l.last, &l.count, &l.raw, &l.bytes, &l.words.Offset, &l.words.Size, &l.words.Hashes)
	l.pos, l.end = uint64(pos), uint64(end)
	return l, err
}

// db is what *sql.DB, *sql.Conn and *sql.Tx share.
type db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// rows collects what a query gives.
func rows[T any](ctx context.Context, from db, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// snapshot is the directory as it is now, until the func is called, with the files that it lists.
func (s *Store) snapshot(ctx context.Context) (db, func(), error) {
	done, err := s.reading()
	if err != nil {
		return nil, nil, err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		done()
		return nil, nil, err
	}
	end := func() {
		conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // there is nothing to be lost
		conn.Close()
		done()
	}
	if _, err := conn.ExecContext(ctx, `BEGIN`); err != nil {
		end()
		return nil, nil, err
	}
	return conn, end, nil
}

// Blocks yields the blocks that may hold what n asks for, by position or, newest first, by their latest record. Of rewritten ones only the part in which the sessions
// asked for are. One that can't be read is an error that names its file; the others follow.
func (s *Store) Blocks(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) {
		done, err := s.reading()
		if err != nil {
			yield(nil, s.wrap(err))
			return
		}
		defer done()
		found, err := s.narrow(ctx, n)
		if err != nil {
			yield(nil, s.wrap(err))
			return
		}
		for _, p := range found {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if !yield(s.part(p, n)) {
				return
			}
		}
	}
}

// pick is a block that may hold what is asked for.
type pick struct {
	file
	whose map[record.ID]struct{} // what is asked for is in these sessions; nil: in any
}

// part reads what is asked for of a block.
func (s *Store) part(p pick, n record.Narrow) (*record.Block, error) {
	b, err := s.cached(p.file)
	if err != nil || p.whose == nil {
		return b, err
	}
	var first, last uint64
	if len(n.Sessions) > 0 {
		first, last = n.First, n.Last
	}
	return b.Only(func(id record.ID) bool { _, ok := p.whose[id]; return ok }, first, last), nil
}

// cacheSize is up to how many bytes of blocks a reader keeps: a search comes back to the same ones for what executions
// refer to.
const cacheSize = 32 << 20 // 32 MiB

// cached is load for a reader, which keeps what it has read: a file never changes. The gateway keeps nothing, so that what is
// erased is not in its memory.
func (s *Store) cached(at file) (*record.Block, error) {
	if s.mode != Read {
		b, _, err := s.load(at)
		return b, err
	}
	s.keeping.Lock()
	b := s.kept[at]
	s.keeping.Unlock()
	if b == nil {
		var raw []byte
		var err error
		if b, raw, err = s.load(at); err != nil {
			return nil, err
		}
		s.keepBlock(at, b, len(raw))
	}
	c := *b // the caller's
	return &c, nil
}

// keepBlock keeps a block, and none else where there is no room.
func (s *Store) keepBlock(at file, b *record.Block, size int) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if s.kept == nil || s.keptSize+size > cacheSize {
		s.kept, s.keptSize = make(map[file]*record.Block), 0
	}
	s.kept[at] = b
	s.keptSize += size
}
