package recorder

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// courier takes sealed blocks home, one by one and in order, while the sealer reads on. It is one goroutine. Invariant: the
// bounds of a block are written down before the home sees it, and the journal keeps it until the home has it.
type courier struct {
	home  Sink
	log   *slog.Logger
	cuts  *cutFile
	j     *journal.Journal
	stats *sealed
	room  []byte // for a packed block's bytes

	out  chan *building // from the sealer; closed: no more comes
	back chan *building // to the sealer, when it is at home
	done chan struct{}  // closed when it has ended
}

func newCourier(r *Recorder, stats *sealed) *courier {
	return &courier{home: r.opts.Home, log: r.log, j: r.journal, stats: stats,
		out: make(chan *building, 1), back: make(chan *building, 1), done: make(chan struct{})}
}

// openCuts returns the bounds of the last block that an earlier run cut; zero: they aren't known.
func (c *courier) openCuts(r *Recorder) (last bounds, err error) {
	var unread error
	if c.cuts, last, unread, err = openCuts(r.opts.Dir, r.opts.Journal.Sync); err != nil {
		return last, err
	}
	if unread != nil {
		c.log.Warn("a block may be cut differently from before", "err", unread) // the home leaves what it has as it is
	}
	return last, nil
}

// run takes home what comes until there is no more or ctx ends.
func (c *courier) run(ctx context.Context) {
	defer close(c.done)
	defer c.cuts.close()
	for b := range c.out {
		if c.take(ctx, b) != nil {
			return // ctx has ended
		}
		c.back <- b // it has room for both that there are
	}
}

// take compresses a block, writes its bounds down, and has the home take it. It comes back when the home has it.
func (c *courier) take(ctx context.Context, building *building) error {
	b, raw := building.seal(c.room)
	if !b.Stored {
		c.room = raw
	}
	if cap(c.room) > keptRoom && len(raw) < keptRoom {
		c.room = nil // content has passed
	}
	err := c.retry(ctx, func() error { return c.cuts.write(bounds{building.pos, building.end}) })
	if err == nil {
		err = c.retry(ctx, func() error { return c.home.Put(ctx, b, raw) })
	}
	if err != nil {
		return err
	}
	c.stats.blocks.Add(1)
	c.stats.records.Add(uint64(b.Count))
	c.stats.sealed.Store(b.End)
	if err := c.j.Release(journal.Position(b.End)); err != nil {
		c.log.Warn("the journal keeps what the archive has", "err", err)
	}
	return nil
}

// head asks the home for a session's chain, until it answers. not ok: the session isn't there.
func (c *courier) head(ctx context.Context, id record.ID) (last uint64, hash record.Hash, secret record.Secret, ok bool, err error) {
	err = c.retry(ctx, func() (err error) {
		last, hash, secret, ok, err = c.home.Head(ctx, id)
		return err
	})
	return
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// retry does what may fail until it doesn't or ctx ends; meanwhile the journal fills up, which is its bound's business.
func (c *courier) retry(ctx context.Context, do func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := do()
		if err == nil {
			c.stats.err.Store(nil)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.stats.failures.Add(1)
		c.stats.err.Store(&err)
		c.log.Error("records are kept in the journal: the archive does not take them", "err", err, "again in", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
