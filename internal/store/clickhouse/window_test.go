package clickhouse

import (
	"testing"

	"github.com/gatefold/gatefold/internal/record"
)

// TestBack: a window goes back as far as so many records need, and where little is left to the end.
func TestBack(t *testing.T) {
	all := []stretch{{first: 1000, last: 2000, count: 1000}, {first: 0, last: 1000, count: 100}, {first: 500, last: 500, count: 50}}
	for _, c := range []struct {
		until, end int64
		size       float64
		want       int64
	}{
		{2000, -1, 100, 1900},
		{2000, -1, 700, 1300},
		{2000, -1, 1100, -1}, // what is left is not worth another
		{1000, -1, 10, 900},
		{600, -1, 40, 499}, // all of one moment
		{2000, 1949, 100, 1949},
	} {
		if got := back(all, c.until, c.end, c.size); got != c.want {
			t.Errorf("%v records before %d: back to %d, want %d", c.size, c.until, got, c.want)
		}
	}
}

// TestTurn: a page holds no session from so far apart that an index of its Seqs would take much memory.
func TestTurn(t *testing.T) {
	near := func(session byte, seq uint64) lead { return lead{ref: ref{record.ID{session}, seq}} }
	leads := []lead{near(1, 5_000_000), near(2, 3), near(1, 4_999_000), near(2, 1), near(1, 7), near(3, 1)}
	if n := turn(leads, 100); n != 4 {
		t.Errorf("%d on a page, want 4: the fifth lies five million behind", n)
	}
	if n := turn(leads, 2); n != 2 {
		t.Errorf("%d on a page, want 2", n)
	}
	if n := turn(leads[:1], 100); n != 1 {
		t.Errorf("%d on a page, want 1", n)
	}
}

// TestKindsIn: all kinds but some are those of a newer gatefold too.
func TestKindsIn(t *testing.T) {
	for kinds, want := range map[uint64]string{
		1<<record.KindQuery | 1<<record.KindExecute: `kind IN ('query', 'execute')`,
		^uint64(1 << record.KindResult):             `kind NOT IN ('result')`,
		^uint64(0):                                  `kind NOT IN ('')`,
	} {
		if got := kindsIn(kinds); got != want {
			t.Errorf("%x: %s, want %s", kinds, got, want)
		}
	}
}
