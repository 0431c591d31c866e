package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/sqltext"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/proxy"
	"github.com/gatefold/gatefold/recorder"
	"github.com/gatefold/gatefold/replay"
)

// rooms is what stays open as long as the gateway runs, whatever is reloaded.
type rooms struct {
	lock       *os.File
	users      *identity.Users
	factors    *identity.Factors
	vault      vault.Source
	facts      *sqltext.Cache
	archive    *local.Store  // nil: ClickHouse is the home
	record     replay.Source // the home, as it is read
	evidence   evidence
	recorder   *recorder.Recorder
	follower   *following // nil: none is configured
	far, near  *far       // ClickHouse as the home, to write to and to ask; nil: it isn't
	unfollowed bool       // a follower is configured, and another process has its cursor
}

func openRooms(ctx context.Context, m *Main, cfg *config.Config, log *slog.Logger) (*rooms, error) {
	if err := os.MkdirAll(cfg.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	r := &rooms{}
	err := r.open(ctx, m, cfg, log)
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *rooms) open(ctx context.Context, m *Main, cfg *config.Config, log *slog.Logger) (err error) {
	if r.lock, err = lockState(cfg.State); err != nil {
		return err
	}
	if r.users, err = identity.Open(cfg.State); err != nil {
		return err
	}
	if r.vault, err = m.openVault(cfg); err != nil {
		return err
	}
	if r.factors, err = m.openFactors(cfg); err != nil {
		return err
	}
	if r.facts, err = sqltext.NewCache(factsCache, int(cfg.Limits.MaxParse)); err != nil {
		return err
	}
	if err = r.openHome(ctx, cfg, log); err != nil {
		return err
	}
	home := recorder.Sink(r.evidence.home)
	if m.home != nil {
		home = m.home(home)
	}
	// Should the archive and the journal have been put back from older copies, no position names two blocks all the same.
	sent, _, err := recorder.Sent(cursorFile(cfg.State))
	if err != nil {
		log.Warn("what was sent to ClickHouse is not known here", "err", err)
	}
	o := recorder.Options{
		Dir: journalDir(cfg.State), Home: home, Gateway: cfg.Gateway, Log: log, Clock: m.clock, After: sent,
		Journal: journal.Options{
			SegmentSize: int64(cfg.Recording.Segment), MaxBytes: int64(cfg.Recording.Journal), Sync: cfg.Recording.Durability == "disk", Log: log,
		},
	}
	cutFor(cfg, &o)
	r.recorder, err = recorder.Open(ctx, o)
	if err != nil {
		return err
	}
	if err := r.tellFinished(cfg.Gateway); err != nil {
		return err
	}
	if r.archive == nil {
		return nil
	}
	r.follower, err = follow(cfg, r.vault, r.archive, log, func() bool { return r.recorder.Stats().Lag > busyLag })
	if errors.Is(err, recorder.ErrFollowed) { // backfill: a follower stops nobody, nor does one that can't begin
		log.Error("records are not carried on to ClickHouse until the next start: backfill is at it; start again when it is done")
		r.unfollowed, err = true, nil
	}
	return err
}

// factsCache is how many statements' facts are kept; at most 16 KiB of text each.
const factsCache = 4096

// lockState makes sure that only one gateway runs on a state folder. The kernel lets go of the lock with the process.
func lockState(state string) (*os.File, error) {
	path := filepath.Join(state, "gateway.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, hintError{fmt.Errorf("another gateway runs on the state folder %s", state), "stop it first, or give this one a state folder of its own"}
	}
	return f, nil
}

// healthy says what is wrong with the recorder, if anything.
func (r *rooms) healthy() error { return r.recorder.Healthy() }

// close seals what is in the journal and closes all, in the order of need.
func (r *rooms) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainGrace)
	defer cancel()
	var errs []error
	if r.recorder != nil {
		errs = append(errs, r.recorder.Close(ctx))
	}
	errs = append(errs, r.follower.close(), r.evidence.close(ctx))
	for _, f := range []*far{r.far, r.near} {
		if f != nil {
			errs = append(errs, f.close())
		}
	}
	if r.archive != nil {
		errs = append(errs, r.archive.Close())
	}
	if r.lock != nil {
		errs = append(errs, r.lock.Close())
	}
	return errors.Join(errs...)
}

// tapes lets the proxy see a recorder as what it needs of one.
type tapes struct {
	*recorder.Recorder
	wrap func(proxy.Tape) proxy.Tape // nil: as they are
}

func (t tapes) Start(id record.ID) (proxy.Tape, error) {
	tape, err := t.Recorder.Start(id)
	if err != nil {
		return nil, err
	}
	if t.wrap != nil {
		return t.wrap(tape), nil
	}
	return tape, nil
}
