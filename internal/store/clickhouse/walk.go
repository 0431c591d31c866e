package clickhouse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as those who verify it see it: the batches of one gateway, made of their rows again.

// Walk yields the gateway's batches, by position, as they are when it comes to them.
func (s *Store) Walk(ctx context.Context) iter.Seq2[record.Sealed, error] {
	return func(yield func(record.Sealed, error) bool) {
		horizon, err := s.horizon(ctx)
		for from := uint64(0); err == nil; {
			var found []pick
			if found, err = s.own(ctx, fmt.Sprintf(`block >= %d ORDER BY block`, from), atOnce); err != nil || len(found) == 0 {
				break
			}
			from = found[len(found)-1].pos + 1
			var more bool
			if more, err = s.walk(ctx, found, horizon, yield); !more {
				return
			}
		}
		if err != nil {
			yield(record.Sealed{}, s.wrap("read", err))
		}
	}
}

// walk yields some batches; false: nobody wants more.
func (s *Store) walk(ctx context.Context, found []pick, horizon int64, yield func(record.Sealed, error) bool) (more bool, err error) {
	for len(found) > 0 {
		run := found[:cut(found, mostRows)]
		found = found[len(run):]
		if err := s.spans(ctx, run); err != nil {
			return true, err
		}
		rows, err := s.read(ctx, run, record.Narrow{})
		if err != nil {
			return true, err
		}
		for i := range run {
			if ctx.Err() != nil {
				return true, ctx.Err()
			}
			if !yield(run[i].sealed(rows[run[i].pos], horizon), nil) {
				return false, nil
			}
		}
	}
	return true, nil
}

// sealed makes the bytes of a batch's block again, and holds its records against their sum. Before the horizon they may be gone.
func (p *pick) sealed(rows []*row, horizon int64) record.Sealed {
	b := p.block(rows)
	s := record.Sealed{Name: fmt.Sprintf("batch %s/%016x", p.writer, p.pos), Pos: p.pos, Listed: true, End: p.end, First: p.first,
		Last: p.last, Count: int(p.count), Kinds: p.kinds, Spans: slices.Clone(p.spans)}
	slices.SortFunc(s.Spans, func(x, y record.Span) int { return bytes.Compare(x.Session[:], y.Session[:]) })
	if s.Gone = p.gone(rows, horizon); s.Gone {
		return s
	}
	raw, err := b.Unpacked()
	if err == nil {
		err = p.pack(b, raw)
	}
	if s.Err = err; err != nil {
		return s
	}
	s.Words, s.Raw = b.Words, b.AppendTo(nil)
	s.Bytes = int64(len(s.Raw))
	if sum := sha256.Sum256(raw); string(sum[:]) == p.sum { // the sum is of the records: another zstd packs them otherwise
		s.Sum = record.Sum(s.Raw)
	}
	return s
}

// gone reports whether the batch's records were let go in their time: all of those of a month go at once, when the last of them
// may, so that some are left only of a batch that spans two.
func (p *pick) gone(rows []*row, horizon int64) bool {
	if len(rows) > 0 {
		return p.first < horizon && len(rows) < int(p.count) && Partition(p.first) != Partition(p.last)
	}
	return p.count > 0 && p.last < horizon
}

// pack makes a block's Data and filter of words.
func (p *pick) pack(b *record.Block, raw []byte) error {
	var words record.WordSet
	var ends []int
	for rest := raw; len(rest) > 0; {
		env, payload, next, err := record.NextRecord(rest)
		var r record.Record
		if err == nil {
			err = record.DecodeEnvelope(env, &r)
		}
		if err == nil {
			words.AddText(r.Code)
			err = words.AddPayload(r.Kind, payload)
		}
		if err != nil {
			return err
		}
		rest = next
		ends = append(ends, len(raw)-len(rest))
	}
	if b.Words = words.Filter(); p.sorted {
		b.Data = record.Repack(nil, raw, ends)
	} else {
		b.Data = record.Pack(nil, raw)
	}
	return nil
}

// checks are what must not be: each query gives one line for each fault. Batches that are on their way, behind the last that is
// listed, are none.
var checks = []struct{ what, query string }{
	{"records of a batch that is not listed: ", `SELECT concat(lower(hex(block)), ', session ', lower(hex(session))) FROM records
		WHERE session IN (SELECT session FROM spans WHERE writer = {gateway}) AND block NOT IN (SELECT block FROM blocks WHERE writer = {gateway})
		AND block < (SELECT max(block) FROM blocks WHERE writer = {gateway}) GROUP BY block, session LIMIT 100`},
	{"a batch of which no session is known: ", `SELECT lower(hex(block)) FROM blocks WHERE writer = {gateway}
		AND block NOT IN (SELECT block FROM spans WHERE writer = {gateway}) LIMIT 100`},
}

// Check yields what is wrong with the tables apart from what Walk shows.
func (s *Store) Check(ctx context.Context) iter.Seq2[record.Fault, error] {
	return func(yield func(record.Fault, error) bool) {
		for _, c := range checks {
			found, err := s.lineUp(ctx, string(bytes.ReplaceAll([]byte(c.query), []byte("{gateway}"), []byte(quoted(s.opts.Gateway)))))
			for _, what := range found {
				if !yield(record.Fault{Place: s.opts.place(), What: c.what + what}, nil) {
					return
				}
			}
			if err != nil {
				yield(record.Fault{}, s.wrap("read", err))
				return
			}
		}
	}
}

// lineUp collects what a query of one column gives.
func (s *Store) lineUp(ctx context.Context, query string) (all []string, err error) {
	rows, err := s.conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
