package clickhouse

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/gatefold/gatefold/internal/record"
)

// A search for single records reads no batch whole. It goes back in time, window by window (window.go). Of each it asks first,
// by columns that are small or have an index, which records may be hits (trace.go); then it reads these, the newest first and
// some at a time, with what belongs to them (fetch.go). The first hits come after a few questions, however many there are.

// ref names a record.
type ref struct {
	session record.ID
	seq     uint64
}

// lead is a record that may be a hit.
type lead struct {
	at int64
	ref
	of    uint64
	kind  record.Kind
	fits  bool // it is one that is asked for, apart from what was said
	vague bool // more belongs to it than stands in it: anything may have been said
}

func (l lead) compare(m lead) int {
	return cmp.Or(cmp.Compare(l.at, m.at), bytes.Compare(l.session[:], m.session[:]), cmp.Compare(l.seq, m.seq))
}

// seeker is one search.
type seeker struct {
	s      *Store
	bounds seek
	ctx    context.Context
	n      record.Narrow
	which  []string                  // conditions on sessions
	says   []string                  // conditions on records: each must hold for one that belongs to a hit; the rarest is first
	least  uint64                    // for how many that holds
	share  float64                   // of all records
	known  bool                      // that holds for no other than those noted, of what executions refer to
	knots  map[ref]knot              // what executions refer to, as far as it was looked up
	kept   map[ref]record.Record     // statements that were read: the next page refers to them again
	latest func() ([]stretch, error) // those that are asked for first
}

// maxSays is how many words narrow. What is beyond them the matcher decides.
const maxSays = 8

// hits yields made-up blocks of what may be hits, the newest first. Behind each comes an empty one, which tells how far back
// all has been given: so nobody waits for the next.
func (s *Store) hits(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) {
		k := &seeker{s: s, bounds: *cmp.Or(s.opts.seek, &usual), ctx: ctx, n: n, says: sayings(n), knots: make(map[ref]knot), kept: make(map[ref]record.Record)}
		k.says = k.says[:min(len(k.says), maxSays)]
		k.which, _ = who(n)
		until := k.whole().until
		k.latest = sync.OnceValues(func() ([]stretch, error) { return k.stretches(until) })
		go k.latest() // beside the question of how much was said
		defer k.latest()
		if found, err := k.count(); err != nil || !found {
			if err != nil {
				yield(nil, s.wrap("read", err))
			}
			return
		}
		for w, err := range k.windows() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, s.wrap("read", err))
				return
			}
			if !k.pages(w, yield) {
				return
			}
		}
	}
}

// count asks how often what must have been said was; found: it was. The index of words knows without reading more.
func (k *seeker) count() (found bool, err error) {
	if k.share = 1; len(k.says) == 0 {
		return true, nil
	}
	query := `SELECT 0 AS n, count() FROM records`
	for i, say := range k.says {
		query += fmt.Sprintf(` UNION ALL SELECT %d AS n, count() FROM records WHERE %s`, i+1, say)
	}
	rows, err := k.s.conn.Query(k.ctx, query)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	counts := make([]uint64, len(k.says)+1)
	for rows.Next() {
		var n uint8
		var count uint64
		if err := rows.Scan(&n, &count); err != nil {
			return false, err
		}
		counts[n] = count
	}
	k.least = slices.Min(counts[1:])
	rarest := slices.Index(counts[1:], k.least)
	k.says[0], k.says[rarest] = k.says[rarest], k.says[0]
	k.share = float64(k.least) / float64(max(counts[0], 1))
	return k.least > 0, rows.Err()
}

// few reports whether one of the conditions holds for so few records that all of them are asked for at once, whenever they were made.
func (k *seeker) few() bool { return len(k.says) > 0 && k.least <= k.bounds.few }

// seek bounds what a search asks for at once.
type seek struct {
	few   uint64  // records that say what must have been said: up to so many are asked for whenever they were made
	tying int     // records that are noted with those of a window, since what they said may be said of others
	aside float64 // records of a window: up to so many, all that hang on others are asked for while it is asked what was said
}

var usual = seek{few: 1 << 9, tying: 1 << 16, aside: 1 << 14}

// Pages grow: at first few hits are enough for most.
const (
	firstPage = 64
	mostPage  = 1 << 14
	mostSpan  = 1 << 20 // Seqs between the first and the last of each session, all together: who reads a block makes an index of them
)

