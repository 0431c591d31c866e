package local

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// batch is how many blocks a rebuild lists in one transaction.
const batch = 128

// add lists a block and folds its records into its sessions' lines. Blocks are added in the order of their positions.
func add(ctx context.Context, tx *sql.Tx, b *record.Block, raw []byte) error {
	sum := sha256.Sum256(raw)
	_, err := tx.ExecContext(ctx, `INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(b.Pos), int64(b.End), b.First, b.Last, b.Count, int64(b.Kinds), len(raw), sum[:])
	if err != nil {
		return err
	}
	bits := b.Words.Bits
	if bits == nil {
		bits = []byte{} // a block in which nothing was said, such as one of a Close alone; nil would be NULL
	}
	if _, err = tx.ExecContext(ctx, `INSERT INTO words VALUES (?, ?, ?)`, int64(b.Pos), b.Words.Hashes, bits); err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO meta VALUES ('start', ?)`, int64(b.Pos)); err != nil {
		return err
	}
	lines, err := foldBlock(ctx, tx, b)
	if err != nil {
		return err
	}
	for i := range b.Spans {
		span := &b.Spans[i]
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?)`,
			span.Session[:], int64(b.Pos), int64(span.First), int64(span.Last))
		if err != nil {
			return err
		}
		line := lines[span.Session]
		line.Head, line.Secret = span.After, span.Secret
		if err := putSession(ctx, tx, line); err != nil {
			return err
		}
	}
	return nil
}

// foldBlock brings the lines of the block's sessions up to date.
func foldBlock(ctx context.Context, tx *sql.Tx, b *record.Block) (map[record.ID]*record.Session, error) {
	lines := make(map[record.ID]*record.Session, len(b.Spans))
	for i := range b.Spans {
		id := b.Spans[i].Session
		line, err := getSession(ctx, tx, id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		line.ID = id
		lines[id] = &line
	}
	for r, err := range b.Outline() {
		if err != nil {
			return nil, fmt.Errorf("block %016x: %w", b.Pos, err)
		}
		line := lines[r.Session]
		if line == nil {
			return nil, fmt.Errorf("block %016x holds records of session %v, which its head does not list", b.Pos, r.Session)
		}
		line.Add(&r)
	}
	return lines, nil
}

// rebuild lists all blocks that lie in the folder in an empty directory. One that can't be read is left out and noted.
func (s *Store) rebuild(ctx context.Context) error {
	positions, err := s.positions()
	if err != nil {
		return err
	}
	return s.addFiles(ctx, positions)
}

// catchUp lists the blocks behind the last that is listed: a crash, or a loss of power, came between file and line.
func (s *Store) catchUp(ctx context.Context) error {
	var last sql.NullInt64
	if err := s.db.QueryRowContext(ctx, `SELECT max(pos) FROM blocks`).Scan(&last); err != nil {
		return err
	}
	positions, err := s.positions()
	if err != nil {
		return err
	}
	for len(positions) > 0 && last.Valid && positions[0] <= uint64(last.Int64) {
		positions = positions[1:]
	}
	if len(positions) > 0 {
		s.note("blocks that the directory did not list: %d; now it does", len(positions))
	}
	return s.addFiles(ctx, positions)
}

func (s *Store) addFiles(ctx context.Context, positions []uint64) error {
	for len(positions) > 0 {
		n := min(batch, len(positions))
		err := s.change(ctx, func(tx *sql.Tx) error {
			for _, pos := range positions[:n] {
				if err := s.addFile(ctx, tx, pos); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		positions = positions[n:]
	}
	return nil
}

func (s *Store) addFile(ctx context.Context, tx *sql.Tx, pos uint64) error {
	b, raw, err := s.load(pos)
	if err == nil {
		_, err = b.Unpack(nil)
	}
	if err != nil {
		s.note("left out: %v", err)
		return nil
	}
	return add(ctx, tx, b, raw)
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
