package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// Blocks are sealed small, so that records are at home soon, and rewritten in quiet times into larger ones, session by
// session: fewer files, better packed, a session in one place. Each record is rewritten at most once for each of
// these sizes, in bytes of records before compression.
var sizes = []int{64 << 10, 512 << 10, 4 << 20} // 64 KiB, 512 KiB, 4 MiB

// Compacted says what a step of Compact did.
type Compacted struct {
	Blocks int   // rewritten into one; 0: there was nothing to do
	Raw    int64 // bytes of their records before compression
	Before int64 // bytes of their files
	After  int64 // bytes of the one
}

// Compact rewrites one run of small blocks that end at the journal position upTo or before, and never the newest. Whoever
// has the time calls it until there is nothing to do.
func (s *Store) Compact(ctx context.Context, upTo uint64) (Compacted, error) {
	done, err := s.compact(ctx, upTo)
	if err != nil {
		err = fmt.Errorf("rewrite blocks of archive %s: %w", s.dir, err)
	}
	return done, err
}

func (s *Store) compact(ctx context.Context, upTo uint64) (done Compacted, err error) {
	if s.mode != Write {
		return done, errors.New("it is open for reading")
	}
	s.rewriting.Lock()
	defer s.rewriting.Unlock()
	if err := s.bury(false); err != nil {
		return done, err
	}
	blocks, err := rows(ctx, s.db, scanListing, `SELECT `+listingColumns+` FROM blocks WHERE "end" <= ? AND pos < (SELECT max(pos) FROM blocks)
		ORDER BY pos`, int64(upTo))
	if err != nil {
		return done, err
	}
	for {
		run := s.plan(blocks)
		if len(run) < 2 {
			return done, nil
		}
		b, run, err := s.join(run, everything)
		if err != nil {
			return done, err
		}
		if len(run) < 2 {
			continue // join has noted why, and the next plan leaves it alone
		}
		size, err := s.swap(ctx, run, b, nil)
		if err != nil {
			return done, err
		}
		for _, l := range run {
			done.Before += l.bytes
		}
		done.Blocks, done.Raw, done.After = len(run), int64(b.Raw), size
		return done, s.bury(false)
	}
}

// plan finds a run of neighbours worth one rewriting: all below half of a size, together as large as it or, where larger
// ones follow, as large as they are. The largest size goes first, so that nothing is rewritten twice in one go.
func (s *Store) plan(blocks []listing) []listing {
	for i := len(sizes) - 1; i >= 0; i-- {
		begin, sum := 0, 0
		for j, b := range blocks {
			small := b.raw < sizes[i]/2
			_, alone := s.hopeless[b.file]
			if j > begin && (!small || alone || blocks[j-1].end != b.pos) {
				if j-begin > 1 && i == len(sizes)-1 {
					return blocks[begin:j] // nothing more will come to them
				}
				begin, sum = j, 0
			}
			if !small {
				begin, sum = j+1, 0
				continue
			}
			if sum += b.raw; sum >= sizes[i] && j > begin {
				return blocks[begin : j+1]
			}
		}
	}
	return nil
}

// join makes one block of a run, or of its first blocks where one can't be joined to them: that is noted, so that it isn't
// tried again.
func (s *Store) join(run []listing, keep func(record.ID) bool) (*record.Block, []listing, error) {
	u := &union{keep: keep}
	for i, l := range run {
		b, _, err := s.load(l.file)
		if err == nil {
			err = u.add(b)
		}
		if err == nil {
			continue
		}
		s.forsake(l)
		var gap *gapError
		if !errors.As(err, &gap) {
			s.forsake(run[min(i+1, len(run)-1)]) // nor is what follows to be joined to this one
			return nil, nil, nil
		}
		run = run[:i]
		break
	}
	b, err := u.block()
	return b, run, err
}

// forsake notes that a block isn't to be joined to the one before it.
func (s *Store) forsake(l listing) {
	if s.hopeless == nil {
		s.hopeless = make(map[file]struct{})
	}
	s.hopeless[l.file] = struct{}{}
}
