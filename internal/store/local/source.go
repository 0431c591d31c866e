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
	line, err := scanSession(s.db.QueryRowContext(ctx, getSession, id[:]))
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
