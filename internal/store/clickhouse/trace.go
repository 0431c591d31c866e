package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gatefold/gatefold/internal/record"
)

// What was said may stand in other records than the hit: an execution refers to a binding and that to a statement. They are
// followed here, by numbers and by the index of words, without reading what they say.

// knot is a binding or a statement that executions refer to.
type knot struct {
	of    uint64
	bind  bool
	vague bool   // more belongs to it than stands in it: anything may have been said
	said  uint64 // a bit for each of the conditions
}

// traces are the columns that tell whether a record may be a hit, apart from what was said.
var traces = []string{"session", "seq", "of", "at", "kind", "verdict", "flags", "params_form"}

// ask asks which records there are, of those for which something holds.
func (k *seeker) ask(which string) (all []lead, err error) {
	err = k.s.eachRow(k.ctx, traces, which, func(r *row) {
		all = append(all, lead{at: r.At, ref: ref{r.Session, r.Seq}, of: r.Of, kind: r.Kind, fits: k.fits(&r.Record), vague: r.vague()})
	})
	return all, err
}

// vague reports whether pieces or long data belong to a record.
func (r *row) vague() bool {
	switch {
	case r.Flags&record.FlagMore != 0:
		return true
	case r.Kind == record.KindBind:
		return len(r.forms) == 1 && uint8(r.forms[0]) == record.FormatMySQL
	}
	return r.Kind == record.KindExecute && len(r.forms) > 0
}

// in are conditions on the window and on the sessions.
func (k *seeker) in(w window) string {
	if len(w.sessions) > 0 {
		return w.there() + ` AND session IN (` + idList(w.sessions) + `)`
	}
	return strings.Join(append([]string{w.there()}, k.which...), ` AND `)
}

// leads are the records of a window that may be hits, the newest first.
func (k *seeker) leads(w window) (leads []lead, err error) {
	if len(k.says) > 0 {
		leads, err = k.saidLeads(w)
	} else {
		leads, err = k.ask(k.in(w) + ` AND (` + matter(k.n) + `)` + k.pieces())
	}
	return sortLeads(leads), err
}

// pieces leaves out those of a value that goes on in the next.
func (k *seeker) pieces() string {
	if k.n.Pieces {
		return ``
	}
	return ` AND NOT (kind = 'data' AND bitTest(flags, 0))`
}

// saidLeads are those with which what must have been said was.
func (k *seeker) saidLeads(w window) (leads []lead, err error) {
	var aside func() ([]lead, error) // nil: it is worth knowing first whose they are
	if !k.few() && w.count <= k.bounds.aside {
		aside = sync.OnceValues(func() ([]lead, error) { return k.ask(k.tiedIn(w)) })
		go aside()
		defer aside()
	}
	said, heard, err := k.hear(w)
	if err != nil || len(heard) == 0 && k.few() {
		return nil, err
	}
	every := uint64(1)<<len(k.says) - 1
	for _, l := range heard {
		if l.fits && w.has(l.at) && !slices.Contains(tied, l.kind) && (l.kind == record.KindResult || said[l.ref] == every) {
			leads = append(leads, l)
		}
	}
	others, err := k.others(w, heard, aside)
	if err == nil {
		err = k.tie(others, said)
	}
	for _, l := range others {
		of := ref{l.session, l.of}
		vague := l.kind == record.KindData || l.vague && (l.kind == record.KindBind || k.knots[of].bind)
		if l.fits && (vague || k.behind(of, said[l.ref]) == every) {
			leads = append(leads, l)
		}
	}
	return leads, err
}

// hear asks which records of a window said what, the rarest first: with those of its sessions from which this may be said of others,
// behind them, whenever they were made. Where few said it, all are asked for, and what else was said only in their sessions.
func (k *seeker) hear(w window) (said map[ref]uint64, heard []lead, err error) {
	said = make(map[ref]uint64)
	from := k.in(w)
	first := fmt.Sprintf(`session IN (%s) AND (%s OR %s) AND %s LIMIT %d`, w.live(), from, tying, k.says[0], k.bounds.tying)
	if k.few() {
		first = k.in(ever) + ` AND ` + k.says[0]
	}
	all, err := k.ask(first)
	if k.known = k.few() || len(all) < k.bounds.tying; err == nil && !k.known {
		all, err = k.ask(from + ` AND ` + k.says[0])
	}
	if k.few() && len(all) > 0 {
		from = k.in(ever) + ` AND session IN (` + idList(sessionsOf(all)) + `)`
	}
	for bit := range k.says {
		if bit > 0 && err == nil {
			all, err = k.ask(from + ` AND ` + k.says[bit])
		}
		if err != nil || len(heard)+len(all) == 0 && k.few() {
			return nil, nil, err
		}
		for _, l := range all {
			said[l.ref] |= 1 << bit
		}
		heard = append(heard, all...)
	}
	return said, heard, nil
}

