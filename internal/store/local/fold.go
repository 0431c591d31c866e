package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// gain is what a block adds to a session's line.
type gain struct {
	began   int64           // At of its first record there
	actions uint64          //
	said    []record.Record // its Open, Join and Close; borrowed from the block
}

// gains reads what a block adds to its sessions' lines.
func gains(b *record.Block) (map[record.ID]*gain, error) {
	all := make(map[record.ID]*gain, len(b.Spans))
	for i := range b.Spans {
		all[b.Spans[i].Session] = &gain{}
	}
	for r, err := range b.Outline() {
		if err != nil {
			return nil, fmt.Errorf("block %016x: %w", b.Pos, err)
		}
		g := all[r.Session]
		if g == nil {
			return nil, fmt.Errorf("block %016x holds records of session %v, which its head does not list", b.Pos, r.Session)
		}
		if g.began == 0 {
			g.began = r.At
		}
		switch {
		case r.Kind == record.KindOpen || r.Kind == record.KindJoin || r.Kind == record.KindClose:
			g.said = append(g.said, r)
		case r.Kind.Action():
			g.actions++
		}
	}
	return all, nil
}

// fold takes a line on by what a block adds to it.
func (g *gain) fold(l *line) {
	if l.Opened == 0 {
		l.Opened = g.began // its Open, if it is there, says otherwise
	}
	for i := range g.said {
		l.Add(&g.said[i])
	}
	l.Actions += g.actions
}

// goOn takes the line of a session on of which the block says nothing but that it went on: most of them. No index changes.
const goOn = `UPDATE sessions SET last = ?, actions = actions + ?, head = ?, secret = ?, since = min(since, ?), until = max(until, ?)
	WHERE id = ? AND last = ?`

// folding brings the lines of a block's sessions up to date.
type folding struct {
	s             *Store
	b             *record.Block
	get, put, add *sql.Stmt
}

func (s *Store) foldBlock(ctx context.Context, tx *sql.Tx, b *record.Block) error {
	all, err := gains(b)
	if err != nil {
		return err
	}
	f := folding{s: s, b: b}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{{&f.get, getSession}, {&f.put, putSession}, {&f.add, goOn}} {
		if *p.stmt, err = s.within(ctx, tx, p.text); err != nil {
			return err
		}
	}
	for i := range b.Spans {
		span := &b.Spans[i]
		if err := f.session(ctx, span, all[span.Session]); err != nil {
			return err
		}
	}
	return nil
}

// session brings a session's line up to date.
func (f *folding) session(ctx context.Context, span *record.Span, g *gain) error {
	if len(g.said) == 0 && span.First > 0 {
		done, err := f.add.ExecContext(ctx, int64(span.Last), int64(g.actions), span.After[:], []byte(span.Secret), f.b.First, f.b.Last,
			span.Session[:], int64(span.First-1))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 1 {
			return err
		}
	}
	l, err := f.line(ctx, span)
	if err != nil {
		return err
	}
	g.fold(&l)
	l.Last, l.Head, l.Secret = span.Last, span.After, span.Secret
	return l.put(ctx, f.put)
}

// line is the line of a session as it was before the block.
func (f *folding) line(ctx context.Context, span *record.Span) (l line, err error) {
	l = line{since: f.b.First, until: f.b.Last}
	if span.First > 0 {
		was, err := scanLine(f.get.QueryRowContext(ctx, span.Session[:]))
		switch {
		case err == nil:
			l = was
			l.since, l.until = min(l.since, f.b.First), max(l.until, f.b.Last)
		case !errors.Is(err, sql.ErrNoRows):
			return l, err
		default:
			if l.Session, err = f.s.before(span.Session); err != nil {
				f.s.note("what a session's first records said is lost: %v", err)
			}
		}
	}
	l.ID = span.Session
	return l, nil
}
