package replay

import (
	"context"
	"fmt"
	"iter"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
)

// maxFaults is how many faults a report names; the rest is counted.
const maxFaults = 1000

// Report is what Verify found. Two verdicts: intact, that nothing which is there was changed; complete, that nothing is
// missing. A session that is still open is neither damaged nor incomplete.
type Report struct {
	Blocks, Records, Sessions, Actions int
	Open                               int   // sessions without a Close
	Redacted                           int   // payloads that were erased
	LetGo                              int   // records that the store let go in their time: see record.Sealed.Gone
	First, Last                        int64 // the earliest and the latest record, unix nanoseconds
	Leaves                             int64 // of the log; 0: there is none
	Signed                             int64 // leaves that the newest checkpoint covers
	SignedAt                           int64 // the latest record that it covers, unix nanoseconds
	Elsewhere                          bool  // checkpoints kept elsewhere were held against the log
	Uncovered                          int   // records that no checkpoint covers yet
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
// What it can't know without evidence from elsewhere is that the newest blocks and all that the directory says of them were
// taken away together, or that all was made anew.
func Verify(ctx context.Context, src Source, progress func(*Report)) (*Report, error) {
	return Evidence{}.Verify(ctx, src, progress)
}

// Verify computes everything again, as the function does, and holds each session's chain to the log's leaves, the leaves
// to its hashes, and the tree to every checkpoint: those that lie beside it, and those that were kept elsewhere.
func (e Evidence) Verify(ctx context.Context, src Source, progress func(*Report)) (*Report, error) {
	v := &verifier{ctx: ctx, src: src, sessions: make(map[record.ID]*proof), closed: make(map[record.ID]struct{}),
		cuts: make(map[record.ID][]checkpoint.Cut)}
	v.remove(e.Tombstones)
	var err error
	if v.log, err = v.openLog(&e); err != nil {
		return &v.Report, err
	}
	for sealed, err := range src.Walk(ctx) {
		if err != nil {
			return &v.Report, err
		}
		v.sealed(&sealed)
		if progress != nil {
			progress(&v.Report)
		}
	}
	v.log.close()
	v.log = nil // what comes now was put since the walk
	if err := v.directory(); err != nil {
		return &v.Report, err
	}
	v.erased()
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
	log      *logbook               // nil: there is none
	erasure  erasure
	gone     []checkpoint.Range // by From
	cuts     map[record.ID][]checkpoint.Cut
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
