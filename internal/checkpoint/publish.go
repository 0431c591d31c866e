package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Publisher signs a checkpoint at times, keeps it beside the log, and hands it to places elsewhere: those are what the
// gateway's own root can't change later.
type Publisher struct {
	log    *Log
	key    *Key
	every  time.Duration
	places []*placed
	say    *slog.Logger

	mu     sync.Mutex // one at a time
	newest []byte     // signed; nil: none in this run
	size   int64      // of the newest

	signed, failures atomic.Uint64
}

// placed is a place with what it is owed.
type placed struct {
	Place
	owed bool         // it hasn't got the newest
	last atomic.Int64 // when it took one, unix nanoseconds; 0: never
}

// NewPublisher keeps the public key beside the log and takes up where an earlier run ended: a log that has not grown since
// is not signed again. every is more than 0; say nil: slog.Default.
func NewPublisher(log *Log, key *Key, every time.Duration, to []Place, say *slog.Logger) (*Publisher, error) {
	p := &Publisher{log: log, key: key, every: every, say: cmp.Or(say, slog.Default()), size: -1}
	for _, t := range to {
		p.places = append(p.places, &placed{Place: t})
	}
	if err := errors.Join(log.keepKey(key), log.mend()); err != nil {
		return nil, err
	}
	v, err := key.Verifier()
	if err != nil {
		return nil, err
	}
	if last, err := ReadCheckpoints(filepath.Join(log.dir, newestName), newestName, v); err == nil && len(last) == 1 && last[0].Err == nil {
		p.size = last[0].Size
	}
	return p, nil
}

// Run signs and hands out at its times until ctx ends.
func (p *Publisher) Run(ctx context.Context) {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.Publish(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Publish signs a checkpoint, where the log has grown since the last, and hands the newest to every place that hasn't got
// it. What fails is logged and tried again the next time.
func (p *Publisher) Publish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.sign()
	if err != nil {
		p.failures.Add(1)
		p.say.Error("no checkpoint was signed: tried again with the next", "err", err)
	}
	return errors.Join(err, p.handOut(ctx))
}

func (p *Publisher) sign() error {
	if size, _ := p.log.Size(); size == 0 || size == p.size {
		return nil
	}
	size, root, err := p.log.Sync()
	if err != nil {
		return err
	}
	signed, err := p.key.Sign(size, root)
	if err != nil {
		return err
	}
	if err := p.log.keep(signed); err != nil {
		return err
	}
	p.newest, p.size = signed, size
	p.signed.Add(1)
	for _, t := range p.places {
		t.owed = true
	}
	return nil
}

// handOut gives the newest checkpoint to the places that lack it, all at a time: a slow one holds up no other.
func (p *Publisher) handOut(ctx context.Context) error {
	errs := make([]error, len(p.places))
	var wg sync.WaitGroup
	for i, t := range p.places {
		if !t.owed {
			continue
		}
		wg.Go(func() {
			if errs[i] = t.deliver(ctx, p.newest); errs[i] == nil {
				t.owed = false
				t.last.Store(time.Now().UnixNano())
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			p.failures.Add(1)
			p.say.Error("a checkpoint was not handed over: the next is tried in its time", "to", p.places[i].String(), "err", err)
			errs[i] = fmt.Errorf("hand a checkpoint to %s: %w", p.places[i], err)
		}
	}
	return errors.Join(errs...)
}

// Stats are what a publisher tells of itself.
type Stats struct {
	Leaves           int64  // in the log
	Signed, Failures uint64 // checkpoints; times that signing or handing one over failed
	Oldest           time.Time
	Places           int // configured
}

// Stats tells how it is doing. Oldest is when the place that is furthest behind took a checkpoint; zero: one never did,
// or there is none.
func (p *Publisher) Stats() Stats {
	size, _ := p.log.Size()
	s := Stats{Leaves: size, Signed: p.signed.Load(), Failures: p.failures.Load(), Places: len(p.places)}
	oldest := int64(0)
	for i, t := range p.places {
		last := t.last.Load()
		if last == 0 {
			return s
		}
		if i == 0 || last < oldest {
			oldest = last
		}
	}
	if oldest != 0 {
		s.Oldest = time.Unix(0, oldest)
	}
	return s
}
