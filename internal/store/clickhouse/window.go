package clickhouse

import (
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// window is a time: behind after, up to until. Unix nanoseconds.
type window struct {
	after, until int64
	count        float64     // of records, about
	sessions     []record.ID // that may have some, of those asked for; nil: it isn't known
}

// within holds for records of a window that are there whole.
func (w window) within() string {
	return fmt.Sprintf(`at > %s AND at <= %s AND block IN (SELECT block FROM blocks WHERE last > %[1]s AND first <= %[2]s)`, moment(w.after), moment(w.until))
}

// stretch is a time in which so many records were made, evenly for all we know.
type stretch struct {
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
	enough      = 1 << 9 // how many hits the first window should have, by what is known of words
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

// windows yields one window after another, back in time, until they cover all.
func (k *seeker) windows() iter.Seq2[window, error] {
	return func(yield func(window, error) bool) {
		size, most := k.sizes()
		until := int64(math.MaxInt64)
		if k.n.Until != 0 {
			until = k.n.Until
		}
		for {
			all, err := k.stretches(until)
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
			if k.n.Since != 0 {
				end = max(end, k.n.Since-1)
			}
			for until = min(until, latest); until > end; size = min(growth*size, most) {
				w := window{after: back(all, until, end, size), until: until}
				w.count = count(all, w)
				if len(k.which) > 0 && len(all) < mostStretches {
					w.sessions = sessionsIn(all, w)
				}
				if !yield(w, nil) {
					return
				}
				until = w.after
			}
			if len(all) < mostStretches || until < k.n.Since {
				return
			}
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

// sessionsIn are the sessions that a window may have records of; nil: there are too many to name them.
func sessionsIn(all []stretch, w window) []record.ID {
	found := make(map[record.ID]uint64)
	for _, s := range all {
		if s.first > w.until || s.last <= w.after {
			continue
		}
		for _, digits := range s.sessions {
			var id record.ID
			if n, err := hex.Decode(id[:], []byte(digits)[:min(len(digits), 2*len(id))]); n != len(id) || err != nil {
				return nil
			}
			found[id] = 0
		}
		if len(found) > mostListed {
			return nil
		}
	}
	return keys(found)
}

// mostStretches is how many are read at a time.
const mostStretches = 1 << 12

// stretches are those that began before until, of the records asked for: the latest first.
func (k *seeker) stretches(until int64) ([]stretch, error) {
	first, last, what, from, order := `first`, `last`, `toUInt64(count), emptyArrayString()`, `blocks`, ``
	conds := k.which
	if len(conds) > 0 {
		first, last, what, from, order = `since`, `until`, `toUInt64(sum(last - first + 1)), groupArray(hex(session))`, `spans`, ` GROUP BY writer, block, since, until`
	}
	conds = append([]string{first + ` <= ` + moment(until)}, conds...)
	if k.n.Since != 0 {
		conds = append(conds, last+` >= `+moment(k.n.Since))
	}
	rows, err := k.s.conn.Query(k.ctx, fmt.Sprintf(`SELECT toUnixTimestamp64Nano(%s) AS a, toUnixTimestamp64Nano(%s) AS z, %s FROM %s WHERE %s%s ORDER BY z DESC LIMIT %d`,
		first, last, what, from, strings.Join(conds, ` AND `), order, mostStretches))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []stretch
	for rows.Next() {
		var s stretch
		if err := rows.Scan(&s.first, &s.last, &s.count, &s.sessions); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
