package replay

import (
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// What a store let go in its time, as it was told to, and of which it kept what the block's head said: nothing proves what the
// records were, but that what is left goes on from them, and that their chains were those that the log says.

// letGoBlock goes on behind a block whose records were let go.
func (v *verifier) letGoBlock(s *record.Sealed) {
	v.follows(s, s.Pos, s.End)
	v.Blocks++
	v.LetGo += s.Count
	if v.log != nil {
		v.log.until(s.End)
	}
	for i := range s.Spans {
		span := &s.Spans[i]
		p := v.proof(span.Session)
		p.enter(v, s.Name, span)
		p.pass(span)
		v.log.letGo(s.Name, span)
	}
	v.log.settle()
}

// pass takes a session on behind records that aren't there any more.
func (p *proof) pass(span *record.Span) {
	p.head, p.next, p.floor, p.torn = span.After, span.Last+1, span.Last, true
	p.line.Last, p.line.Head = span.Last, span.After
	clear(p.open) // their results may be among them
	p.steps = nil
}

// letGo holds the end of a span whose records were let go against what the log says of it.
func (l *logbook) letGo(name string, span *record.Span) {
	if l == nil {
		return
	}
	l.promised[span.Session] = slices.DeleteFunc(l.promised[span.Session], func(p promise) bool {
		if p.last == span.Last && p.chain != span.After {
			l.v.fault(name, "the chain of session %v at #%d is not the one that leaf %d of the log (%s) says", span.Session, span.Last, p.leaf, p.place)
		}
		return p.last <= span.Last
	})
}
