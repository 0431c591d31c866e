package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// rowsOf reads records, by batch, each in the batch's order. What a follower sent twice is there once: it is the same, but for a
// payload that was erased. ClickHouse sorts nothing: so it gives rows as it reads them.
func (s *Store) rowsOf(ctx context.Context, which string) (map[uint64][]row, error) {
	found := make(map[uint64][]row)
	err := s.eachRow(ctx, which, func(r *row) { found[r.block] = append(found[r.block], *r) })
	if err != nil {
		return nil, err
	}
	for block, rows := range found {
		slices.SortFunc(rows, func(a, b row) int {
			return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(len(b.Erased), len(a.Erased)))
		})
		found[block] = slices.CompactFunc(rows, func(a, b row) bool { return a.Seq == b.Seq && a.Session == b.Session })
	}
	return found, nil
}

// eachRow gives each record for which something holds, in no order. A row is the receiver's until the next.
func (s *Store) eachRow(ctx context.Context, which string, each func(*row)) error {
	all := columnsOfAll()
	var begun introduced
	rows, err := s.conn.Query(ctx, `SELECT `+begun.expression()+`, `+labels(all)+` FROM records WHERE `+which)
	if err != nil {
		return err
	}
	defer rows.Close()
	room := []any{&begun.list}
	for _, c := range all {
		room = append(room, c.room())
	}
	for rows.Next() {
		if err := rows.Scan(room...); err != nil {
			return err
		}
		var r row
		for _, c := range all {
			if err := c.take(&r); err != nil {
				return err
			}
		}
		if err := errors.Join(begun.take(&r), r.gather()); err != nil {
			return err
		}
		each(&r)
	}
	return rows.Err()
}

// introduced are the introductions of a row in one column, which is empty for nearly all: each column that is read costs, for
// each row, on both sides.
type introduced struct{ list []string }

func (c *introduced) expression() string {
	names := make([]string, len(introductions))
	for i := range introductions {
		names[i] = "`" + introductions[i].name + "`"
	}
	list := strings.Join(names, ", ")
	return `if(concat(` + list + `) = '', [], [` + list + `])`
}

func (c *introduced) take(r *row) error {
	if n := len(c.list); n != 0 && n != len(introductions) {
		return fmt.Errorf("record #%d of session %v has %d introductions", r.Seq, r.Session, n)
	}
	for i, s := range c.list {
		*introductions[i].at(r) = s
	}
	return nil
}