// sessionsOf are the sessions of some leads.
func sessionsOf(all []lead) []record.ID {
	found := make(map[record.ID]uint64)
	for _, l := range all {
		found[l.session] = 0
	}
	return keys(found)
}

// others are the records of a window that may be hits for what those behind them said: of the sessions in which such a one said
// the rarest. aside has those of all sessions.
func (k *seeker) others(w window, heard []lead, aside func() ([]lead, error)) (all []lead, err error) {
	if !k.known {
		if aside != nil {
			return aside()
		}
		return k.ask(k.tiedIn(w) + ` AND session IN (SELECT session FROM records WHERE ` + k.says[0] + ` AND ` + tying + ` AND session IN (` + w.live() + `))`)
	}
	whose := sessionsOf(slices.DeleteFunc(slices.Clone(heard), func(l lead) bool {
		return !l.vague && l.kind != record.KindParse && !slices.Contains(tied, l.kind)
	}))
	if aside != nil {
		all, err = aside()
		return slices.DeleteFunc(slices.Clone(all), func(l lead) bool { return !slices.Contains(whose, l.session) }), err
	}
	for some := range slices.Chunk(whose, mostListed) {
		more, err := k.ask(k.tiedIn(w) + ` AND session IN (` + idList(some) + `)`)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// tiedIn holds for those of a window to which what was said in others belongs.
func (k *seeker) tiedIn(w window) string { return k.in(w) + ` AND ` + k.tied() + k.pieces() }

// tied are the kinds of records to which what was said in others belongs; tying are those of which it may be.
var (
	tied  = []record.Kind{record.KindExecute, record.KindBind, record.KindData}
	tying = `(` + kindsIn(1<<record.KindParse|1<<record.KindExecute|1<<record.KindBind|1<<record.KindData) + ` OR bitTest(flags, 0))`
)

// tied are those of these kinds that are asked for.
func (k *seeker) tied() string {
	kinds := uint64(1) << record.KindData
	if n := k.n; n.Kinds == 0 || n.Kinds&^n.Refused&(1<<record.KindExecute|1<<record.KindBind) != 0 || n.Refused&(1<<record.KindBind) != 0 {
		kinds |= 1<<record.KindExecute | 1<<record.KindBind
	}
	return kindsIn(kinds)
}

// behind adds what was said by the knots that a record hangs on. Vague ones may have said anything.
func (k *seeker) behind(at ref, said uint64) uint64 {
	for range 2 { // a binding and its statement
		knot, ok := k.knots[at]
		if !ok {
			break
		}
		if knot.vague {
			return 1<<len(k.says) - 1
		}
		said |= knot.said
		if !knot.bind {
			break
		}
		at.seq = knot.of
	}
	return said
}

// tie looks up what executions and bindings refer to.
func (k *seeker) tie(all []lead, said map[ref]uint64) (err error) {
	if len(k.knots) > mostKnots {
		clear(k.knots)
	}
	var missing []ref
	for _, l := range all {
		if l.kind == record.KindBind {
			k.knots[l.ref] = l.knot(said)
		}
		if l.kind != record.KindData {
			missing = append(missing, ref{l.session, l.of})
		}
	}
	for err == nil && len(missing) > 0 {
		missing, err = k.look(missing, said)
	}
	return err
}

func (l *lead) knot(said map[ref]uint64) knot {
	return knot{of: l.of, bind: l.kind == record.KindBind, vague: l.vague, said: said[l.ref]}
}

const (
	mostKnots = 1 << 20
	mostRefs  = 1 << 10 // named one by one in a query
)

// look looks up knots that are not known yet, and returns what those refer to.
func (k *seeker) look(all []ref, said map[ref]uint64) (next []ref, err error) {
	all = slices.DeleteFunc(all, func(at ref) bool {
		_, known := k.knots[at]
		if !known {
			k.knots[at] = knot{said: said[at]} // so that each is asked for once
		}
		return known || at.seq == 0
	})
	for some := range slices.Chunk(all, mostRefs) {
		named := `(session, seq) IN (` + refs(some) + `)`
		found, err := k.ask(named + ` AND ` + kindsIn(1<<record.KindBind|1<<record.KindParse))
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			k.knots[l.ref] = l.knot(said)
			if l.kind == record.KindBind {
				next = append(next, ref{l.session, l.of})
			}
		}
		for bit, say := range k.says {
			if bit == 0 && k.known {
				continue
			}
			found, err := k.ask(named + ` AND ` + say)
			if err != nil {
				return nil, err
			}
			for _, l := range found {
				knot := k.knots[l.ref]
				knot.said |= 1 << bit
				k.knots[l.ref] = knot
			}
		}
	}
	return next, nil
}
