package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/recorder"
)

// evidence is what proves the record: the log of checkpoints beside the archive, and who signs them and hands them around.
type evidence struct {
	key       *checkpoint.Key
	log       *checkpoint.Log
	home      *recorder.Home // the archive with its log
	publisher *checkpoint.Publisher
}

func (e *evidence) open(ctx context.Context, cfg *config.Config, archive recorder.Archive, log *slog.Logger) (err error) {
	if e.key, err = checkpoint.MakeKey(cfg.State, cfg.Gateway); err != nil {
		return err
	}
	if e.log, err = checkpoint.Open(checkpoint.Folder(archiveDir(cfg.State))); err != nil {
		return hintError{err, "what is damaged is evidence: move the folder away and keep it; the gateway then begins a new log with all that the archive has"}
	}
	for _, note := range e.log.Notes {
		log.Error("the log of checkpoints was mended", "note", note)
	}
	if e.home, err = recorder.NewHome(ctx, archive, e.log); err != nil {
		return err
	}
	e.publisher, err = checkpoint.NewPublisher(e.log, e.key, cfg.Evidence.Checkpoint, places(cfg), log)
	log.Info("signing checkpoints", "key", e.key.Public)
	return err
}

func places(cfg *config.Config) []checkpoint.Place {
	var all []checkpoint.Place
	for _, p := range cfg.Evidence.To {
		all = append(all, checkpoint.Place{File: p.File, URL: p.URL, Command: p.Command})
	}
	return all
}

// close signs what was sealed at the end, and closes the log. That a place doesn't take it was logged and is no failure of
// the gateway.
func (e *evidence) close(ctx context.Context) error {
	if e.publisher != nil {
		e.publisher.Publish(ctx)
	}
	if e.log == nil {
		return nil
	}
	return e.log.Close()
}

func (s *server) evidenceMetrics(gauge, counter metric) {
	p := s.rooms.evidence.publisher
	gauge("log_leaves", "Leaves of the log of checkpoints: blocks that were sealed.", func() float64 { return float64(p.Stats().Leaves) })
	counter("checkpoints_signed_total", "Checkpoints signed.", func() float64 { return float64(p.Stats().Signed) })
	counter("checkpoint_failures_total", "Times that a checkpoint was not signed, or that a place did not take one.", func() float64 { return float64(p.Stats().Failures) })
	gauge("checkpoint_elsewhere_seconds", "Age of the newest checkpoint at the place that is furthest behind; -1: a place has none of this run, or none is configured.", func() float64 {
		oldest := p.Stats().Oldest
		if oldest.IsZero() {
			return -1
		}
		return time.Since(oldest).Seconds()
	})
}
