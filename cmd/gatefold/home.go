package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/recorder"
	"github.com/gatefold/gatefold/replay"
)

// Home is the archive here or, with clickhouse.home, ClickHouse. Then the folder archive/ holds the log of checkpoints alone, and
// the journal keeps what ClickHouse hasn't taken yet, up to its bound.

// openHome opens the archive that is the home.
func (r *rooms) openHome(ctx context.Context, cfg *config.Config, log *slog.Logger) (err error) {
	if cfg.ClickHouse.Home {
		return r.openFarHome(ctx, cfg, log)
	}
	if r.archive, err = local.Open(archiveDir(cfg.State), local.Write); err != nil {
		return err
	}
	for _, note := range r.archive.Notes {
		log.Warn("the archive was mended", "note", note)
	}
	r.record = r.archive
	return r.evidence.open(ctx, cfg, r.archive, log)
}

func (r *rooms) openFarHome(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	r.far = wayTo(cfg, r.vault, log)
	there, err := r.far.Last(ctx)
	if err != nil {
		return hintError{err, "clickhouse.home is set: a gateway starts when ClickHouse answers, since it has to know how far its record is there"}
	}
	if err := r.far.do(ctx, func(s *clickhouse.Store) error { return s.WaitForReplicas(ctx) }); err != nil {
		return err
	}
	if err := carriedOn(ctx, cfg, there); err != nil {
		return err
	}
	r.near = wayTo(cfg, r.vault, log)
	r.near.mode = clickhouse.Read
	r.record = asked{r.near}
	if err := r.evidence.open(ctx, cfg, r.far, log); err != nil {
		return err
	}
	if _, logged := r.evidence.log.Size(); logged > there {
		log.Error("ClickHouse lacks what it had taken: gatefold verify names it", "from", there, "to", logged)
	}
	return nil
}

// carriedOn refuses to leave behind what an archive here has and ClickHouse lacks. A follower's cursor is of no use any more.
func carriedOn(ctx context.Context, cfg *config.Config, there uint64) error {
	old, err := local.Open(archiveDir(cfg.State), local.Read)
	if errors.Is(err, local.ErrNoArchive) {
		return nil
	}
	if err != nil {
		return err
	}
	here, err := old.Last(ctx)
	if err := errors.Join(err, old.Close()); err != nil {
		return err
	}
	if here > there {
		return hintError{fmt.Errorf("the archive here has records up to position %016x, and ClickHouse has them up to %016x only", here, there),
			"carry them on before it becomes the home: gatefold backfill, with clickhouse.home: false"}
	}
	if err := os.Remove(cursorFile(cfg.State)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Largest blocks of a home that is reached over a network: each is four inserts.
const farBlock = 4 << 20 // 4 MiB

// cutFor has blocks be as large, and as late, as the home takes them best.
func cutFor(cfg *config.Config, o *recorder.Options) {
	if b := cfg.ClickHouse.Batch; cfg.ClickHouse.Home {
		o.BlockSize, o.Seal = int(min(b.Bytes, farBlock)), b.Wait
	}
}

// errFarHome says that something is of an archive here, and there is none.
func errFarHome(what, hint string) error {
	return hintError{fmt.Errorf("clickhouse.home is set: %s", what), hint}
}

// far as the home's archive.

func (f *far) Head(ctx context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error) {
	err = f.do(ctx, func(s *clickhouse.Store) (err error) {
		last, head, secret, ok, err = s.Head(ctx, id)
		return err
	})
	return last, head, secret, ok, err
}

func (f *far) Open(ctx context.Context) (open []record.Session, err error) {
	err = f.do(ctx, func(s *clickhouse.Store) (err error) {
		open, err = s.Open(ctx)
		return err
	})
	return open, err
}

func (f *far) Redact(ctx context.Context, id record.ID, seqs []uint64) (left record.Secret, err error) {
	err = f.do(ctx, func(s *clickhouse.Store) (err error) {
		left, err = s.Redact(ctx, id, seqs)
		return err
	})
	if err != nil && left != "" {
		err = hintError{err, "it is begun, and goes on as soon as ClickHouse takes the next records"}
	}
	return left, err
}

func (f *far) Tail(ctx context.Context, id record.ID) iter.Seq2[record.Record, error] {
	return each(ctx, f, func(s *clickhouse.Store) iter.Seq2[record.Record, error] { return s.Tail(ctx, id) })
}

func (f *far) After(ctx context.Context, pos uint64) iter.Seq2[*record.Block, error] {
	return each(ctx, f, func(s *clickhouse.Store) iter.Seq2[*record.Block, error] { return s.After(ctx, pos) })
}

// each yields what an open store yields.
func each[T any](ctx context.Context, f *far, seq func(*clickhouse.Store) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var open *clickhouse.Store
		err := f.do(ctx, func(s *clickhouse.Store) error {
			open = s
			return nil
		})
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		seq(open)(yield)
	}
}

// asked is ClickHouse as those read it who carry out orders.
type asked struct{ *far }

var _ replay.Source = asked{}

func (a asked) Session(ctx context.Context, id record.ID) (line record.Session, ok bool, err error) {
	err = a.do(ctx, func(s *clickhouse.Store) (err error) {
		line, ok, err = s.Session(ctx, id)
		return err
	})
	return line, ok, err
}

func (a asked) Sessions(ctx context.Context, n record.Narrow) iter.Seq2[record.Session, error] {
	return each(ctx, a.far, func(s *clickhouse.Store) iter.Seq2[record.Session, error] { return s.Sessions(ctx, n) })
}

func (a asked) Blocks(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error] {
	return each(ctx, a.far, func(s *clickhouse.Store) iter.Seq2[*record.Block, error] { return s.Blocks(ctx, n) })
}

func (a asked) Walk(ctx context.Context) iter.Seq2[record.Sealed, error] {
	return each(ctx, a.far, func(s *clickhouse.Store) iter.Seq2[record.Sealed, error] { return s.Walk(ctx) })
}

func (a asked) Check(ctx context.Context) iter.Seq2[record.Fault, error] {
	return each(ctx, a.far, func(s *clickhouse.Store) iter.Seq2[record.Fault, error] { return s.Check(ctx) })
}
