package replay

import (
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// catchUp takes the session's records from blocks that were put since the walk. They may have been rewritten since, with
// blocks that were walked over.
func (v *verifier) catchUp(p *proof) error {
	n := record.Narrow{Sessions: []record.ID{p.line.ID}, First: p.next, Oldest: true}
	for b, err := range v.src.Blocks(v.ctx, n) {
		if v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		if err == nil && b.End > v.end { // else it was walked over, and what is wrong with it named
			v.more(p, fmt.Sprintf("block %016x", b.Pos), b)
		}
	}
	return nil
}

// more verifies what a block has of a session beyond what was seen of it. The block may be a part of one.
func (v *verifier) more(p *proof, name string, b *record.Block) {
	for i := range b.Spans {
		span := &b.Spans[i]
		if span.Session != p.line.ID || !p.fresh && span.Last < p.next {
			continue
		}
		if p.fresh || span.First >= p.next {
			p.enter(v, name, span)
		}
		raw, err := b.Unpack(nil)
		for rest := raw; err == nil && len(rest) > 0; {
			var r record.Record
			env, payload, next, bad := record.NextRecord(rest)
			if bad == nil {
				_, bad = record.Decode(rest, &r)
			}
			here := spot{name, len(raw) - len(rest), r.Session, r.Seq}
			if bad != nil {
				v.fault(here.offset(), "%s", reason(bad))
				return
			}
			if r.Session == span.Session && r.Seq >= p.next {
				v.one(here, span, &r, env, payload)
			}
			rest = next
		}
		if err != nil {
			v.fault(name, "%s", reason(err))
			return
		}
		p.leave(v, name, span)
	}
}
