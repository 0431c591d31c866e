package main

import (
	"context"
	"time"
)

// How upkeep shares the machine with the sessions.
const (
	busyLag    = 1 << 20          // 1 MiB of records wait for the archive: this is no quiet time
	busyShare  = 20               // then a step is followed by a pause of so many times its own length
	quietShare = 1                // otherwise by one as long
	idlePause  = 10 * time.Second // when there was nothing to do
	pruneEvery = time.Hour
	firstPrune = time.Minute // after the start
)

// upkeep rewrites small blocks into larger ones, a step at a time, and lets go of what retention does not keep.
func (s *server) upkeep(ctx context.Context) {
	prune := time.Now().Add(firstPrune)
	pause := idlePause
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		if cfg := s.cfg.Load(); time.Now().After(prune) && (cfg.Retention.Keep > 0 || cfg.Retention.MaxSize > 0) {
			prune = time.Now().Add(pruneEvery)
			if said, err := s.rooms.prune(ctx, cfg, ownProtocol); err != nil && ctx.Err() == nil {
				s.log.Error("what is not to be kept is still there", "err", err)
			} else {
				s.log.Info("retention", "done", said)
			}
		}
		pause = s.compact(ctx)
	}
}

// compact does one step and tells how long to wait for the next.
func (s *server) compact(ctx context.Context) (pause time.Duration) {
	if s.rooms.archive == nil || !s.cfg.Load().Retention.Compact {
		return idlePause
	}
	began := time.Now()
	upTo, err := s.rooms.logged()
	if err == nil {
		done, e := s.rooms.archive.Compact(ctx, upTo)
		if e == nil && done.Blocks == 0 {
			return idlePause
		}
		err = e
	}
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("small blocks are not rewritten into larger ones", "err", err)
		}
		return idlePause
	}
	if s.rooms.recorder.Stats().Lag > busyLag {
		return busyShare * time.Since(began)
	}
	return quietShare * time.Since(began)
}
