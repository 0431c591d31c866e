package clickhouse

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// A batch was put as a block, and is read as one: whole, or what it has of the sessions that are asked for.

// batch is a batch's line.
type batch struct {
	writer      string
	pos, end    uint64
	first, last int64
	count, raw  uint32
	kinds       uint64
	sessions    uint32
	sorted      bool
	sum         string
}

const batchColumns = `writer, block, end, first, last, count, raw, kinds, sessions, sorted, sum`

func scanBatch(rows interface{ Scan(...any) error }) (b batch, err error) {
	var first, last time.Time
	var sorted uint8
	err = rows.Scan(&b.writer, &b.pos, &b.end, &first, &last, &b.count, &b.raw, &b.kinds, &b.sessions, &sorted, &b.sum)
	b.first, b.last, b.sorted = first.UnixNano(), last.UnixNano(), sorted != 0
	return b, err
}

// pick is a batch that may hold what is asked for.
type pick struct {
	batch
	spans []record.Span // of the sessions asked for
	whole bool          // all sessions in it are
}

// rows is how many records are read for it.
func (p *pick) rows() int {
	n := 0
	for i := range p.spans {
		n += int(p.spans[i].Last-p.spans[i].First) + 1
	}
	return n
}

// Blocks yields the batches that may hold what n asks for, by position or, newest first, by their latest record; where it asks
// for sessions, what they have of these.
func (s *Store) Blocks(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error] {
	if n.Hits && !n.Oldest && len(n.Sessions) == 0 {
		return s.hits(ctx, n)
	}
	return func(yield func(*record.Block, error) bool) {
		found, err := s.narrow(ctx, n)
		if err != nil {
			yield(nil, s.wrap("read", err))
			return
		}
		size := firstRows
		if len(n.Sessions) > 0 && n.First == 0 { // a whole session is read to its end
			size = mostRows / 4
		}
		for len(found) > 0 {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			run := found[:cut(found, size)]
			found, size = found[len(run):], min(2*size, mostRows)
			if err := s.spans(ctx, run); err != nil {
				yield(nil, s.wrap("read", err))
				return
			}
			s.near.gave(spansOf(run))
			rows, err := s.read(ctx, run, n)
			if err != nil {
				yield(nil, s.wrap("read", err))
				return
			}
			for i := range run {
				if ctx.Err() != nil {
					yield(nil, ctx.Err())
					return
				}
				if !yield(run[i].block(rows[run[i].pos]), nil) {
					return
				}
			}
		}
	}
}

// Records are read some batches at a time: few at first, since whoever reads may have enough soon.
const (
	firstRows = 1 << 10
	mostRows  = 1 << 16
)

// cut is how many of some picks are read at once: those of one gateway, with about so many records, one at least, and no more
// than a query can name.
func cut(found []pick, size int) int {
	n, rows := 1, 0
	for ; n < len(found); n++ {
		p := &found[n-1]
		if rows += max(p.rows(), 1); len(p.spans) == 0 {
			rows += int(p.count)
		}
		if rows >= size || n >= mostListed || found[n].writer != p.writer {
			break
		}
	}
	return n
}

// narrow finds the batches.
func (s *Store) narrow(ctx context.Context, n record.Narrow) ([]pick, error) {
	var conds []string
	if n.Since != 0 {
		conds = append(conds, `last >= `+moment(n.Since))
	}
	if n.Until != 0 {
		conds = append(conds, `first <= `+moment(n.Until))
	}
	if n.Kinds != 0 {
		conds = append(conds, fmt.Sprintf(`bitAnd(kinds, %d) != 0`, n.Kinds))
	}
	which, _ := who(n)
	heard, narrowed, err := s.heard(ctx, n, which)
	if err != nil || narrowed && len(heard) == 0 {
		return nil, err
	}
	if len(which) == 0 && !narrowed {
		return s.batches(ctx, conds, n.Oldest)
	}
	if narrowed {
		which = []string{`session IN (` + idList(keys(heard)) + `)`}
	}
	return s.whose(ctx, n, conds, which, heard)
}

