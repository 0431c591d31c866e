package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// sealer reads the journal in order, cuts it into blocks and chains their records; the courier, beside it, takes them home.
// It is one goroutine. Its memory is two blocks and a bounded number of chain values, however many sessions there are.
// What it makes depends on the journal and the bounds alone, never on when it looks. It is woken by the first record of a
// block, by a block's worth of them, and by time: not by each.
type sealer struct {
	log     *slog.Logger
	size    int           // bytes of small records that make a block
	wait    time.Duration // how long a record waits for its block to fill
	reader  *journal.Reader
	again   bounds // a block that was cut before a crash must be cut here again; zero: none
	heads   heads
	block   *building
	spare   *building     // nil: the courier has it
	rec     record.Record // the record being read: its envelope
	courier *courier
	timer   *time.Timer

	quit  chan struct{} // closed: seal what there is and end
	done  chan struct{} // closed when it has ended
	stats sealed
}

// sealed is what the sealer tells of itself, read from other goroutines.
type sealed struct {
	sealed                             atomic.Uint64 // position
	oldest                             atomic.Int64  // unix nanoseconds; 0: nothing is waiting
	blocks, records, skipped, failures atomic.Uint64
	err                                atomic.Pointer[error] // the home's last word; nil: it took it
}

func newSealer(r *Recorder, from journal.Position) (*sealer, error) {
	s := &sealer{log: r.log, size: r.opts.BlockSize, wait: r.opts.Seal, block: &building{number: 1}, spare: &building{},
		timer: time.NewTimer(time.Hour), quit: make(chan struct{}), done: make(chan struct{})}
	s.courier = newCourier(r, &s.stats)
	s.heads = heads{home: s.courier, log: r.log, most: r.opts.Heads, known: map[record.ID]*head{}}
	var err error
	if s.reader, err = readFrom(r.journal, from, r.log); err != nil {
		return nil, err
	}
	s.block.reset(s.reader.Position())
	s.stats.sealed.Store(uint64(s.block.pos))
	again, err := s.courier.openCuts(r)
	if err != nil {
		s.reader.Close()
		return nil, err
	}
	if again.pos == s.block.pos && again.end <= r.journal.Tail() {
		s.again = again
	}
	return s, nil
}

// readFrom begins at from or, where the journal doesn't reach back so far, at what it has: loudly, since records are lost.
func readFrom(j *journal.Journal, from journal.Position, log *slog.Logger) (*journal.Reader, error) {
	r, err := j.Reader(from)
	var lost *journal.LostError
	if errors.As(err, &lost) {
		log.Error("the journal has lost what the archive did not have yet, if there was anything", "from", from, "to", lost.First)
		return j.Reader(lost.First)
	}
	return r, err
}

// run seals until quit is closed and all is sealed, or ctx ends.
func (s *sealer) run(ctx context.Context) {
	defer close(s.done)
	defer s.reader.Close()
	go s.courier.run(ctx)
	err := s.work(ctx)
	close(s.courier.out)
	<-s.courier.done
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("read the journal to seal it: %w", err)
		s.log.Error("records stay in the journal until a restart", "err", err)
		s.stats.err.Store(&err)
	}
}

func (s *sealer) work(ctx context.Context) error {
	for ctx.Err() == nil {
		entry, next, err := s.reader.Next()
		switch {
		case err == nil:
			err = s.take(ctx, entry, next)
		case err != io.EOF:
			return err
		case s.block.count > 0 && (s.due() || s.quitting()):
			err = s.seal(ctx)
		case s.quitting():
			return nil
		default:
			s.sleep(ctx)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sealer) quitting() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

// due reports whether the block's oldest record has waited long enough. A block that must be as it was before waits for
// its last entry.
func (s *sealer) due() bool { return s.again.end == 0 && time.Since(s.block.began) >= s.wait }

// sleep waits for something to do: a first record, a block's worth of records, the time to seal, or the end.
func (s *sealer) sleep(ctx context.Context) {
	wanted := s.reader.Position()
	var due <-chan time.Time
	if s.block.count > 0 {
		wanted += journal.Position(max(0, s.block.limit(s.size)-s.block.size()))
		s.timer.Reset(s.wait - time.Since(s.block.began))
		due = s.timer.C
	}
	select {
	case <-s.reader.Notify(wanted):
	case <-due:
	case b := <-s.courier.back:
		s.returned(b)
	case <-s.quit:
	case <-ctx.Done():
	}
	s.timer.Stop()
}

// take adds an entry to the block, and seals the block when it is full.
func (s *sealer) take(ctx context.Context, entry []byte, next journal.Position) error {
	e, err := splitEntry(entry)
	if err == nil {
		err = record.DecodeEnvelope(e.env, &s.rec)
	}
	if err == nil {
		h, fatal := s.heads.of(ctx, s.rec.Session, e.secret)
		if fatal == nil && s.block.breaks(h, &s.rec) { // records are missing: a span has no gap
			fatal = s.seal(ctx)
		}
		if fatal != nil {
			return fatal
		}
		err = s.block.add(&s.rec, h, &e)
	}
	if err != nil {
		s.stats.skipped.Add(1)
		s.log.Error("a journal entry can't be read and is left out", "end", next, "err", err)
	} else if s.block.count == 1 {
		s.stats.oldest.CompareAndSwap(0, s.rec.At)
	}
	s.block.end = next
	full := s.block.size() >= s.block.limit(s.size)
	if s.again.end != 0 {
		full = next >= s.again.end
	}
	if full && s.block.count > 0 {
		return s.seal(ctx)
	}
	return nil
}

// seal closes the block and hands it to the courier, once that has taken the one before home, and begins the next.
func (s *sealer) seal(ctx context.Context) error {
	if s.block.count == 0 {
		return nil
	}
	for s.spare == nil {
		select {
		case b := <-s.courier.back:
			s.returned(b)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.courier.out <- s.block // it has room for one, and the courier has none
	s.again = bounds{}
	next := s.spare
	next.reset(s.block.end)
	next.number = s.block.number + 1
	s.block, s.spare = next, nil
	return nil
}

// returned takes a block back that is at home.
func (s *sealer) returned(b *building) {
	s.spare = b
	s.heads.arrived(b)
	oldest := int64(0)
	if s.block.count > 0 {
		oldest = s.block.first
	}
	s.stats.oldest.Store(oldest)
}
