package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// batch is how many blocks a rebuild lists in one transaction.
const batch = 128

const (
	putBlock = `INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	putSpan  = `INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?)`
	putStart = `INSERT OR IGNORE INTO meta VALUES ('start', ?)`
)

// add lists a block that is new and folds its records into its sessions' lines. Blocks are added in the order of their
// positions.
func (s *Store) add(ctx context.Context, tx *sql.Tx, b *record.Block, raw []byte, gen int) error {
	if err := s.list(ctx, tx, b, raw, gen); err != nil {
		return err
	}
	start, err := s.within(ctx, tx, putStart)
	if err != nil {
		return err
	}
	if _, err := start.ExecContext(ctx, int64(b.Pos)); err != nil {
		return err
	}
	return s.foldBlock(ctx, tx, b)
}

// list writes the lines of a block and of what of its sessions is in it.
func (s *Store) list(ctx context.Context, tx *sql.Tx, b *record.Block, raw []byte, gen int) error {
	sum, words := record.Sum(raw), record.FilterIn(b, raw)
	put, err := s.within(ctx, tx, putBlock)
	if err != nil {
		return err
	}
	_, err = put.ExecContext(ctx,
		int64(b.Pos), int64(b.End), gen, b.First, b.Last, b.Count, b.Raw, int64(b.Kinds), len(raw), sum[:],
		words.Offset, words.Size, words.Hashes)
	if err != nil {
		return err
	}
	if put, err = s.within(ctx, tx, putSpan); err != nil {
		return err
	}
	for i := range b.Spans {
		span := &b.Spans[i]
		if _, err := put.ExecContext(ctx, span.Session[:], int64(b.Pos), int64(span.First), int64(span.Last)); err != nil {
			return err
		}
	}
	return nil
}

// rebuild lists all blocks that lie in the folder in an empty directory. One that can't be read is left out and noted.
func (s *Store) rebuild(ctx context.Context) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	return s.addFiles(ctx, files, 0)
}

// catchUp lists the blocks behind the last that is listed: a crash, or a loss of power, came between file and line.
func (s *Store) catchUp(ctx context.Context) error {
	end, err := s.Last(ctx)
	if err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	for len(files) > 0 && files[0].pos < end {
		files = files[1:]
	}
	if len(files) > 0 {
		s.note("blocks that the directory did not list: %d; now it does", len(files))
	}
	return s.addFiles(ctx, files, end)
}

// addFiles lists blocks from a position on. Where a block was rewritten, with others or alone, what it was made of may still
// be there: the newer covers the older and begins with it or before it, so that it comes first.
func (s *Store) addFiles(ctx context.Context, files []file, from uint64) error {
	for len(files) > 0 {
		n := min(batch, len(files))
		err := s.change(ctx, func(tx *sql.Tx) error {
			for _, at := range files[:n] {
				if at.pos < from {
					s.doomed = append(s.doomed, at)
					continue
				}
				end, err := s.addFile(ctx, tx, at)
				if err != nil {
					return err
				}
				from = max(from, end)
			}
			return nil
		})
		if err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// addFile lists a block and tells where it ends; 0: it can't be read, which is noted.
func (s *Store) addFile(ctx context.Context, tx *sql.Tx, at file) (end uint64, err error) {
	b, raw, err := s.load(at)
	if err == nil {
		_, err = b.Unpack(nil)
	}
	if err != nil {
		s.note("left out: %v", err)
		return 0, nil
	}
	return b.End, s.add(ctx, tx, b, raw, at.gen)
}

// Rebuild builds the directory of an archive again from its blocks. Nothing may be using the archive.
func Rebuild(dir string) (notes []string, err error) {
	s := &Store{dir: dir, mode: Write}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err = s.prepare(); err != nil {
		return nil, fmt.Errorf("rebuild archive %s: %w", dir, err)
	}
	if err = s.replace(context.Background(), errors.New("a rebuild was asked for")); err != nil {
		return s.Notes, fmt.Errorf("rebuild archive %s: %w", dir, err)
	}
	return s.Notes, nil
}
