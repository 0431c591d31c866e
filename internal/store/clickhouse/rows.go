package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// rowsOf reads records, by batch, each in the batch's order. What a follower sent twice is there once: it is the same, but for a
// payload that was erased. ClickHouse sorts nothing: so it gives rows as it reads them.
func (s *Store) rowsOf(ctx context.Context, which string) (map[uint64][]*row, error) {
	found := make(map[uint64][]*row)
	err := s.eachRow(ctx, nil, which, func(r *row) {
		own := *r
		found[r.block] = append(found[r.block], &own)
	})
	if err != nil {
		return nil, err
	}
	for block, rows := range found {
		slices.SortFunc(rows, func(a, b *row) int {
			return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(len(b.Erased), len(a.Erased)))
		})
		found[block] = slices.CompactFunc(rows, func(a, b *row) bool { return a.Seq == b.Seq && a.Session == b.Session })
	}
	return found, nil
}

// eachRow gives each record for which something holds, in no order: some columns of it, or all. A row is the receiver's until the
// next; its bytes stay.
func (s *Store) eachRow(ctx context.Context, some []string, which string, each func(*row)) error {
	all := columns()
	if some != nil {
		all = slices.DeleteFunc(all, func(c recordColumn) bool { return !slices.Contains(some, c.label()) })
	}
	rows, err := s.conn.Query(ctx, `SELECT `+packing(all)+` FROM records WHERE `+which)
	if err != nil {
		return err
	}
	defer rows.Close()
	from := unpacking{names: make(map[string]string)}
	var r row
	for rows.Next() {
		if err := rows.Scan(&from.rest); err != nil {
			return err
		}
		r = row{}
		if err = from.row(all, &r); err == nil && some == nil {
			err = r.gather()
		}
		if err != nil {
			return err
		}
		each(&r)
	}
	return rows.Err()
}

// row reads a row of what packing gives.
func (u *unpacking) row(all []recordColumn, r *row) error {
	for _, c := range all {
		if err := c.take(r, u); err != nil {
			return err
		}
	}
	if u.short || len(u.rest) > 0 {
		return fmt.Errorf("record #%d of session %v has not the length that it says", r.Seq, r.Session)
	}
	return nil
}
