package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/recorder"
)

func (m *Main) backfillCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "backfill",
		Short: "Carry the archive's records on to ClickHouse, where no gateway runs",
		Long: `Carry what the archive here has on to ClickHouse, as a running gateway does by itself: it begins where ClickHouse ends, and
ends when ClickHouse has all that the archive had then. It can be stopped at any time; the next one, or the gateway, goes on
where it stopped. No record is there twice.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return m.backfill(cmd.Context()) },
	}
}

func (m *Main) backfill(ctx context.Context) error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	quiet := cfg.Log
	quiet.Level = "warn"
	log, err := newLog(m.Stderr, quiet)
	if err != nil {
		return usageError{err}
	}
	if cfg.ClickHouse.DSN == "" {
		return usageError{hintError{errors.New("the configuration names no ClickHouse"), "set clickhouse.dsn"}}
	}
	if cfg.ClickHouse.Home {
		return errFarHome("there is nothing to carry on", "the gateway's journal goes there by itself")
	}
	secrets, err := m.openVault(cfg)
	if err != nil {
		return err
	}
	defer secrets.Close()
	archive, err := m.openArchive("")
	if err != nil {
		return err
	}
	defer archive.Close()
	f, err := follow(cfg, secrets, archive, log, nil)
	if errors.Is(err, recorder.ErrFollowed) {
		return hintError{errors.New("a gateway runs on this state folder, or another backfill"), "a running gateway carries records on by itself: see clickhouse_lag_records in its metrics"}
	}
	if err != nil {
		return err
	}
	defer f.close()
	if _, err := f.far.Last(ctx); err != nil { // said at once: a gateway would wait
		return err
	}
	return m.fill(ctx, f)
}

// fill follows until all is there.
func (m *Main) fill(ctx context.Context, f *following) error {
	began, p := time.Now(), m.progress()
	err := f.CatchUp(ctx, func() {
		p.say(func() string {
			st := f.Stats(ctx)
			return fmt.Sprintf("%s sent, %d left ...", count(int(st.Records), "record"), st.Lag)
		})
	})
	p.done()
	st := f.Stats(context.WithoutCancel(ctx))
	fmt.Fprintf(m.Stdout, "%s sent in %s and %s; %d left\n", count(int(st.Records), "record"), count(int(st.Batches), "batch"),
		time.Since(began).Round(time.Millisecond), st.Lag)
	return err
}
