package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// Erasing payloads changes every block that the session is in, since each holds the secret that the salts come from. What
// is to be done is written down first, in the file "redact", so that the next start ends what a crash cut short:
//
//	gatefold redact 1
//	<session>
//	<Seq>, one a line
//	end

const (
	redactTitle = "gatefold redact 1"
	maxRedact   = 1 << 20 // 1 MiB
)

func (s *Store) redactPath() string { return filepath.Join(s.dir, "redact") }

// Redact erases the payloads of a session's records, and what their salts could be derived from, in blocks and directory.
// It returns what is left of the session's secret, also where it fails after it has begun; the next start goes on then.
func (s *Store) Redact(ctx context.Context, id record.ID, seqs []uint64) (record.Secret, error) {
	left, err := s.redact(ctx, id, seqs)
	if err != nil {
		err = fmt.Errorf("erase payloads of session %v in archive %s: %w", id, s.dir, err)
	}
	return left, err
}

func (s *Store) redact(ctx context.Context, id record.ID, seqs []uint64) (record.Secret, error) {
	if s.mode != Write {
		return "", errors.New("it is open for reading")
	}
	s.rewriting.Lock()
	defer s.rewriting.Unlock()
	line, err := getSession(ctx, s.db, id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.New("there is no such session")
	}
	if err != nil {
		return "", err
	}
	left := line.Secret
	for _, seq := range seqs {
		if seq > line.Last {
			return "", fmt.Errorf("it has no record #%d; its last is #%d", seq, line.Last)
		}
		if left, err = left.Puncture(seq); err != nil {
			return "", err
		}
	}
	if err := s.intend(id, seqs); err != nil {
		return "", err
	}
	line.Secret = left
	return left, s.erase(ctx, line, seqs)
}

// intend writes down what is to be erased.
func (s *Store) intend(id record.ID, seqs []uint64) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", redactTitle, id)
	for _, seq := range seqs {
		fmt.Fprintln(&b, seq)
	}
	b.WriteString("end\n")
	temp := s.redactPath() + tempSuffix
	if err := writeSynced(temp, []byte(b.String())); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, s.redactPath()); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// finishRedact ends what a crash cut short.
func (s *Store) finishRedact(ctx context.Context) error {
	text, err := os.ReadFile(s.redactPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	id, seqs, err := parseRedact(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", s.redactPath(), err)
	}
	if _, err := s.Redact(ctx, id, seqs); err != nil {
		s.note("payloads that were being erased when the gateway stopped are still there: %v; the next start tries again", err)
		return nil
	}
	s.note("payloads of session %v that were being erased when the gateway stopped are erased", id)
	return nil
}

func parseRedact(text string) (id record.ID, seqs []uint64, err error) {
	lines := strings.Split(text, "\n")
	if n := len(lines); len(text) > maxRedact || n < 5 || lines[0] != redactTitle || lines[n-1] != "" || lines[n-2] != "end" {
		return id, nil, errors.New("this is no note of what is being erased")
	}
	if id, err = record.ParseID(lines[1]); err != nil {
		return id, nil, err
	}
	for _, line := range lines[2 : len(lines)-2] {
		seq, err := strconv.ParseUint(line, 10, 64)
		if err != nil {
			return id, nil, err
		}
		seqs = append(seqs, seq)
	}
	return id, seqs, nil
}

// erase rewrites the session's blocks one by one and then the directory, in one transaction.
func (s *Store) erase(ctx context.Context, line record.Session, seqs []uint64) error {
	gone := make(map[uint64]bool, len(seqs))
	for _, seq := range seqs {
		gone[seq] = true
	}
	positions, err := s.column(ctx, `SELECT block FROM spans WHERE session = ? ORDER BY block`, line.ID[:])
	if err != nil {
		return err
	}
	told := record.Session{ID: line.ID} // what its records still say
	var blocks []relisted
	for _, pos := range positions {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := s.eraseIn(uint64(pos), line.ID, gone, line.Secret)
		if err != nil {
			return err
		}
		if err := foldInto(&told, b.block); err != nil {
			return err
		}
		blocks = append(blocks, relisted{b.block.Pos, len(b.raw), sha256.Sum256(b.raw), b.block.Words})
	}
	if err := s.relist(ctx, retell(line, told), blocks); err != nil {
		return err
	}
	if err := os.Remove(s.redactPath()); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// retell is a session's line with what its records still say. Where retention took its Open away, what that said stays:
// it is not what is being erased.
func retell(line, told record.Session) record.Session {
	if told.Last != line.Last || told.Actions != line.Actions {
		line.Message = told.Message
		return line
	}
	told.Head, told.Secret = line.Head, line.Secret
	return told
}

// relist brings the directory up to date with blocks that were rewritten in their places, and wipes what it said before.
func (s *Store) relist(ctx context.Context, line record.Session, blocks []relisted) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		for i := range blocks {
			if err := blocks[i].list(ctx, tx); err != nil {
				return err
			}
		}
		return putSession(ctx, tx, &line)
	})
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`) // the old pages are there as well
	return err
}

// rewritten is a block with its bytes.
type rewritten struct {
	block *record.Block
	raw   []byte
}

// eraseIn replaces the block at a position by one without the payloads. Where that was done already, it leaves it.
func (s *Store) eraseIn(pos uint64, id record.ID, gone map[uint64]bool, left record.Secret) (rewritten, error) {
	b, raw, err := s.load(pos)
	if err != nil {
		return rewritten{}, err
	}
	erased, err := b.Redact(id, func(seq uint64) bool { return gone[seq] }, left)
	if err != nil {
		return rewritten{}, fmt.Errorf("%s: %w", s.file(pos), err)
	}
	fresh := erased.AppendTo(nil)
	if bytes.Equal(raw, fresh) {
		return rewritten{b, raw}, nil
	}
	temp := s.file(pos) + tempSuffix
	if err := writeSynced(temp, fresh); err != nil {
		return rewritten{}, errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, s.file(pos)); err != nil {
		return rewritten{}, err
	}
	return rewritten{erased, fresh}, syncDir(s.blocksDir())
}

// foldInto takes a session's line on by its part of a block.
func foldInto(line *record.Session, b *record.Block) error {
	for r, err := range b.Records() {
		if err != nil {
			return err
		}
		if r.Session == line.ID {
			line.Add(&r)
		}
	}
	return nil
}

// relisted is what the directory says of a block that was rewritten in its place.
type relisted struct {
	pos   uint64
	bytes int
	sum   record.Hash
	words record.Filter
}

func (r *relisted) list(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE blocks SET bytes = ?, sha256 = ? WHERE pos = ?`, r.bytes, r.sum[:], int64(r.pos))
	if err != nil {
		return err
	}
	bits := r.words.Bits
	if bits == nil {
		bits = []byte{}
	}
	_, err = tx.ExecContext(ctx, `UPDATE words SET hashes = ?, bits = ? WHERE block = ?`, r.words.Hashes, bits, int64(r.pos))
	return err
}
