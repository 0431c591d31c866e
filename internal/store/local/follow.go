package local

import (
	"context"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as a follower reads it.

// aheadBlocks bounds how many blocks are listed for a follower at a time.
const aheadBlocks = 4096

// After yields blocks that end behind a journal position, by position: the first of them may begin before it, where blocks were
// rewritten into one. There may be more than it yields.
func (s *Store) After(ctx context.Context, pos uint64) iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) {
		done, err := s.reading()
		if err != nil {
			yield(nil, s.wrap(err))
			return
		}
		defer done()
		found, err := rows(ctx, s.db, scanListing, `SELECT `+listingColumns+` FROM blocks WHERE "end" > ? ORDER BY pos LIMIT ?`,
			int64(pos), aheadBlocks)
		if err != nil {
			yield(nil, s.wrap(err))
			return
		}
		for _, l := range found {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			b, _, err := s.load(l.file)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// Behind tells how many records lie behind a journal position, and when the earliest of them was made; 0: there is none. Of a
// block in which the position lies all are counted.
func (s *Store) Behind(ctx context.Context, pos uint64) (records uint64, oldest int64, err error) {
	var n int64
	err = s.db.QueryRowContext(ctx, `SELECT coalesce(sum(count), 0), coalesce(min(first), 0) FROM blocks WHERE "end" > ?`, int64(pos)).
		Scan(&n, &oldest)
	return uint64(n), oldest, s.wrap(err)
}
