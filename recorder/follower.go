package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Followed is a home as its followers read it.
type Followed interface {
	// After yields blocks that end behind a position, by position. The first may begin before it, where blocks were rewritten
	// into one; there may be more than it yields. Nothing follows an error.
	After(ctx context.Context, pos uint64) iter.Seq2[*record.Block, error]
	// Behind tells how many records lie behind a position, and the earliest At of them; 0: there is none.
	Behind(ctx context.Context, pos uint64) (records uint64, oldest int64, err error)
	// Last is the End of the last block; 0: there is none.
	Last(ctx context.Context) (end uint64, err error)
	// Head is how far a session's chain has got; not ok: the session isn't here.
	Head(ctx context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error)
}

// Keeper is where a follower's batches go.
type Keeper interface {
	// Put takes a batch: a block with its records session by session, by the sessions' ids, and without Data. What it took
	// stays when it returns. The same batch may come again, and must then not be there twice.
	Put(ctx context.Context, b *record.Block, raw []byte) error
	// Last is the End of the last batch; 0: there is none.
	Last(ctx context.Context) (end uint64, err error)
	// Newest is the last batch without its records: its bounds, and spans of sessions in it, some of them where there are many;
	// nil: there is no batch.
	Newest(ctx context.Context) (*record.Block, error)
	// Forget takes away what there is of a batch that was begun and will not be put: of these sessions, under that Pos.
	Forget(ctx context.Context, pos uint64, ids []record.ID) error
	// Heads tells of those of some sessions that it has how far it has them: their last Seq.
	Heads(ctx context.Context, ids []record.ID) (map[record.ID]uint64, error)
}

// FollowerOptions say how a follower works. Zero values are the defaults.
type FollowerOptions struct {
	Name   string // in the log and in errors
	File   string // where it writes down how far it is
	Home   Followed
	Keeper Keeper
	Log    *slog.Logger // nil: slog.Default

	Rows  int           // records in a batch; 0: 50,000
	Bytes int           // of a batch's records, encoded; 0: 8 MiB
	Wait  time.Duration // how long records are gathered for a batch; 0: 1 s
	Calm  time.Duration // the longest pause after a failure; 0: 1 min

	Partition func(at int64) int64 // batches don't hold records of two partitions, unless one block does; nil: there is one
	Busy      func() bool          // sessions need the machine: then it takes its time; nil: never
}

const (
	defaultRows  = 50_000
	defaultBatch = 8 << 20 // 8 MiB
	defaultWait  = time.Second
	defaultCalm  = time.Minute
	firstFailure = 200 * time.Millisecond
	busyPause    = 4 // times as long as a batch took
)

// Follower carries what is at home on to a sink of its own, in batches. It stops nobody: the home doesn't wait for it. Its
// cursor is a journal position: all records before it are in the sink. Invariant: what a batch holds, session by session, is on
// disk before the sink sees it, so that it is the same batch when it is sent again after a crash, however the home's blocks
// were rewritten since.
type Follower struct {
	opts    FollowerOptions
	log     *slog.Logger
	file    *cursorFile
	pending *manifest // what was sent and not acknowledged before the last run ended; nil: nothing
	known   bool      // the file says how far it got; else the sink is asked, and held against the home
	redo    uint64    // what lies before was sent once: the sink may have it under another batch's name

	cursor                     atomic.Uint64
	batches, records, failures atomic.Uint64
	err                        atomic.Pointer[error] // the last word; nil: all is well
}

// OpenFollower makes a follower, which goes on where an earlier run left off. The caller closes it.
func OpenFollower(opts FollowerOptions) (*Follower, error) {
	if opts.Rows == 0 {
		opts.Rows = defaultRows
	}
	if opts.Bytes == 0 {
		opts.Bytes = defaultBatch
	}
	if opts.Wait == 0 {
		opts.Wait = defaultWait
	}
	if opts.Calm == 0 {
		opts.Calm = defaultCalm
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Rows < 1 || opts.Bytes < 1 || opts.Bytes > record.MaxRaw {
		return nil, fmt.Errorf("batches of %d records or %d bytes: must be from 1 on, and to %d bytes", opts.Rows, opts.Bytes, record.MaxRaw)
	}
	f := &Follower{opts: opts, log: opts.Log.With("follower", opts.Name)}
	var err error
	if f.file, err = openCursor(opts.File); err != nil {
		return nil, err
	}
	state, err := f.file.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil: // nothing depends on it: the sink knows how far it is
		f.log.Warn("how far it got is asked of its store", "err", err)
	default:
		f.cursor.Store(state.cursor)
		f.pending, f.known = state.pending, true
	}
	return f, nil
}

// Close lets another follower have the cursor.
func (f *Follower) Close() error { return f.file.close() }

// Cursor is the journal position before which all is in the sink.
func (f *Follower) Cursor() uint64 { return f.cursor.Load() }

// Run follows the home until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	f.retry(ctx, f.agree)
	for ctx.Err() == nil {
		full := false
		f.retry(ctx, func(ctx context.Context) (err error) {
			full, err = f.step(ctx)
			return err
		})
		if !full {
			pause(ctx, f.opts.Wait)
		}
	}
}

