package local

import (
	"bytes"
	"context"
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
	if err == nil {
		err = s.forgetRedact()
	}
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
	line, err := scanLine(s.db.QueryRowContext(ctx, getSession, id[:]))
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

// Finished are payloads that an earlier run had begun to erase, and that were erased on opening.
type Finished struct {
	Session record.ID
	Seqs    []uint64
}

// Told notes that what was finished on opening is on record: until then each opening finishes it anew. Whoever was told that the
// erasing had failed, followers among them, would not know otherwise.
func (s *Store) Told() error {
	if s.Finished == nil {
		return nil
	}
	s.Finished = nil
	return s.forgetRedact()
}

// forgetRedact takes the note away of what was to be erased.
func (s *Store) forgetRedact() error {
	if err := os.Remove(s.redactPath()); err != nil {
		return err
	}
	return syncDir(s.dir)
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
	if _, err := s.redact(ctx, id, seqs); err != nil {
		s.note("payloads that were being erased when the gateway stopped are still there: %v; the next start tries again", err)
		return nil
	}
	s.Finished = &Finished{id, seqs}
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

// erase rewrites the session's blocks one by one, then its line, and then removes what was there before.
func (s *Store) erase(ctx context.Context, l line, seqs []uint64) error {
	gone := make(map[uint64]bool, len(seqs))
	for _, seq := range seqs {
		gone[seq] = true
	}
	blocks, err := rows(ctx, s.db, scanListing, `SELECT `+listingColumns+` FROM blocks
		WHERE pos IN (SELECT block FROM spans WHERE session = ?) ORDER BY pos`, l.ID[:])
	if err != nil {
		return err
	}
	told := record.Session{ID: l.ID} // what its records still say
	for _, at := range blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := s.eraseIn(ctx, at, l.ID, gone, l.Secret)
		if err != nil {
			return err
		}
		if err := foldInto(&told, b); err != nil {
			return err
		}
	}
	l.Session = retell(l.Session, told)
	if err := s.relist(ctx, &l); err != nil {
		return err
	}
	return s.bury(true)
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

// relist writes a session's line, and wipes what the directory said before.
func (s *Store) relist(ctx context.Context, l *line) error {
	err := s.changeDurably(ctx, func(tx *sql.Tx) error {
		put, err := tx.PrepareContext(ctx, putSession)
		if err != nil {
			return err
		}
		defer put.Close()
		return l.put(ctx, put)
	})
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`) // the old pages are there as well
	return err
}

// eraseIn replaces a block by one without the payloads. Where that was done already, it leaves it.
func (s *Store) eraseIn(ctx context.Context, at listing, id record.ID, gone map[uint64]bool, left record.Secret) (*record.Block, error) {
	b, raw, err := s.load(at.file)
	if err != nil {
		return nil, err
	}
	erased, err := b.Redact(id, func(seq uint64) bool { return gone[seq] }, left)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path(at.file), err)
	}
	if bytes.Equal(raw, erased.AppendTo(nil)) {
		return b, nil
	}
	_, err = s.swap(ctx, []listing{at}, erased, nil)
	return erased, err
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

// telling finds the sessions in a run of blocks that tell of erasing in a session that is still here: they are kept as long as
// that is, since an erased payload that no record tells of is a fault.
func (s *Store) telling(ctx context.Context, run []listing) (map[record.ID]bool, error) {
	blocks, err := rows(ctx, s.db, scanListing, `SELECT `+listingColumns+` FROM blocks WHERE pos BETWEEN ? AND ? AND kinds & ? <> 0`,
		int64(run[0].pos), int64(run[len(run)-1].pos), int64(1)<<record.KindRedact)
	if err != nil {
		return nil, err
	}
	telling := make(map[record.ID]bool)
	for _, l := range blocks {
		b, _, err := s.load(l.file)
		if err != nil {
			return nil, err
		}
		for r, err := range b.Records() {
			if err != nil {
				return nil, err
			}
			if r.Kind != record.KindRedact || telling[r.Session] {
				continue
			}
			if _, here, err := s.Session(ctx, r.Parent); err != nil {
				return nil, err
			} else if here {
				telling[r.Session] = true
			}
		}
	}
	return telling, nil
}
