package local

import (
	"context"
	"errors"

	"github.com/gatefold/gatefold/internal/record"
)

// narrow finds the blocks that may hold what n asks for, in the order asked for. The directory is read as of one moment.
func (s *Store) narrow(ctx context.Context, n record.Narrow) ([]pick, error) {
	dir, done, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	found, err := candidates(ctx, dir, n)
	if err != nil || len(n.Words) == 0 || len(found) == 0 {
		return found, err
	}
	return s.said(ctx, dir, n, found)
}

// candidates are the blocks that time, kinds and sessions leave.
func candidates(ctx context.Context, dir db, n record.Narrow) ([]pick, error) {
	w := blockWhere(n)
	whose := spanWhere(n)
	if whose == nil {
		query := `SELECT b.pos, b.gen FROM blocks b` + w.clause() + order(n)
		return rows(ctx, dir, scanPick, query, w.args...)
	}
	w.conds, w.args = append(w.conds, whose.conds...), append(w.args, whose.args...)
	query := `SELECT b.pos, b.gen, p.session FROM spans p JOIN blocks b ON b.pos = p.block` + w.clause() + order(n)
	lines, err := dir.QueryContext(ctx, query, w.args...)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	var found []pick
	for lines.Next() {
		var at file
		var pos int64
		var session []byte
		if err := lines.Scan(&pos, &at.gen, &session); err != nil {
			return nil, err
		}
		at.pos = uint64(pos)
		if len(found) == 0 || found[len(found)-1].file != at {
			found = append(found, pick{at, make(map[record.ID]struct{})})
		}
		if len(session) != len(record.ID{}) {
			return nil, errors.New("a session's id in the directory is none")
		}
		found[len(found)-1].whose[record.ID(session)] = struct{}{}
	}
	return found, lines.Err()
}

// order is that of blocks: by position or, newest first, by their latest record, which where a clock was set back is not the
// same.
func order(n record.Narrow) string {
	if n.Oldest {
		return ` ORDER BY b.pos`
	}
	return ` ORDER BY b.last DESC, b.pos DESC`
}

func scanPick(from row) (p pick, err error) {
	var pos int64
	err = from.Scan(&pos, &p.gen)
	p.pos = uint64(pos)
	return p, err
}

// blockWhere is what n asks of a block itself.
func blockWhere(n record.Narrow) *where {
	w := &where{}
	if n.Since != 0 {
		w.add("b.last >= ?", n.Since)
	}
	if n.Until != 0 {
		w.add("b.first <= ?", n.Until)
	}
	if n.Kinds != 0 {
		w.add("b.kinds & ? <> 0", int64(n.Kinds))
	}
	return w
}

// spanWhere is what n asks of the sessions in a block; nil: nothing.
func spanWhere(n record.Narrow) *where {
	whose, w := &where{}, &where{}
	whose.who(n)
	switch {
	case len(whose.conds) == 0:
		return nil
	case len(n.Sessions) > 0 && len(whose.conds) == 1: // the sessions are all that is asked: their lines may even be lost
		w.among("p.session", n.Sessions)
	default:
		if n.Since != 0 {
			whose.add("until >= ?", n.Since)
		}
		if n.Until != 0 {
			whose.add("since <= ?", n.Until)
		}
		w.add("p.session IN (SELECT id FROM sessions"+whose.clause()+")", whose.args...)
	}
	if n.First != 0 {
		w.add("p.last >= ?", int64(n.First))
	}
	if n.Last != 0 {
		w.add("p.first <= ?", int64(n.Last))
	}
	return w
}
