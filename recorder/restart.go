package recorder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// life is what is known of a session that an earlier run left open.
type life struct {
	next    uint64
	actions uint64
	open    []pending
}

func (l *life) add(r *record.Record) {
	l.next = r.Seq + 1
	switch {
	case r.Kind.Action():
		l.actions++
		l.open = append(l.open, pending{seq: r.Seq})
	case r.Kind == record.KindResult && r.Flags&record.FlagSimple == 0:
		l.open = slices.DeleteFunc(l.open, func(p pending) bool { return p.seq == r.Of })
	}
}

// leftOpen finds the sessions that an earlier run left open: in the archive, and in what the journal has beyond it.
func (r *Recorder) leftOpen(ctx context.Context, last journal.Position) (map[record.ID]*life, error) {
	left := map[record.ID]*life{}
	sessions, err := r.opts.Home.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the archive for open sessions: %w", err)
	}
	for _, s := range sessions {
		l := &life{next: s.Last + 1}
		for rec, err := range r.opts.Home.Tail(ctx, s.ID) {
			if err != nil {
				return nil, fmt.Errorf("read open session %v from the archive: %w", s.ID, err)
			}
			l.add(&rec)
		}
		left[s.ID] = l
	}
	return left, r.readLeft(last, left)
}

// readLeft goes on with the journal where the archive ends.
func (r *Recorder) readLeft(last journal.Position, left map[record.ID]*life) error {
	reader, err := readFrom(r.journal, last, r.log)
	if err != nil {
		return err
	}
	defer reader.Close()
	var rec record.Record
	for {
		entry, _, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := decodeEntry(entry, &rec); err != nil {
			continue // the sealer says so
		}
		if rec.Kind == record.KindClose {
			delete(left, rec.Session)
			continue
		}
		l := left[rec.Session]
		if l == nil {
			l = &life{}
			left[rec.Session] = l
		}
		l.add(&rec)
	}
}

// closeLeft writes down how the sessions ended that were left open: for each open action that its outcome is unknown, and
// that the gateway stopped.
func (r *Recorder) closeLeft(ctx context.Context, left map[record.ID]*life) error {
	ids := make([]record.ID, 0, len(left))
	for id := range left {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b record.ID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		if err := r.closeOne(ctx, id, left[id]); err != nil {
			return fmt.Errorf("end session %v, which the last run left open: %w", id, err)
		}
		r.log.Warn("a session was open when the gateway stopped: its record was ended", "session", id, "open actions", len(left[id].open))
	}
	return nil
}

func (r *Recorder) closeOne(ctx context.Context, id record.ID, l *life) error {
	now := time.Now().UnixNano()
	t := &Tape{r: r, id: id, next: l.next}
	var all []record.Record
	for _, p := range l.open {
		all = append(all, record.Record{Kind: record.KindResult, At: now, Of: p.seq, Outcome: record.OutcomeUnknown})
	}
	all = append(all, record.Record{Kind: record.KindClose, At: now, Outcome: record.OutcomeUnknown, Rows: l.actions,
		Message: []byte("the gateway stopped")})
	for _, rec := range all {
		if err := t.appendWaiting(ctx, rec); err != nil {
			return err
		}
	}
	return t.Sync()
}

// appendWaiting waits for room where there is none: the sealer is at work.
func (t *Tape) appendWaiting(ctx context.Context, rec record.Record) error {
	for {
		room := t.r.Room()
		_, err := t.Append(rec)
		if !errors.Is(err, record.ErrNoRoom) {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
