package local

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as an investigator's source.

// Session returns one session's line.
func (s *Store) Session(ctx context.Context, id record.ID) (record.Session, bool, error) {
	line, err := getSession(ctx, s.db, id)
	if errors.Is(err, sql.ErrNoRows) {
		return line, false, nil
	}
	return line, err == nil, s.wrap(err)
}

// Sessions yields the sessions that n may ask for, by the time they were opened.
func (s *Store) Sessions(ctx context.Context, n record.Narrow) iter.Seq2[record.Session, error] {
	return func(yield func(record.Session, error) bool) {
		w := sessionWhere(n)
		query := `SELECT ` + sessionColumns + ` FROM sessions` + w.clause() + ` ORDER BY opened ` + direction(n) + `, id ` + direction(n)
		rows, err := s.db.QueryContext(ctx, query, w.args...)
		if err != nil {
			yield(record.Session{}, s.wrap(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			line, err := scanSession(rows)
			if !yield(line, s.wrap(err)) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(record.Session{}, s.wrap(err))
		}
	}
}

// Blocks yields the blocks that may hold what n asks for, by position, or newest first by their latest record. One that can't be read is an error that names
// its file; the others follow.
func (s *Store) Blocks(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) {
		positions, err := s.narrow(ctx, n)
		if err != nil {
			yield(nil, s.wrap(err))
			return
		}
		for _, pos := range positions {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			b, _, err := s.load(uint64(pos))
			if !yield(b, err) {
				return
			}
		}
	}
}

// narrow finds the positions of the blocks that may hold what n asks for, in the order asked for.
func (s *Store) narrow(ctx context.Context, n record.Narrow) ([]int64, error) {
	w := blockWhere(n)
	order := ` ORDER BY last DESC, pos DESC`
	if n.Oldest {
		order = ` ORDER BY pos`
	}
	query := `SELECT pos FROM blocks` + w.clause() + order
	positions, err := s.column(ctx, query, w.args...)
	if err != nil || len(n.Words) == 0 {
		return positions, err
	}
	said, err := s.said(ctx, n)
	if err != nil {
		return nil, err
	}
	kept := positions[:0]
	for _, pos := range positions {
		if said[pos] {
			kept = append(kept, pos)
		}
	}
	return kept, nil
}

func (s *Store) column(ctx context.Context, query string, args ...any) ([]int64, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func direction(n record.Narrow) string {
	if n.Oldest {
		return "ASC"
	}
	return "DESC"
}

// where collects conditions and their arguments.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

func (w *where) clause() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// who adds what n asks of the session itself. column is the id's.
func (w *where) who(n record.Narrow) {
	for _, c := range []struct{ column, want string }{
		{"user", n.User}, {"account", n.Account}, {"target", n.Target}, {"database", n.Database}, {"protocol", n.Protocol},
	} {
		if c.want != "" {
			w.add(c.column+" = ?", c.want)
		}
	}
	if n.PID != 0 {
		w.add("pid = ?", int64(n.PID))
	}
	if low, high, ok := prefixRange(n.Prefix); ok {
		w.add("id BETWEEN ? AND ?", low[:], high[:])
	}
	if len(n.Sessions) > 0 {
		w.among("id", n.Sessions)
	}
}

// among adds that a column is one of the ids.
func (w *where) among(column string, ids []record.ID) {
	marks := make([]string, len(ids))
	for i := range ids {
		marks[i] = "?"
		w.args = append(w.args, ids[i][:])
	}
	w.conds = append(w.conds, column+" IN ("+strings.Join(marks, ", ")+")")
}

func sessionWhere(n record.Narrow) *where {
	w := &where{}
	w.who(n)
	if n.Since != 0 {
		w.add("(closed = 0 OR closed >= ?)", n.Since)
	}
	if n.Until != 0 {
		w.add("opened <= ?", n.Until)
	}
	return w
}

func blockWhere(n record.Narrow) *where {
	w := &where{}
	if n.Since != 0 {
		w.add("last >= ?", n.Since)
	}
	if n.Until != 0 {
		w.add("first <= ?", n.Until)
	}
	if n.Kinds != 0 {
		w.add("kinds & ? <> 0", int64(n.Kinds))
	}
	whose := &where{}
	whose.who(n)
	switch {
	case len(n.Sessions) > 0 && len(whose.conds) == 1: // the sessions are all that is asked: their lines may even be lost
		spans := &where{}
		spans.among("session", n.Sessions)
		spans.seqs(n)
		w.add("pos IN (SELECT block FROM spans"+spans.clause()+")", spans.args...)
	case len(whose.conds) > 0:
		spans := &where{}
		spans.add("session IN (SELECT id FROM sessions"+whose.clause()+")", whose.args...)
		spans.seqs(n)
		w.add("pos IN (SELECT block FROM spans"+spans.clause()+")", spans.args...)
	}
	return w
}

// seqs adds which part of the sessions is asked for.
func (w *where) seqs(n record.Narrow) {
	if n.First != 0 {
		w.add("last >= ?", int64(n.First))
	}
	if n.Last != 0 {
		w.add("first <= ?", int64(n.Last))
	}
}
