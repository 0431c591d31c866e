// Package recorder is the way of a record from a session to the archive: a Tape numbers a session's records and appends
// them to the journal, before anything they tell of happens; the sealer cuts the journal into blocks, chains their
// records, and hands them to a home. FORMAT.md is the byte table of what it writes.
package recorder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// Sink keeps sealed blocks.
type Sink interface {
	// Put takes a block and its bytes, which are the caller's again when it returns. What it took survives a kill.
	// A block that is there already, by its Pos, is left as it is. Blocks come in the order of their positions.
	Put(ctx context.Context, b *record.Block, raw []byte) error
	// Last is the End of the last block; 0: there is none.
	Last(ctx context.Context) (end uint64, err error)
	// Head is how far a session's chain has got; not ok: the session isn't here.
	Head(ctx context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error)
	// Open lists the sessions without a Close.
	Open(ctx context.Context) ([]record.Session, error)
	// Tail gives a session's records in order; each borrows until the next.
	Tail(ctx context.Context, id record.ID) iter.Seq2[record.Record, error]
}

// Options say how a recorder works. Zero values are the defaults.
type Options struct {
	Dir       string          // the journal's folder, made where it isn't
	Home      Sink            // its acknowledgement lets the journal go
	Gateway   string          // this gateway's name, for the log
	After     uint64          // positions before it were given already, as far as followers know; 0: none
	Journal   journal.Options // After and Beside are the recorder's to set
	Log       *slog.Logger    // nil: slog.Default
	Seal      time.Duration   // a record waits no longer for its block to fill; 0: 500 ms
	BlockSize int             // bytes of records in a block before compression; 0: 256 KiB
	Clock     Clock           // nil: the machine's
	Heads     int             // chain values of open sessions kept in memory, about 1 KiB each; 0: 16384
}

const (
	defaultSeal  = 500 * time.Millisecond
	defaultBlock = 256 << 10 // 256 KiB
	defaultHeads = 16 << 10
	maxBlockSize = 8 << 20 // 8 MiB; with one more record it stays below record.MaxRaw
)

// ErrClosed says that the recorder, or the tape, was closed.
var ErrClosed = errors.New("the record is closed")

// Recorder is the journal, the sealer and the tapes. Its methods may be called from any goroutine.
type Recorder struct {
	opts    Options
	log     *slog.Logger
	journal *journal.Journal
	chunk   int       // bytes of a payload above which a record is split
	entries sync.Pool // *[]byte, room in which a tape makes an entry that isn't small
	sealer  *sealer
	tapes   atomic.Int64
	closed  atomic.Bool
	cancel  context.CancelFunc
}

// Open opens the journal, seals what an earlier run left in it, and writes down how the sessions ended that it left open.
func Open(ctx context.Context, opts Options) (*Recorder, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	last, err := opts.Home.Last(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the archive how far it got: %w", err)
	}
	opts.Journal.After, opts.Journal.Beside = journal.Position(max(last, opts.After)), []string{cutName}
	j, err := journal.Open(opts.Dir, opts.Journal)
	if err != nil {
		return nil, err
	}
	r := &Recorder{opts: opts, log: opts.Log, journal: j, chunk: int(min(256<<10, j.MaxDraw()/2))} // 256 KiB
	r.entries.New = func() any { return new([]byte) }
	if err := r.start(ctx, journal.Position(last)); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return r, nil
}

