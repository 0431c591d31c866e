package replay

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// proof is how far a session's chain has been verified. Invariant: head is the chain value after record last, unless
// fresh, when nothing of the session was seen yet.
type proof struct {
	line  record.Session // folded from the records
	head  record.Hash
	salts *record.Salter
	fresh bool
	next  uint64 // Seq of the record to come
	torn  bool   // records are missing, which is noted: what was folded is not all

	listed *record.Session // what the directory should say, where it doesn't list the newest blocks; zero ID: nothing

	open  map[uint64]struct{} // actions without their result
	steps []uint64            // steps whose result may come, ascending; the oldest are forgotten
	floor uint64              // steps up to here may be forgotten
}

// maxSteps is how many steps a session's proof remembers.
const maxSteps = 1 << 12 // 4 Ki

func newProof(id record.ID) *proof {
	return &proof{line: record.Session{ID: id}, head: record.Start(id), fresh: true, open: make(map[uint64]struct{})}
}

func (v *verifier) proof(id record.ID) *proof {
	p := v.sessions[id]
	if p == nil {
		p = newProof(id)
		v.sessions[id] = p
	}
	return p
}

func (p *proof) place() string { return "session " + p.line.ID.String() }

// enter checks that the session's part of a block follows on what came before it.
func (p *proof) enter(v *verifier, name string, span *record.Span) {
	place := fmt.Sprintf("%s #%d (%s)", p.place(), span.First, name)
	_, ended := v.closed[p.line.ID]
	switch {
	case ended || p.line.Closed != 0:
		v.fault(place, "the session goes on behind its Close")
	case span.First > p.next && p.skip(v, span):
	case span.First > p.next:
		v.lack(place, "its records #%d to #%d are missing", p.next, span.First-1)
		p.torn, p.floor = true, span.First-1
	case span.First < p.next:
		v.fault(place, "its records #%d to #%d come a second time", span.First, p.next-1)
	case span.Before != p.head:
		v.fault(place, "its chain does not go on from where it was")
	case !p.fresh && span.Secret != p.line.Secret:
		v.fault(place, "its chain goes on with another secret")
	}
	p.head, p.next, p.line.Secret, p.fresh = span.Before, span.First, span.Secret, false
	if p.salts == nil || p.salts.Secret() != span.Secret {
		p.salts = span.Secret.Salts()
	}
}

// skip goes on behind a part of the session that retention took away, if it did.
func (p *proof) skip(v *verifier, span *record.Span) bool {
	c, ok := v.cut(p.line.ID, span.First)
	if !ok {
		return false
	}
	if c.Chain != span.Before {
		v.fault(fmt.Sprintf("%s #%d", p.place(), span.First), "its chain does not go on from where the tombstone says that it was cut")
	}
	p.torn, p.floor = true, c.Last
	return true
}

// record takes the session's next record.
func (p *proof) record(v *verifier, here spot, span *record.Span, r *record.Record, env, payload []byte) {
	if r.Seq != p.next {
		v.fault(here.String(), "record #%d should stand here", p.next)
	}
	if p.line.Closed != 0 {
		v.fault(here.String(), "the session goes on behind its Close")
	}
	p.head = record.Next(p.head, p.salts, r.Seq, env, payload)
	p.next = r.Seq + 1
	p.line.Add(r)
	p.line.Head = p.head
	p.balance(v, here, r)
}

// balance checks that each action ends in exactly one result.
func (p *proof) balance(v *verifier, here spot, r *record.Record) {
	switch {
	case r.Kind.Action():
		p.open[r.Seq] = struct{}{}
	case r.Kind == record.KindParse || r.Kind == record.KindBind:
		if p.steps = append(p.steps, r.Seq); len(p.steps) > maxSteps {
			p.floor = p.steps[maxSteps/2]
			p.steps = slices.Delete(p.steps, 0, maxSteps/2+1)
		}
	case r.Kind == record.KindResult && r.Flags&record.FlagSimple == 0:
		p.settle(v, here, r)
	case r.Kind == record.KindClose:
		for _, seq := range p.unanswered() {
			v.lack(fmt.Sprintf("%s #%d", p.place(), seq), "this action has no result, and the session is closed")
		}
	}
}

func (p *proof) settle(v *verifier, here spot, r *record.Record) {
	if _, ok := p.open[r.Of]; ok {
		delete(p.open, r.Of)
		return
	}
	if i, ok := slices.BinarySearch(p.steps, r.Of); ok {
		p.steps = slices.Delete(p.steps, i, i+1)
		return
	}
	if r.Of == 0 || r.Of > p.floor {
		v.fault(here.String(), "it is the result of #%d, which is no action that waits for one", r.Of)
	}
}

// unanswered are the actions without a result, in order.
func (p *proof) unanswered() []uint64 {
	var all []uint64
	for seq := range p.open {
		all = append(all, seq)
	}
	slices.Sort(all)
	return all
}

// leave checks that the session's part of a block ended as the block's head says, and that of a session that is closed
// the directory says the same.
func (p *proof) leave(v *verifier, name string, span *record.Span) {
	place := fmt.Sprintf("%s #%d (%s)", p.place(), span.Last, name)
	switch {
	case p.next != span.Last+1:
		v.fault(place, "the block's head says that its part ends here, and it ends at #%d", int64(p.next)-1)
	case p.head != span.After:
		v.fault(place, "its records are not those that were chained: its part of this block was changed")
	}
	p.head, p.next = span.After, span.Last+1
	p.line.Head = span.After
	if p.line.Closed == 0 {
		return
	}
	if line, ok, err := v.src.Session(v.ctx, p.line.ID); err == nil && ok && line == p.line {
		v.closed[p.line.ID] = struct{}{}
		delete(v.sessions, p.line.ID)
	}
}

// compare compares a session's line with its records. A gateway that runs may have added to both meanwhile.
func (v *verifier) compare(p *proof, line record.Session) error {
	for range maxCatchUps {
		if line.Last <= p.line.Last && !p.fresh {
			break
		}
		seen := p.next
		if err := v.catchUp(p); err != nil {
			return err
		}
		if seen == p.next {
			break
		}
		if now, ok, err := v.src.Session(v.ctx, line.ID); err != nil {
			return err
		} else if ok {
			line = now
		}
	}
	switch {
	case p.fresh && v.removed(&line):
	case p.fresh:
		v.lack(p.place(), "the directory has a line of it, and there are no records")
	case line == p.line || p.listed != nil && line == *p.listed:
	case line.Last > p.line.Last:
		v.lack(p.place(), "its records #%d to #%d are missing", p.next, line.Last)
	default:
		for _, what := range differences(line, p.line) {
			if !p.torn || what == "Head" || what == "Secret" {
				v.fault(p.place(), "the directory's line says another %s than the records", what)
			}
		}
	}
	return nil
}

// differences names the fields in which two lines differ.
func differences(a, b record.Session) []string {
	var names []string
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if !va.Field(i).Equal(vb.Field(i)) {
			names = append(names, va.Type().Field(i).Name)
		}
	}
	return names
}

// maxCatchUps is how often a session is caught up with: one turn takes far less time than a gateway needs to seal the
// next block.
const maxCatchUps = 100
