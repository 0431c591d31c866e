package clickhouse

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// haul is what is read for one page.
type haul struct {
	rows    map[ref]*row
	answers map[ref]bool // what is answered for good
	named   bool         // the two that come behind each record of the page were asked for
}

func newHaul() *haul { return &haul{rows: make(map[ref]*row), answers: make(map[ref]bool)} }

// latest reports whether nothing comes behind a record of the page, and so no answer.
func (h *haul) latest(at ref) bool {
	return h.named && h.rows[ref{at.session, at.seq + 1}] == nil && h.rows[ref{at.session, at.seq + 2}] == nil
}

// fetch reads the records of a page, and what belongs to them: bindings, statements and answers.
func (k *seeker) fetch(w window, page []lead) (*record.Block, error) {
	h := newHaul()
	if err := k.fetchPage(h, w, page); err != nil {
		return nil, err
	}
	return k.complete(h, page)
}

// complete reads what belongs to the records of a page and isn't read yet, and makes a block of all.
func (k *seeker) complete(h *haul, page []lead) (*record.Block, error) {
	for range 3 { // from an answer to an execution, its binding and its statement
		if more, err := k.fetchBeside(h, page); err != nil || !more {
			return k.block(h, page), err
		}
	}
	return k.block(h, page), nil
}

// manyLeads is from how many on records are read by their time and sessions, and not by name.
const manyLeads = 1 << 10

func (k *seeker) fetchPage(h *haul, w window, page []lead) error {
	if len(page) > manyLeads {
		return k.read(h, k.in(window{after: page[len(page)-1].at - 1, until: page[0].at, sessions: w.sessions}))
	}
	h.named = true
	var named []ref
	for _, l := range page {
		named = append(named, l.ref, ref{l.session, l.seq + 1}, ref{l.session, l.seq + 2}) // what came of it most often comes next
		if l.of != 0 {
			named = append(named, k.unread(ref{l.session, l.of})...)
			if knot, ok := k.knots[ref{l.session, l.of}]; ok && knot.bind {
				named = append(named, k.unread(ref{l.session, knot.of})...)
			}
		}
	}
	for some := range slices.Chunk(distinct(named), mostRefs) {
		if err := k.read(h, `(session, seq) IN (`+refs(some)+`)`); err != nil {
			return err
		}
	}
	return nil
}

func distinct(all []ref) []ref {
	slices.SortFunc(all, func(a, b ref) int {
		return cmp.Or(bytes.Compare(a.session[:], b.session[:]), cmp.Compare(a.seq, b.seq))
	})
	return slices.Compact(all)
}

// unread is the record, unless an earlier page had it.
func (k *seeker) unread(at ref) []ref {
	if _, kept := k.kept[at]; kept {
		return nil
	}
	return []ref{at}
}

// fetchBeside reads what the records of a page refer to, and what came of them, where it isn't read yet. more: there was something.
func (k *seeker) fetchBeside(h *haul, page []lead) (more bool, err error) {
	var named, open []ref
	for _, l := range page {
		if at, missing := k.missing(h, l.ref); missing {
			named = append(named, at)
		}
		at := l.ref
		if l.kind == record.KindData {
			at.seq = l.of
		}
		if r := h.rows[at]; r != nil && !h.answers[at] && !h.latest(l.ref) && k.answered(r) {
			h.answers[at] = true // asked for once
			open = append(open, at)
		}
	}
	named, open = distinct(named), distinct(open)
	for more = len(named)+len(open) > 0; len(named)+len(open) > 0; {
		n, o := min(len(named), mostRefs/2), min(len(open), mostRefs/2)
		var which []string
		if n > 0 {
			which = append(which, `(session, seq) IN (`+refs(named[:n])+`)`)
		}
		if o > 0 {
			sessions := make(map[record.ID]uint64)
			for _, at := range open[:o] {
				sessions[at.session] = 0
			}
			which = append(which, `kind = 'result' AND session IN (`+idList(keys(sessions))+`) AND (session, of) IN (`+refs(open[:o])+`)`)
		}
		if err := k.read(h, strings.Join(which, ` OR `)); err != nil {
			return false, err
		}
		named, open = named[n:], open[o:]
	}
	return more, nil
}

