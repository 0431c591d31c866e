package local

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// What exists is rewritten in these steps, a kill between any two of which loses nothing:
//
//  1. the new block is written to a file of its own, with a generation higher than those of the old ones;
//  2. the directory lists it instead of them, in one transaction that is on disk when the next step begins;
//  3. the old files are removed, when nobody reads them.
//
// A kill before 2 leaves a file that covers listed ones, a kill before 3 files that a listed one covers: both are removed on
// opening (leftovers). Where the directory is lost as well, the newest that can be read counts (addFiles).

// swap has a block take the place of others, or just takes them away where b is nil. also, if not nil, is part of the
// transaction. rewriting is held. It returns the bytes of the new file.
func (s *Store) swap(ctx context.Context, old []listing, b *record.Block, also func(*sql.Tx) error) (size int64, err error) {
	gen := 0
	for _, l := range old {
		gen = max(gen, l.gen+1)
	}
	var raw []byte
	if b != nil {
		raw = b.AppendTo(nil)
		if err := s.place(file{b.Pos, gen}, raw); err != nil {
			return 0, err
		}
	}
	err = s.changeDurably(ctx, func(tx *sql.Tx) error {
		for _, l := range old {
			if err := unlist(ctx, tx, l.pos); err != nil {
				return err
			}
		}
		if b != nil {
			if err := s.list(ctx, tx, b, raw, gen); err != nil {
				return err
			}
		}
		if also != nil {
			return also(tx)
		}
		return nil
	})
	if err != nil {
		return 0, err // the new file stays: where the error came late, the directory may list it all the same
	}
	for _, l := range old {
		s.doomed = append(s.doomed, l.file)
	}
	return int64(len(raw)), nil
}

// unlist takes away the lines of a block, not those of its sessions.
func unlist(ctx context.Context, tx *sql.Tx, pos uint64) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM spans WHERE block = ?`, int64(pos)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM blocks WHERE pos = ?`, int64(pos))
	return err
}

// changeDurably is change for what must survive a loss of power when it returns.
func (s *Store) changeDurably(ctx context.Context, fn func(*sql.Tx) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA synchronous = FULL`); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA synchronous = NORMAL`)
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// leftovers finds the files that a kill left when blocks were being rewritten.
func (s *Store) leftovers(ctx context.Context) error {
	listed, err := rows(ctx, s.db, scanListing, `SELECT `+listingColumns+` FROM blocks ORDER BY pos`)
	if err != nil {
		return err
	}
	gone, err := rows(ctx, s.db, scanRange, `SELECT pos, "end" FROM gone ORDER BY pos`)
	if err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	there := make(map[file]bool, len(files))
	for _, f := range files {
		there[f] = true
	}
	var whole []span // where the listed file is there
	for _, l := range listed {
		if there[l.file] {
			whole = append(whole, span{l.pos, l.end})
			delete(there, l.file)
		}
	}
	for _, f := range files {
		if there[f] && (within(whole, f.pos) || within(gone, f.pos)) {
			s.doomed = append(s.doomed, f)
		}
	}
	return nil
}

// union makes one block of several that follow one another, with what keep leaves of each session, session by session.
type union struct {
	b     record.Block
	keep  func(record.ID) bool
	index map[record.ID]int // in b.Spans and parts
	parts []part
	env   record.Record // reused
}

// part is what a union has of a session: its records, each encoded.
type part struct{ records [][]byte }

func everything(record.ID) bool { return true }

// gapError says that a block can't be joined to those before it: a session has a gap there, or another secret.
type gapError struct {
	session record.ID
}

func (e *gapError) Error() string {
	return fmt.Sprintf("session %v does not go on where the blocks before end", e.session)
}

// add takes the next block. After a *gapError the union is as it was, after any other of no more use.
func (u *union) add(b *record.Block) error {
	for i := range b.Spans {
		span := &b.Spans[i]
		if at, ok := u.index[span.Session]; ok {
			have := &u.b.Spans[at]
			if have.Last+1 != span.First || have.After != span.Before || have.Secret != span.Secret {
				return &gapError{span.Session}
			}
		}
	}
	raw, err := b.Unpack(nil)
	if err != nil {
		return err
	}
	if u.index == nil {
		u.index = make(map[record.ID]int)
		u.b.Pos, u.b.First, u.b.Last = b.Pos, 0, 0
	}
	u.b.End = b.End
	heads := make(map[record.ID]*record.Span, len(b.Spans))
	for i := range b.Spans {
		heads[b.Spans[i].Session] = &b.Spans[i]
	}
	for len(raw) > 0 {
		env, _, rest, err := record.NextRecord(raw)
		if err == nil {
			u.env = record.Record{}
			err = record.DecodeEnvelope(env, &u.env)
		}
		if err != nil {
			return fmt.Errorf("block %016x: %w", b.Pos, err)
		}
		span := heads[u.env.Session]
		if span == nil {
			return fmt.Errorf("block %016x holds records of session %v, which its head does not list", b.Pos, u.env.Session)
		}
		u.take(span, raw[:len(raw)-len(rest)])
		raw = rest
	}
	return nil
}

// take takes the record of which u.env is the envelope, if its session is kept.
func (u *union) take(from *record.Span, raw []byte) {
	if !u.keep(from.Session) {
		return
	}
	at, ok := u.index[from.Session]
	if !ok {
		at = len(u.parts)
		u.index[from.Session] = at
		u.b.Spans = append(u.b.Spans, record.Span{Session: from.Session, First: from.First, Before: from.Before, Secret: from.Secret})
		u.parts = append(u.parts, part{})
	}
	u.b.Spans[at].Last, u.b.Spans[at].After = from.Last, from.After
	u.parts[at].records = append(u.parts[at].records, raw)
	if u.b.Count == 0 || u.env.At < u.b.First {
		u.b.First = u.env.At
	}
	if u.b.Count == 0 || u.env.At > u.b.Last {
		u.b.Last = u.env.At
	}
	u.b.Count++
	u.b.Raw += len(raw)
	u.b.Kinds |= 1 << min(u.env.Kind, 63)
}

// block packs what there is; nil: nothing was kept.
func (u *union) block() (*record.Block, error) {
	if u.b.Count == 0 {
		return nil, nil
	}
	raw := make([]byte, 0, u.b.Raw)
	ends := make([]int, 0, u.b.Count)
	var words record.WordSet
	for _, p := range u.parts {
		for _, r := range p.records {
			env, payload, _, err := record.NextRecord(r)
			if err == nil {
				u.env = record.Record{}
				err = record.DecodeEnvelope(env, &u.env)
			}
			if err == nil {
				words.AddText(u.env.Code)
				err = words.AddPayload(u.env.Kind, payload)
			}
			if err != nil {
				return nil, err
			}
			raw = append(raw, r...)
			ends = append(ends, len(raw))
		}
	}
	u.b.Words, u.b.Data = words.Filter(), record.Repack(nil, raw, ends)
	if again, err := u.b.Unpack(nil); err != nil || !bytes.Equal(again, raw) {
		return nil, fmt.Errorf("records do not come back as they were packed: %v", err) // before the only other copy is removed
	}
	return &u.b, nil
}