// CatchUp takes over what the home has now. progress, if not nil, is called after each batch.
func (f *Follower) CatchUp(ctx context.Context, progress func()) error {
	if err := f.agree(ctx); err != nil {
		return err
	}
	end, err := f.opts.Home.Last(ctx)
	if err != nil {
		return err
	}
	for f.Cursor() < end {
		was := f.Cursor()
		if _, err := f.step(ctx); err != nil {
			return err
		}
		if f.Cursor() == was {
			return nil // what was there is gone
		}
		if progress != nil {
			progress()
		}
	}
	return nil
}

// agree holds the cursor against what the sink and the home say.
func (f *Follower) agree(ctx context.Context) error {
	have, err := f.opts.Keeper.Last(ctx)
	if err != nil {
		return fmt.Errorf("ask %s how far it is: %w", f.opts.Name, err)
	}
	if err := f.ours(ctx, have); err != nil {
		return err
	}
	if have < f.Cursor() {
		f.log.Warn("the store lacks what it had taken: it gets it again", "from", have, "to", f.Cursor())
		f.pending, f.redo = nil, max(f.redo, f.Cursor())
		f.cursor.Store(have)
	}
	if m := f.pending; m != nil && have >= m.end { // it was taken: the home may not have all of it any more
		f.pending = nil
	}
	if f.pending == nil && have > f.Cursor() {
		f.cursor.Store(have)
	}
	if !f.known { // from here on, nobody else's records can be taken for ours
		if err := f.file.write(cursorState{cursor: f.Cursor()}); err != nil {
			return err
		}
		f.known = true
	}
	return nil
}

// step sends one batch; full: there may be more at once.
func (f *Follower) step(ctx context.Context) (full bool, err error) {
	began := time.Now()
	b, full, err := f.next(ctx)
	if err != nil || b == nil {
		return false, err
	}
	tried, lost := false, false
	err = f.retry(ctx, func(ctx context.Context) error {
		if tried { // whatever failed may have lost what it had, or be another store by now
			have, err := f.opts.Keeper.Last(ctx)
			if lost = err == nil && have < f.Cursor(); err != nil || lost {
				return err
			}
		}
		tried = true
		return f.opts.Keeper.Put(ctx, b, nil)
	})
	if err != nil {
		return false, err
	}
	if lost {
		return true, f.agree(ctx)
	}
	f.cursor.Store(b.End)
	f.pending = nil
	f.batches.Add(1)
	f.records.Add(uint64(b.Count))
	if !full { // else the next batch is written down at once, and this with it
		if err := f.file.write(cursorState{cursor: b.End}); err != nil {
			f.log.Warn("that a batch was taken is not written down: the next start asks for it", "err", err)
		}
	}
	if f.opts.Busy != nil && f.opts.Busy() {
		pause(ctx, min(busyPause*time.Since(began), f.opts.Calm))
	}
	return full, nil
}

// next is the batch that is to be sent, which is written down; nil: there is none.
func (f *Follower) next(ctx context.Context) (b *record.Block, full bool, err error) {
	if m := f.pending; m != nil {
		if b, err = f.again(ctx, m); err != nil || b != nil {
			return b, true, err
		}
		f.log.Error("what a batch held can't be gathered again: another is made in its place", "from", m.pos, "to", m.end)
		if err := f.opts.Keeper.Forget(ctx, m.pos, m.sessions()); err != nil {
			return nil, false, fmt.Errorf("have %s forget a batch that was begun: %w", f.opts.Name, err)
		}
		f.pending = nil
	}
	g := gathering{f: f, parts: make(map[record.ID]*share)}
	if full, err = g.gather(ctx, f.Cursor()); err != nil {
		return nil, false, err
	}
	b = g.block()
	if b == nil {
		f.cursor.Store(g.end) // all that there is the sink has
		return nil, false, nil
	}
	m := manifestOf(b)
	if err := f.file.write(cursorState{cursor: f.Cursor(), pending: m}); err != nil {
		return nil, false, err
	}
	f.pending = m
	return b, full, nil
}

// retry does what may fail until it doesn't or ctx ends.
func (f *Follower) retry(ctx context.Context, do func(context.Context) error) error {
	for wait := firstFailure; ; wait = min(2*wait, f.opts.Calm) {
		err := do(ctx)
		if err == nil {
			f.err.Store(nil)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.failures.Add(1)
		f.err.Store(&err)
		again := wait/2 + rand.N(wait/2+1) // gateways that lost the same store don't come back as one
		f.log.Warn("records wait at home", "err", err, "again in", again.Round(time.Millisecond))
		pause(ctx, again)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// FollowerStats are what a follower tells of itself.
type FollowerStats struct {
	Cursor   uint64    // journal position
	Lag      uint64    // records at home that it hasn't sent
	Oldest   time.Time // of the oldest of them; zero: there is none
	Batches  uint64    // sent since it was opened
	Records  uint64    // in them
	Failures uint64    // times that something failed
	Err      error     // the last word, when that was an error
}

// Stats tells how it is doing. What the home can't tell is zero, and its error the last word.
func (f *Follower) Stats(ctx context.Context) FollowerStats {
	st := FollowerStats{Cursor: f.Cursor(), Batches: f.batches.Load(), Records: f.records.Load(), Failures: f.failures.Load()}
	if err := f.err.Load(); err != nil {
		st.Err = *err
	}
	lag, oldest, err := f.opts.Home.Behind(ctx, st.Cursor)
	if err != nil {
		st.Err = err
		return st
	}
	if st.Lag = lag; oldest != 0 {
		st.Oldest = time.Unix(0, oldest)
	}
	return st
}