// answered reports whether what came of a record belongs to a hit: most bindings and statements have no answer.
func (k *seeker) answered(r *row) bool {
	switch {
	case r.Kind != record.KindParse && r.Kind != record.KindBind:
		return r.Kind.Action()
	case k.n.Refused&(1<<r.Kind) != 0:
		return r.Verdict == record.VerdictDeny
	}
	return k.n.Kinds == 0 || k.n.Kinds&(1<<r.Kind) != 0
}

// missing follows what a record refers to, to what isn't read yet.
func (k *seeker) missing(h *haul, at ref) (ref, bool) {
	for range 4 {
		r := h.rows[at]
		if r == nil {
			_, kept := k.kept[at]
			return at, !kept
		}
		switch r.Kind {
		case record.KindExecute, record.KindBind, record.KindResult, record.KindData:
			at.seq = r.Of
		default:
			return at, false
		}
		if at.seq == 0 {
			break
		}
	}
	return at, false
}

// read reads rows.
func (k *seeker) read(h *haul, which string) error {
	return k.s.eachRow(k.ctx, nil, which, func(r *row) {
		at := ref{r.Session, r.Seq}
		if was := h.rows[at]; was != nil && len(was.Erased) > 0 {
			return // it is there twice until parts are merged: what is erased stays so
		}
		own := *r
		h.rows[at] = &own
		if r.Kind == record.KindResult && r.Flags&record.FlagSimple == 0 {
			h.answers[ref{r.Session, r.Of}] = true
		}
	})
}

// mostKept is how many statements are kept.
const mostKept = 1 << 12

// block makes a block of a page.
func (k *seeker) block(h *haul, page []lead) *record.Block {
	b := &record.Block{Part: true}
	if len(page) > 0 {
		b.Last, b.First = page[0].at, page[len(page)-1].at
	}
	spans := make(map[record.ID]int)
	found := make(map[ref]bool, len(page))
	var raw []byte
	for _, l := range page {
		r := h.rows[l.ref]
		if r == nil || found[l.ref] {
			continue // it was let go meanwhile
		}
		found[l.ref] = true
		raw = record.AppendRecord(raw, &r.Record)
		b.Count++
		b.Kinds |= 1 << min(r.Kind, 63)
		i, ok := spans[r.Session]
		if !ok {
			i = len(b.Spans)
			spans[r.Session] = i
			b.Spans = append(b.Spans, record.Span{Session: r.Session, First: r.Seq, Last: r.Seq})
		}
		b.Spans[i].First, b.Spans[i].Last = min(b.Spans[i].First, r.Seq), max(b.Spans[i].Last, r.Seq)
	}
	b.Raw = len(raw)
	k.s.near.gave(slices.Values(b.Spans))
	k.beside(b, h, found)
	return b.WithRaw(raw)
}

// beside adds to a block what its records refer to.
func (k *seeker) beside(b *record.Block, h *haul, found map[ref]bool) {
	if len(k.kept) > mostKept {
		clear(k.kept)
	}
	given := make(map[ref]bool)
	b.Beside = []record.Record{}
	for at, r := range h.rows {
		if r.Kind == record.KindParse {
			k.kept[at] = r.Record
		}
		if !found[at] {
			given[at] = true
			b.Beside = append(b.Beside, r.Record)
		}
	}
	for _, r := range h.rows {
		at := ref{r.Session, r.Of}
		if kept, ok := k.kept[at]; ok && !given[at] && !found[at] {
			given[at] = true
			b.Beside = append(b.Beside, kept)
		}
	}
}
