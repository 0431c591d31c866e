package replay

import (
	"context"
	"fmt"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// maxFaults is how many faults a report names; the rest is counted.
const maxFaults = 1000

// Report is what Verify found. Two verdicts: intact, that nothing which is there was changed; complete, that nothing is
// missing. A session that is still open is neither damaged nor incomplete.
type Report struct {
	Blocks, Records, Sessions, Actions int
	Open                               int   // sessions without a Close
	Redacted                           int   // payloads that were erased, each with a record of who and why
	First, Last                        int64 // the earliest and the latest record, unix nanoseconds
	Faults                             []record.Fault
	More                               int // faults beyond those named

	damaged, missing bool
}

// Intact reports whether nothing that is there was changed.
func (r *Report) Intact() bool { return !r.damaged }

// Complete reports whether nothing is missing.
func (r *Report) Complete() bool { return !r.missing }

func (r *Report) add(f record.Fault) {
	if f.Missing {
		r.missing = true
	} else {
		r.damaged = true
	}
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, f)
	} else {
		r.More++
	}
}

// Verify computes everything again: the blocks' sums, that they follow one another, each session's chain across them,
// that each action has its result, and that the directory says the same. progress, if not nil, is called after each
// block with the report so far. The report is valid as far as it got where there is an error.
//
// What it can't know is that the newest blocks and all that the directory says of them were taken away together.
func Verify(ctx context.Context, src Source, progress func(*Report)) (*Report, error) {
	v := &verifier{ctx: ctx, src: src, sessions: make(map[record.ID]*proof), closed: make(map[record.ID]struct{})}
	for sealed, err := range src.Walk(ctx) {
		if err != nil {
			return &v.Report, err
		}
		v.sealed(&sealed)
		if progress != nil {
			progress(&v.Report)
		}
	}
	if err := v.directory(); err != nil {
		return &v.Report, err
	}
	return &v.Report, collect(src.Check(ctx), v.add)
}

func collect(faults iter.Seq2[record.Fault, error], add func(record.Fault)) error {
	for f, err := range faults {
		if err != nil {
			return err
		}
		add(f)
	}
	return nil
}

// verifier goes through the blocks in order.
type verifier struct {
	Report
	ctx context.Context
	src Source

	end      uint64   // where the next block must begin
	known    bool     // end is known
	unlisted []string // blocks that the directory doesn't list: at the very end that is no fault, see sealed
	sessions map[record.ID]*proof
	closed   map[record.ID]struct{} // ended, and their lines compared
	raw      []byte                 // reused
}

// fault notes that something is not as it was sealed.
func (v *verifier) fault(place, format string, args ...any) {
	v.add(record.Fault{Place: place, What: fmt.Sprintf(format, args...)})
}

// lack notes that something isn't there.
func (v *verifier) lack(place, format string, args ...any) {
	v.add(record.Fault{Place: place, What: fmt.Sprintf(format, args...), Missing: true})
}

// directory compares the sessions' lines with what their records say.
func (v *verifier) directory() error {
	for line, err := range v.src.Sessions(v.ctx, record.Narrow{Oldest: true}) {
		if err != nil {
			return err
		}
		v.Sessions++
		if line.Closed == 0 {
			v.Open++
		}
		if _, ok := v.closed[line.ID]; ok {
			continue
		}
		if err := v.compare(v.proof(line.ID), line); err != nil {
			return err
		}
		delete(v.sessions, line.ID)
	}
	for _, p := range v.sessions {
		if p.listed == nil || !p.listed.ID.IsZero() {
			v.lack(p.place(), "the directory has no line of it")
		}
	}
	return nil
}
