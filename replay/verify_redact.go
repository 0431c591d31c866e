package replay

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
)

// erasure collects the payloads that were erased and the records that tell of erasing: neither may be without the other's
// word for it.
type erasure struct {
	found []place
	told  map[place]struct{}
}

func (e *erasure) add(r *record.Record) {
	if len(r.Erased) > 0 {
		e.found = append(e.found, place{r.Session, r.Seq})
	}
	if r.Kind == record.KindRedact {
		if e.told == nil {
			e.told = make(map[place]struct{})
		}
		e.told[place{r.Parent, r.Of}] = struct{}{}
	}
}

// erased notes what was erased without a record of who did it and why.
func (v *verifier) erased() {
	v.Redacted = len(v.erasure.found)
	slices.SortFunc(v.erasure.found, func(a, b place) int {
		if c := bytes.Compare(a.session[:], b.session[:]); c != 0 {
			return c
		}
		return int(int64(a.seq) - int64(b.seq))
	})
	for _, p := range v.erasure.found {
		if _, ok := v.erasure.told[p]; !ok {
			v.fault(fmt.Sprintf("session %v #%d", p.session, p.seq), "its payload was erased, and no record tells who did it and why")
		}
	}
}

// remove keeps what tombstones say was taken away.
func (v *verifier) remove(stones []checkpoint.Tombstone) {
	for i := range stones {
		v.gone = append(v.gone, stones[i].Gone...)
		for _, c := range stones[i].Cuts {
			v.cuts[c.Session] = append(v.cuts[c.Session], c)
		}
	}
	slices.SortFunc(v.gone, func(a, b checkpoint.Range) int { return int(int64(a.From) - int64(b.From)) })
}

// letGo reports whether all blocks between two positions were removed by retention.
func (v *verifier) letGo(from, to uint64) bool {
	for _, r := range v.gone {
		if r.From <= from && from < r.To {
			from = r.To
		}
	}
	return from >= to
}

// cut finds the tombstone behind which a session goes on with first.
func (v *verifier) cut(id record.ID, first uint64) (checkpoint.Cut, bool) {
	for _, c := range v.cuts[id] {
		if c.Last+1 == first {
			return c, true
		}
	}
	return checkpoint.Cut{}, false
}

// removed reports whether a session was removed as a whole, up to its line's last record.
func (v *verifier) removed(line *record.Session) bool {
	for _, c := range v.cuts[line.ID] {
		if c.Last == line.Last && c.Chain == line.Head {
			return true
		}
	}
	return false
}
