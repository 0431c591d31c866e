package clickhouse

import (
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// window is a time: behind after, up to until. Unix nanoseconds.
type window struct {
	after, until int64
	count        float64     // of records, about
	blocks       []uint64    // batches that may have some; nil: it isn't known
	sessions     []record.ID // that may have some, of those asked for; nil: it isn't known
}

// ever is all time.
var ever = window{after: math.MinInt64, until: math.MaxInt64}

// within holds for what was made in a window, by columns that say when it was or when the first and the last of some were.
func (w window) within(first, last string) string {
	var conds []string
	if w.after != math.MinInt64 {
		conds = append(conds, last+` > `+moment(w.after))
	}
	if w.until != math.MaxInt64 {
		conds = append(conds, first+` <= `+moment(w.until))
	}
	if len(conds) == 0 {
		return `1`
	}
	return strings.Join(conds, ` AND `)
}

func (w window) has(at int64) bool { return at > w.after && at <= w.until }

// there holds for records of a window that are there whole.
func (w window) there() string {
	whole := `SELECT block FROM blocks WHERE ` + w.within(`first`, `last`)
	if w.blocks != nil {
		whole = numberList(w.blocks)
	}
	return w.within(`at`, `at`) + ` AND block IN (` + whole + `)`
}

// live are the sessions that may have records in a window, as a list.
func (w window) live() string {
	if len(w.sessions) > 0 {
		return idList(w.sessions)
	}
	return `SELECT session FROM spans WHERE ` + w.within(`since`, `until`)
}

// numberList writes numbers as constants.
func numberList(all []uint64) string {
	var b []byte
	for i, n := range all {
		if i > 0 {
			b = append(b, `, `...)
		}
		b = strconv.AppendUint(b, n, 10)
	}
	return string(b)
}

// stretch is a time in which so many records were made, evenly for all we know.
type stretch struct {
	block       uint64
	first, last int64
	count       uint64
	sessions    []string // ids, in hex
}

// in is about how many of its records were made in a window.
func (s stretch) in(w window) float64 {
	first, last := max(s.first, w.after), min(s.last, w.until)
	switch {
	case first > last || s.last <= w.after:
		return 0
	case s.first == s.last:
		return float64(s.count)
	}
	return float64(s.count) * float64(last-first) / float64(s.last-s.first)
}

// How many records a window has, about. Where a search finds little the next is larger.
const (
	firstWindow = 1 << 11
	firstSought = 1 << 18 // of which few may be hits
	mostWindow  = 1 << 16
	mostSought  = 1 << 23
	growth      = 4
	enough      = 1 << 7 // how many hits the first window should have, by what is known of words
)

// sizes are how many records the first window has, and the largest.
func (k *seeker) sizes() (first, most float64) {
	switch {
	case len(k.says) > 0:
		first = max(4*firstWindow, enough/k.share)
		return first, max(first, mostWindow/k.share)
	case k.n.Verdict != 0:
		return firstSought, mostSought
	}
	return firstWindow, mostWindow
}

// whole is the time that is searched.
func (k *seeker) whole() window {
	w := ever
	w.count = float64(k.least)
	if k.n.Since != 0 {
		w.after = k.n.Since - 1
	}
	if k.n.Until != 0 {
		w.until = k.n.Until
	}
	return w
}

// windows yields one window after another, back in time, until they cover all.
func (k *seeker) windows() iter.Seq2[window, error] {
	return func(yield func(window, error) bool) {
		size, most := k.sizes()
		whole := k.whole()
		if k.few() {
			yield(whole, nil)
			return
		}
		until, next := whole.until, k.latest
		for {
			all, err := next()
			if err != nil {
				yield(window{}, err)
				return
			}
			if len(all) == 0 {
				return
			}
			end := until
			latest := all[0].last
			for _, s := range all {
				end, latest = min(end, s.first-1), max(latest, s.last)
			}
			end = max(end, whole.after)
			for until = min(until, latest); until > end; size = min(growth*size, most) {
				w := window{after: back(all, until, end, size), until: until}
				w.count = count(all, w)
				if len(all) < mostStretches {
					w.know(all, len(k.which) > 0)
				}
				if !yield(w, nil) {
					return
				}
				until = w.after
			}
			if len(all) < mostStretches || until < k.n.Since {
				return
			}
			next = func() ([]stretch, error) { return k.stretches(until) }
		}
	}
}

// back is how far one has to go back from until for so many records, at most to end.
func back(all []stretch, until, end int64, size float64) int64 {
	if count(all, window{after: end, until: until}) <= size+size/2 {
		return end
	}
	low, high := end, until-1
	for low < high {
		if mid := low + (high-low+1)/2; count(all, window{after: mid, until: until}) >= size {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}

// count is about how many records were made in a window.
func count(all []stretch, w window) (n float64) {
	for _, s := range all {
		n += s.in(w)
	}
	return n
}

// know notes the batches of a window, and their sessions if these were asked for; not where there are too many to name them.
func (w *window) know(all []stretch, sessions bool) {
	found := make(map[record.ID]uint64)
	for _, s := range all {
		if s.first > w.until || s.last <= w.after {
			continue
		}
		w.blocks = append(w.blocks, s.block)
		for _, digits := range s.sessions {
			var id record.ID
			if n, err := hex.Decode(id[:], []byte(digits)[:min(len(digits), 2*len(id))]); n != len(id) || err != nil {
				sessions = false
			}
			found[id] = 0
		}
	}
	if len(w.blocks) > mostListed {
		w.blocks = nil
	}
	if sessions && len(found) <= mostListed {
		w.sessions = keys(found)
	}
}

// mostStretches is how many are read at a time.
const mostStretches = 1 << 12

// stretches are those that began before until, of the records asked for: the latest first.
func (k *seeker) stretches(until int64) ([]stretch, error) {
	first, last, what, from, order := `first`, `last`, `toUInt64(count), emptyArrayString()`, `blocks`, ``
	conds := k.which
	if len(conds) > 0 {
		first, last, what, from, order = `since`, `until`, `toUInt64(sum(last - first + 1)), groupArray(hex(session))`, `spans`, ` GROUP BY writer, block, since, until`
		conds = append([]string{listed}, conds...)
	}
	conds = append([]string{first + ` <= ` + moment(until)}, conds...)
	if k.n.Since != 0 {
		conds = append(conds, last+` >= `+moment(k.n.Since))
	}
	rows, err := k.s.conn.Query(k.ctx, fmt.Sprintf(`SELECT block, toUnixTimestamp64Nano(%s) AS a, toUnixTimestamp64Nano(%s) AS z, %s FROM %s WHERE %s%s ORDER BY z DESC LIMIT %d`,
		first, last, what, from, strings.Join(conds, ` AND `), order, mostStretches))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []stretch
	for rows.Next() {
		var s stretch
		if err := rows.Scan(&s.block, &s.first, &s.last, &s.count, &s.sessions); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