// pages yields what may be hits in a window. false: nobody wants more, or it can't be read.
func (k *seeker) pages(w window, yield func(*record.Block, error) bool) bool {
	if k.dense(w) {
		b, err := k.all(w)
		if err != nil {
			yield(nil, k.s.wrap("read", err))
			return false
		}
		return (b.Count == 0 || yield(b, nil)) && yield(end(w.after), nil)
	}
	leads, err := k.leads(w)
	for size := firstPage; err == nil && len(leads) > 0; size = min(8*size, mostPage) {
		page := leads[:turn(leads, size)]
		leads = leads[len(page):]
		var b *record.Block
		if b, err = k.fetch(w, page); err != nil {
			break
		}
		upTo := w.after
		if len(leads) > 0 {
			upTo = leads[0].at
		}
		if !yield(b, nil) || !yield(end(upTo), nil) {
			return false
		}
		err = k.ctx.Err()
	}
	if err != nil {
		yield(nil, k.s.wrap("read", err))
	}
	return err == nil
}

// end is a block that says that nothing is left behind a time.
func end(at int64) *record.Block {
	b := &record.Block{First: at, Last: at, Part: true, Beside: []record.Record{}}
	return b.WithRaw([]byte{})
}

// dense reports whether each record of a window may be a hit for all we know, or there are so few that asking first which may be
// costs more than reading them.
func (k *seeker) dense(w window) bool {
	return len(k.says) == 0 && (k.n.Verdict == 0 || w.count <= manyLeads)
}

// all reads a window whole.
func (k *seeker) all(w window) (*record.Block, error) {
	h := newHaul()
	if err := k.read(h, k.in(w)); err != nil {
		return nil, err
	}
	var page []lead
	for at, r := range h.rows {
		page = append(page, lead{at: r.At, ref: at, of: r.Of, kind: r.Kind})
	}
	return k.complete(h, sortLeads(page))
}

// turn is how many of some leads make a page.
func turn(leads []lead, size int) int {
	type span struct{ first, last uint64 }
	spans, total := make(map[record.ID]span), uint64(0)
	for i, l := range leads[:min(len(leads), size)] {
		was, seen := spans[l.session]
		now := span{min(was.first, l.seq), max(was.last, l.seq)}
		if !seen {
			now = span{l.seq, l.seq}
			total++
		}
		if total += now.last - now.first - (was.last - was.first); i > 0 && total > mostSpan {
			return i
		}
		spans[l.session] = now
	}
	return min(len(leads), size)
}

// matter is what records themselves must be to be hits, apart from what was said.
func matter(n record.Narrow) string {
	var conds []string
	if n.Kinds != 0 {
		conds = append(conds, kindsIn(n.Kinds))
	}
	if n.Refused != 0 {
		conds = append(conds, `(verdict = 'deny' OR NOT `+kindsIn(n.Refused)+`)`)
	}
	if n.Verdict != 0 { // a piece is found for what it goes on, an answer for what it answers
		conds = append(conds, `(verdict = '`+n.Verdict.String()+`' OR kind IN ('data', 'result'))`)
	}
	if len(conds) == 0 {
		return `1`
	}
	return strings.Join(conds, ` AND `)
}

// fits reports what matter asks ClickHouse.
func (k *seeker) fits(r *record.Record) bool {
	kind := uint64(1) << min(r.Kind, 63)
	switch n := &k.n; {
	case n.Kinds != 0 && n.Kinds&kind == 0, n.Refused&kind != 0 && r.Verdict != record.VerdictDeny:
		return false
	case n.Verdict != 0:
		return r.Verdict == n.Verdict || r.Kind == record.KindData || r.Kind == record.KindResult
	}
	return true
}

// kindsIn holds for records of some kinds. The highest bit stands for those of a newer gatefold too.
func kindsIn(kinds uint64) string {
	not := ``
	if kinds>>63 != 0 {
		not, kinds = `NOT `, ^kinds
	}
	var words []string
	for k := record.KindNone; k < 63; k++ {
		if kinds&(1<<k) != 0 {
			words = append(words, `'`+k.String()+`'`)
		}
	}
	if len(words) == 0 {
		words = []string{`''`}
	}
	return `kind ` + not + `IN (` + strings.Join(words, `, `) + `)`
}

// sortLeads puts leads in order, the newest first, each once.
func sortLeads(leads []lead) []lead {
	slices.SortFunc(leads, func(l, m lead) int { return m.compare(l) })
	return slices.CompactFunc(leads, func(l, m lead) bool { return l.ref == m.ref })
}

// refs writes names of records as constants.
func refs(all []ref) string {
	words := make([]string, len(all))
	for i := range all {
		words[i] = fmt.Sprintf(`(%s, %d)`, literal(all[i].session[:]), all[i].seq)
	}
	return strings.Join(words, `, `)
}