func keys(m map[record.ID]uint64) []record.ID {
	ids := make([]record.ID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b record.ID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// batches are those that fit, in order. Each is there once.
func (s *Store) batches(ctx context.Context, conds []string, oldest bool) ([]pick, error) {
	query := `SELECT ` + batchColumns + ` FROM blocks FINAL`
	if len(conds) > 0 {
		query += ` WHERE ` + strings.Join(conds, ` AND `)
	}
	if oldest {
		query += ` ORDER BY writer, block`
	} else {
		query += ` ORDER BY last DESC, writer, block DESC`
	}
	rows, err := s.conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []pick
	for rows.Next() {
		b, err := scanBatch(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, pick{batch: b, whole: true})
	}
	return all, rows.Err()
}

// place names a batch.
type place struct {
	writer string
	block  uint64
}

// mostPlaces is up to how many batches are named one by one in a query.
const mostPlaces = 1 << 10

// whose finds the batches in which the sessions asked for are, with these. heard tells from which Seq on a session is wanted;
// nil: from its beginning.
func (s *Store) whose(ctx context.Context, n record.Narrow, conds, which []string, heard map[record.ID]uint64) ([]pick, error) {
	found := make(map[place][]record.Span)
	if len(conds) > 0 {
		which = append(which, `(writer, block) IN (SELECT writer, block FROM blocks WHERE `+strings.Join(conds, ` AND `)+`)`)
	}
	if len(n.Sessions) > 0 && n.Last != 0 {
		which = append(which, fmt.Sprintf(`first <= %d`, n.Last))
	}
	if n.First != 0 {
		which = append(which, fmt.Sprintf(`last >= %d`, n.First))
	}
	err := s.eachSpan(ctx, strings.Join(which, ` AND `), func(p place, span record.Span) {
		if span.Last >= heard[span.Session] {
			found[p] = append(found[p], span)
		}
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if len(found) <= mostPlaces {
		var places []string
		for p := range found {
			places = append(places, fmt.Sprintf(`(%s, %d)`, quoted(p.writer), p.block))
		}
		conds = append(conds, `(writer, block) IN (`+strings.Join(places, `, `)+`)`)
	}
	all, err := s.batches(ctx, conds, n.Oldest)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].spans = found[place{all[i].writer, all[i].pos}]
	}
	all = slices.DeleteFunc(all, func(p pick) bool { return len(p.spans) == 0 })
	for i := range all {
		p := &all[i]
		p.whole = len(p.spans) == int(p.sessions) && n.First == 0 && n.Last == 0
	}
	return all, nil
}

// eachSpan gives the spans that fit.
func (s *Store) eachSpan(ctx context.Context, which string, each func(place, record.Span)) error {
	rows, err := s.conn.Query(ctx, `SELECT writer, block, session, first, last, before, after, secret FROM spans FINAL WHERE `+which+` ORDER BY session, first`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p place
		var span record.Span
		var id, before, after, secret string
		if err := rows.Scan(&p.writer, &p.block, &id, &span.First, &span.Last, &before, &after, &secret); err != nil {
			return err
		}
		copy(span.Session[:], id)
		copy(span.Before[:], before)
		copy(span.After[:], after)
		span.Secret = record.Secret(secret)
		each(p, span)
	}
	return rows.Err()
}

// spans brings up the spans of batches that are read whole. They are of one gateway.
func (s *Store) spans(ctx context.Context, run []pick) error {
	at := make(map[uint64]*pick)
	for i := range run {
		if len(run[i].spans) == 0 {
			at[run[i].pos] = &run[i]
		}
	}
	if len(at) == 0 {
		return nil
	}
	return s.eachSpan(ctx, `writer = `+quoted(run[0].writer)+` AND block IN (`+positions(run)+`)`, func(p place, span record.Span) {
		if to := at[p.block]; to != nil {
			to.spans = append(to.spans, span)
		}
	})
}

func positions(run []pick) string {
	words := make([]string, len(run))
	for i := range run {
		words[i] = fmt.Sprint(run[i].pos)
	}
	return strings.Join(words, ", ")
}

// mostListed is up to how many sessions are named one by one in a query.
const mostListed = 1 << 10

// read reads the records of some picks, of one gateway: by batch, each in the batch's order.
func (s *Store) read(ctx context.Context, run []pick, n record.Narrow) (map[uint64][]*row, error) {
	wanted := make(map[record.ID]struct{})
	for i := range run {
		for _, span := range run[i].spans {
			wanted[span.Session] = struct{}{}
		}
	}
	which := `session IN (SELECT session FROM spans WHERE writer = ` + quoted(run[0].writer) + ` AND block IN (` + positions(run) + `))`
	if len(wanted) <= mostListed {
		ids := make([]record.ID, 0, len(wanted))
		for id := range wanted {
			ids = append(ids, id)
		}
		which = `session IN (` + idList(ids) + `)`
	}
	which += ` AND block IN (` + positions(run) + `)`
	if len(n.Sessions) > 0 && n.First != 0 {
		which += fmt.Sprintf(` AND seq >= %d`, n.First)
	}
	if len(n.Sessions) > 0 && n.Last != 0 {
		which += fmt.Sprintf(` AND seq <= %d`, n.Last)
	}
	if n.Since != 0 { // what executions refer to is asked for by its session and Seq
		which += ` AND at >= ` + moment(n.Since)
	}
	if n.Until != 0 {
		which += ` AND at <= ` + moment(n.Until)
	}
	if n.Kinds != 0 {
		which += ` AND ` + kindsIn(n.Kinds)
	}
	found, err := s.rowsOf(ctx, which)
	if err != nil {
		return nil, err
	}
	for i := range run {
		p := &run[i]
		p.whole = p.whole && len(found[p.pos]) == int(p.count)
		if p.whole || len(p.spans) == int(p.sessions) {
			continue
		}
		found[p.pos] = slices.DeleteFunc(found[p.pos], func(r *row) bool {
			return !slices.ContainsFunc(p.spans, func(span record.Span) bool { return span.Session == r.Session })
		})
	}
	return found, nil
}

// block makes a block of a batch's records. Its spans are in the order in which their sessions come. It has no Data, and its
// records as they are.
func (p *pick) block(rows []*row) *record.Block {
	b := &record.Block{Pos: p.pos, End: p.end, First: p.first, Last: p.last, Count: len(rows), Kinds: p.kinds, Part: !p.whole}
	raw := make([]byte, 0, int(p.raw)*len(rows)/max(int(p.count), 1))
	order := make(map[record.ID]int, len(p.spans))
	for i := range rows {
		raw = record.AppendRecord(raw, &rows[i].Record)
		if _, seen := order[rows[i].Session]; !seen {
			order[rows[i].Session] = len(order)
		}
	}
	b.Raw, b.Spans = len(raw), slices.Clone(p.spans)
	slices.SortStableFunc(b.Spans, func(x, y record.Span) int { return rank(order, x) - rank(order, y) })
	return b.WithRaw(raw)
}

// rank is where a session comes in a batch; one of which nothing is there comes last.
func rank(order map[record.ID]int, s record.Span) int {
	if n, ok := order[s.Session]; ok {
		return n
	}
	return len(order)
}