func (o *Options) setDefaults() error {
	if o.Seal == 0 {
		o.Seal = defaultSeal
	}
	if o.BlockSize == 0 {
		o.BlockSize = defaultBlock
	}
	if o.BlockSize < 1 || o.BlockSize > maxBlockSize {
		return fmt.Errorf("blocks of %d bytes: must be from 1 to %d", o.BlockSize, maxBlockSize)
	}
	if o.Clock == nil {
		o.Clock = machineClock()
	}
	if o.Heads == 0 {
		o.Heads = defaultHeads
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Journal.Log == nil {
		o.Journal.Log = o.Log
	}
	return nil
}

func (r *Recorder) start(ctx context.Context, last journal.Position) error {
	left, err := r.leftOpen(ctx, last)
	if err != nil {
		return err
	}
	if r.sealer, err = newSealer(r, last); err != nil {
		return err
	}
	var work context.Context
	work, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go r.sealer.run(work)
	if err := r.closeLeft(ctx, left); err != nil {
		r.cancel()
		<-r.sealer.done
		return err
	}
	return nil
}

// Start begins a session's record: room for its Close is set aside. Nothing is written before its first record.
// record.ErrNoRoom: the journal is full.
func (r *Recorder) Start(id record.ID) (*Tape, error) {
	if r.closed.Load() {
		return nil, ErrClosed
	}
	if err := r.journal.Reserve(closeRoom); err != nil {
		return nil, noRoom(err)
	}
	t := &Tape{r: r, id: id}
	rand.Read(t.secret[:])
	r.tapes.Add(1)
	return t, nil
}

// noRoom tells a full journal in the words of the contract.
func noRoom(err error) error {
	if errors.Is(err, journal.ErrFull) {
		return fmt.Errorf("%w: %w", record.ErrNoRoom, err)
	}
	return err
}

// Room returns a channel that is closed when, after a record.ErrNoRoom, there may be room again.
func (r *Recorder) Room() <-chan struct{} { return r.journal.Room() }

// Roll has the journal go on in a new segment, so that what was erased from the archive goes from the journal as soon as all
// in the old one is at home.
func (r *Recorder) Roll() error { return r.journal.Roll() }

// Close seals what is in the journal and closes it. Tapes that are still open get their end at the next start. When ctx
// ends first, what isn't sealed stays in the journal for the next start, and that is an error.
func (r *Recorder) Close(ctx context.Context) error {
	if r.closed.Swap(true) {
		return nil
	}
	close(r.sealer.quit)
	var err error
	select {
	case <-r.sealer.done:
	case <-ctx.Done():
		r.cancel()
		<-r.sealer.done
		if left := r.lag(); left > 0 {
			err = fmt.Errorf("%d bytes of the journal were not sealed in time, the next start does it: %w", left, ctx.Err())
		}
	}
	r.cancel()
	return errors.Join(err, r.journal.Close())
}

// Stats are what a recorder tells of itself.
type Stats struct {
	Journal  journal.Stats
	Sealed   journal.Position // what lies below is at home
	Lag      int64            // bytes of journal that aren't at home yet
	Oldest   time.Time        // of the oldest record that isn't at home yet; zero: there is none
	Tapes    int64            // sessions being recorded
	Blocks   uint64           // sealed since Open
	Records  uint64           // in them
	Skipped  uint64           // journal entries that could not be read: each was logged
	Failures uint64           // times that the home did not take a block
	Err      error            // the home's last word, when that was an error
}

// Stats tells how recording is doing.
func (r *Recorder) Stats() Stats {
	s := &r.sealer.stats
	st := Stats{Journal: r.journal.Stats(), Sealed: journal.Position(s.sealed.Load()), Lag: r.lag(), Tapes: r.tapes.Load(),
		Blocks: s.blocks.Load(), Records: s.records.Load(), Skipped: s.skipped.Load(), Failures: s.failures.Load()}
	if at := s.oldest.Load(); at != 0 {
		st.Oldest = time.Unix(0, at)
	}
	if err := s.err.Load(); err != nil {
		st.Err = *err
	}
	return st
}

func (r *Recorder) lag() int64 {
	return r.journal.Distance(journal.Position(r.sealer.stats.sealed.Load()), r.journal.Tail())
}

// Healthy says what keeps records from being written or from reaching the archive; nil: nothing does.
func (r *Recorder) Healthy() error {
	st := r.Stats()
	switch {
	case st.Journal.Err != nil:
		return fmt.Errorf("the journal: %w", st.Journal.Err)
	case st.Err != nil:
		return fmt.Errorf("the archive, %d bytes behind: %w", st.Lag, st.Err)
	}
	return nil
}
