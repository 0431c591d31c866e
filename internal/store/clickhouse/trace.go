package clickhouse

import (
	"slices"
	"strings"

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

// swarm is what a question tells of one session's records of one kind.
type swarm struct {
	session record.ID
	kind    string
	fits    bool // matter
	seq, of []uint64
	at      []int64
	vague   []uint8
}

// vague holds for records to which pieces or long data belong.
const vague = `bitTest(flags, 0) OR kind = 'bind' AND length(params_form) = 1 AND bitAnd(params_form[1], 255) = 2 OR kind = 'execute' AND notEmpty(params_form)`

// ask asks which records there are, of those for which something holds.
func (k *seeker) ask(which string) (all []swarm, err error) {
	rows, err := k.s.conn.Query(k.ctx, `SELECT session, toString(kind) AS k, `+matter(k.n)+` AS fits, groupArray(seq), groupArray(of),
		groupArray(toUnixTimestamp64Nano(at)), groupArray(toUInt8(`+vague+`)) FROM records WHERE `+which+` GROUP BY session, k, fits`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w swarm
		var id string
		var fits uint8
		if err := rows.Scan(&id, &w.kind, &fits, &w.seq, &w.of, &w.at, &w.vague); err != nil {
			return nil, err
		}
		copy(w.session[:], id)
		w.fits = fits != 0
		all = append(all, w)
	}
	return all, rows.Err()
}

// in are conditions on the window and on the sessions.
func (k *seeker) in(w window) string {
	if len(w.sessions) > 0 {
		return w.within() + ` AND session IN (` + idList(w.sessions) + `)`
	}
	return strings.Join(append([]string{w.within()}, k.which...), ` AND `)
}

// leads are the records of a window that may be hits, the newest first.
func (k *seeker) leads(w window) (leads []lead, err error) {
	if len(k.says) > 0 {
		return k.saidLeads(w)
	}
	all, err := k.ask(k.in(w) + ` AND (` + matter(k.n) + `)` + k.pieces())
	if err != nil {
		return nil, err
	}
	for i := range all {
		leads = all[i].lead(leads, nil)
	}
	return sortLeads(leads), nil
}

// pieces leaves out those of a value that goes on in the next.
func (k *seeker) pieces() string {
	if k.n.Pieces {
		return ``
	}
	return ` AND NOT (kind = 'data' AND bitTest(flags, 0))`
}

// lead adds those that are leads; nil: all are.
func (w *swarm) lead(leads []lead, is func(i int) bool) []lead {
	for i := range w.seq {
		if is == nil || is(i) {
			leads = append(leads, lead{w.at[i], ref{w.session, w.seq[i]}, w.of[i], w.kind})
		}
	}
	return leads
}

// saidLeads are those with which what must have been said was.
func (k *seeker) saidLeads(w window) (leads []lead, err error) {
	said := make(map[ref]uint64)
	var heard []swarm
	for bit, say := range k.says {
		all, err := k.ask(k.in(w) + ` AND ` + say)
		if err != nil {
			return nil, err
		}
		for i := range all {
			for _, seq := range all[i].seq {
				said[ref{all[i].session, seq}] |= 1 << bit
			}
		}
		heard = append(heard, all...)
	}
	every := uint64(1)<<len(k.says) - 1
	for i := range heard {
		s := &heard[i]
		if !s.fits || s.kind == "execute" || s.kind == "bind" || s.kind == "data" {
			continue
		}
		leads = s.lead(leads, func(i int) bool { return s.kind == "result" || said[ref{s.session, s.seq[i]}] == every })
	}
	which := k.in(w) + ` AND kind IN (` + k.tied() + `)` + k.pieces()
	if k.few != "" {
		which += ` AND session IN (SELECT session FROM records WHERE ` + k.few + `)`
	}
	others, err := k.ask(which)
	if err != nil {
		return nil, err
	}
	if err := k.tie(others, said); err != nil {
		return nil, err
	}
	for i := range others {
		s := &others[i]
		if !s.fits {
			continue
		}
		leads = s.lead(leads, func(i int) bool {
			of := ref{s.session, s.of[i]}
			if s.kind == "data" || s.vague[i] != 0 && (s.kind == "bind" || k.knots[of].bind) {
				return true
			}
			return k.behind(of, said[ref{s.session, s.seq[i]}]) == every
		})
	}
	return sortLeads(leads), nil
}

// tied are the kinds of which others say what belongs to them, as far as they are asked for.
func (k *seeker) tied() string {
	kinds := []string{`'data'`}
	if n := k.n; n.Kinds == 0 || n.Kinds&^n.Refused&(1<<record.KindExecute|1<<record.KindBind) != 0 || n.Refused&(1<<record.KindBind) != 0 {
		kinds = append(kinds, `'execute'`, `'bind'`)
	}
	return strings.Join(kinds, `, `)
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
func (k *seeker) tie(all []swarm, said map[ref]uint64) error {
	if len(k.knots) > mostKnots {
		clear(k.knots)
	}
	for i := range all {
		s := &all[i]
		for j := range s.seq {
			if at := (ref{s.session, s.seq[j]}); s.kind == "bind" {
				k.knots[at] = knot{of: s.of[j], bind: true, vague: s.vague[j] != 0, said: said[at]}
			}
		}
	}
	var missing []ref
	for i := range all {
		s := &all[i]
		for j := range s.of {
			if s.kind == "bind" || s.kind == "execute" {
				missing = append(missing, ref{s.session, s.of[j]})
			}
		}
	}
	for len(missing) > 0 {
		var err error
		if missing, err = k.look(missing); err != nil {
			return err
		}
	}
	return nil
}

const (
	mostKnots = 1 << 20
	mostRefs  = 1 << 10 // named one by one in a query
)

// look looks up knots that are not known yet, and returns what those refer to.
func (k *seeker) look(all []ref) (next []ref, err error) {
	all = slices.DeleteFunc(all, func(at ref) bool {
		_, known := k.knots[at]
		if !known {
			k.knots[at] = knot{} // so that each is asked for once
		}
		return known || at.seq == 0
	})
	for some := range slices.Chunk(all, mostRefs) {
		named := `(session, seq) IN (` + refs(some) + `)`
		found, err := k.ask(named + ` AND kind IN ('bind', 'parse')`)
		if err != nil {
			return nil, err
		}
		for i := range found {
			s := &found[i]
			for j := range s.seq {
				k.knots[ref{s.session, s.seq[j]}] = knot{of: s.of[j], bind: s.kind == "bind", vague: s.vague[j] != 0}
				if s.kind == "bind" {
					next = append(next, ref{s.session, s.of[j]})
				}
			}
		}
		for bit, say := range k.says {
			found, err := k.ask(named + ` AND ` + say)
			if err != nil {
				return nil, err
			}
			for i := range found {
				for _, seq := range found[i].seq {
					at := ref{found[i].session, seq}
					knot := k.knots[at]
					knot.said |= 1 << bit
					k.knots[at] = knot
				}
			}
		}
	}
	return next, nil
}
