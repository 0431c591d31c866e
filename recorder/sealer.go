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

// sealer reads the journal in order and cuts it into blocks. It is one goroutine; its memory is one block and one chain
// value for each open session. What it makes depends on the journal and the bounds alone, never on when it looks.
type sealer struct {
	home   Sink
	log    *slog.Logger
	cuts   *cutFile
	size   int           // bytes of records that make a block
	wait   time.Duration // how long a record waits for its block to fill
	j      *journal.Journal
	reader *journal.Reader
	again  bounds // a block that was cut before a crash must be cut here again; zero: none

	heads map[record.ID]*head
	block building
	rec   record.Record // the record being read

	quit  chan struct{} // closed: seal what there is and end
	done  chan struct{} // closed when it has ended
	stats sealed
}

// head is how far a session's chain has got.
type head struct {
	salts  *record.Salter
	next   uint64 // Seq
	hash   record.Hash
	closed bool // its Close is in the block: forget it when that is at home
}

// sealed is what the sealer tells of itself, read from other goroutines.
type sealed struct {
	sealed                             atomic.Uint64 // position
	oldest                             atomic.Int64  // unix nanoseconds; 0: nothing is waiting
	blocks, records, skipped, failures atomic.Uint64
	err                                atomic.Pointer[error] // the home's last word; nil: it took it
}

func newSealer(r *Recorder, from journal.Position) (*sealer, error) {
	s := &sealer{home: r.opts.Home, log: r.log, size: r.opts.BlockSize,
		wait: r.opts.Seal, j: r.journal, heads: map[record.ID]*head{}, quit: make(chan struct{}), done: make(chan struct{})}
	var err error
	if s.reader, err = readFrom(r.journal, from, r.log); err != nil {
		return nil, err
	}
	s.block.reset(s.reader.Position())
	s.stats.sealed.Store(uint64(s.block.pos))
	var again bounds
	var unread error
	if s.cuts, again, unread, err = openCuts(r.opts.Dir, r.opts.Journal.Sync); err != nil {
		s.reader.Close()
		return nil, err
	}
	if unread != nil {
		s.log.Warn("a block may be cut differently from before", "err", unread) // the home leaves what it has as it is
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
	defer s.cuts.close()
	defer s.reader.Close()
	for ctx.Err() == nil {
		entry, next, err := s.reader.Next()
		switch {
		case err == io.EOF:
			if s.due() {
				err = s.seal(ctx)
			} else if s.quitting() {
				if s.block.count == 0 {
					return
				}
				err = s.seal(ctx)
			} else {
				s.sleep(ctx)
				continue
			}
		case err == nil:
			err = s.take(ctx, entry, next)
		}
		if err != nil && err != io.EOF && ctx.Err() == nil {
			err = fmt.Errorf("read the journal to seal it: %w", err)
			s.log.Error("records stay in the journal until a restart", "err", err)
			s.stats.err.Store(&err)
			return
		}
	}
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
func (s *sealer) due() bool {
	return s.block.count > 0 && s.again.end == 0 && time.Since(s.block.began) >= s.wait
}

// sleep waits for something to do: a block's worth of records, the time to seal, or the end.
func (s *sealer) sleep(ctx context.Context) {
	if s.block.count == 0 {
		select {
		case <-s.reader.Notify(s.reader.Position()):
		case <-s.quit:
		case <-ctx.Done():
		}
		return
	}
	timer := time.NewTimer(s.wait - time.Since(s.block.began))
	defer timer.Stop()
	select {
	case <-s.reader.Notify(s.reader.Position() + journal.Position(max(0, s.size-len(s.block.raw)))):
	case <-timer.C:
	case <-s.quit:
	case <-ctx.Done():
	}
}

// take adds an entry to the block, and seals the block when it is full.
func (s *sealer) take(ctx context.Context, entry []byte, next journal.Position) error {
	raw, env, payload, secret, err := decodeEntry(entry, &s.rec)
	if err != nil {
		s.stats.skipped.Add(1)
		s.log.Error("a journal entry can't be read and is left out", "end", next, "err", err)
		s.block.end = next
	} else {
		h, err := s.head(ctx, secret)
		if err != nil {
			return err
		}
		if s.block.breaks(&s.rec) { // records are missing: a span has no gap
			if err := s.seal(ctx); err != nil {
				return err
			}
		}
		s.block.add(&s.rec, h, raw, env, payload)
		s.block.end = next
		if s.block.count == 1 {
			s.stats.oldest.Store(s.rec.At)
		}
	}
	full := len(s.block.raw) >= s.size
	if s.again.end != 0 {
		full = next >= s.again.end
	}
	if full && s.block.count > 0 {
		return s.seal(ctx)
	}
	return nil
}

// head returns the chain of s.rec's session, from the home where this run hasn't met the session yet.
func (s *sealer) head(ctx context.Context, secret *[secretSize]byte) (*head, error) {
	id := s.rec.Session
	if h := s.heads[id]; h != nil {
		return h, nil
	}
	h := &head{hash: record.Start(id), salts: record.NewSecret([secretSize]byte{}).Salts()} // no secret: its beginning is lost
	if secret != nil {
		h.salts = record.NewSecret(*secret).Salts()
	} else if err := s.recall(ctx, id, h); err != nil {
		return nil, err
	}
	s.heads[id] = h
	return h, nil
}

// recall asks the home for a session's chain, until it answers.
func (s *sealer) recall(ctx context.Context, id record.ID, h *head) error {
	return s.retry(ctx, func() error {
		last, hash, secret, ok, err := s.home.Head(ctx, id)
		if err != nil {
			return fmt.Errorf("ask the archive for the head of session %v: %w", id, err)
		}
		if ok {
			h.salts, h.next, h.hash = secret.Salts(), last+1, hash
		} else {
			s.log.Error("the beginning of a session is lost", "session", id)
		}
		return nil
	})
}

// seal closes the block, writes its bounds down, and has the home take it. It comes back when the home has it.
func (s *sealer) seal(ctx context.Context) error {
	if s.block.count == 0 {
		return nil
	}
	b := s.block.seal()
	bytes := b.AppendTo(s.block.out[:0])
	s.block.out = bytes
	err := s.retry(ctx, func() error {
		return s.cuts.write(bounds{s.block.pos, s.block.end})
	})
	if err == nil {
		err = s.retry(ctx, func() error { return s.home.Put(ctx, b, bytes) })
	}
	if err != nil {
		return err
	}
	s.stats.blocks.Add(1)
	s.stats.records.Add(uint64(b.Count))
	s.stats.sealed.Store(b.End)
	s.stats.oldest.Store(0)
	for i := range b.Spans {
		if h := s.heads[b.Spans[i].Session]; h.closed {
			delete(s.heads, b.Spans[i].Session)
		}
	}
	s.again = bounds{}
	s.block.reset(s.block.end)
	if err := s.j.Release(journal.Position(b.End)); err != nil {
		s.log.Warn("the journal keeps what the archive has", "err", err)
	}
	return nil
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// retry does what may fail until it doesn't or ctx ends; meanwhile the journal fills up, which is its bound's business.
func (s *sealer) retry(ctx context.Context, do func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := do()
		if err == nil {
			s.stats.err.Store(nil)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.stats.failures.Add(1)
		s.stats.err.Store(&err)
		s.log.Error("records are kept in the journal: the archive does not take them", "err", err, "again in", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
