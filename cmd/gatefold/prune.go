package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/recorder"
	"github.com/gatefold/gatefold/replay"
)

func (m *Main) pruneCmd() *cobra.Command {
	var dry bool
	var store string
	cmd := &cobra.Command{
		Use:   "prune [--dry-run] [--store clickhouse]",
		Short: "Let go now of what retention does not keep",
		Long: `Take away what retention in the configuration does not keep: blocks whose records are all older than retention.keep, and
the oldest ones beyond retention.max_size. A running gateway does so by itself, once an hour. Sessions that are held stay, and so
does the newest block. A session that goes on may lose its old part.

What goes leaves a signed tombstone, which names each session with the chain value at the cut: gatefold verify still says
that the record is complete. That it went is recorded.

With --store clickhouse, ClickHouse keeps rows for as long as clickhouse.keep says from now on, and no longer: those of all
gateways that share it. Without that, a gateway only ever has them kept longer. It lets them go by whole months, by itself.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case store == "clickhouse" && dry:
				return usageError{errors.New("--dry-run: what ClickHouse lets go it doesn't tell before")}
			case store == "clickhouse":
				return m.shorten(cmd.Context())
			case store != "local":
				return usageError{fmt.Errorf("--store %s: it is local or clickhouse", replay.Safe(store))}
			}
			return m.prune(cmd.Context(), dry)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would go")
	cmd.Flags().StringVar(&store, "store", "local", "the archive: local, or clickhouse")
	return cmd
}

// shorten has ClickHouse keep rows no longer than the configuration says.
func (m *Main) shorten(ctx context.Context) error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	secrets, err := m.openVault(cfg)
	if err != nil {
		return err
	}
	defer secrets.Close()
	far, err := openClickHouse(ctx, cfg, secrets, clickhouse.Write, true)
	if err != nil {
		return err
	}
	kept, err := far.Shorten(ctx)
	if err := errors.Join(err, far.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(m.Stdout, "ClickHouse keeps the rows of all gateways %s\n", kept)
	return err
}

func (m *Main) prune(ctx context.Context, dry bool) error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	if cfg.ClickHouse.Home {
		return errFarHome("there is no archive here to prune", "rows go by clickhouse.keep; gatefold prune --store clickhouse shortens that")
	}
	if cfg.Retention.Keep == 0 && cfg.Retention.MaxSize == 0 {
		return hintError{errors.New("everything is kept for ever"), "set retention.keep or retention.max_size in the configuration"}
	}
	var said string
	if dry {
		said, err = m.wouldPrune(ctx, cfg)
	} else {
		said, err = m.order(ctx, cfg, "/prune", func(r *rooms) (string, error) { return r.prune(ctx, cfg, whoAmI()) })
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(m.Stdout, said)
	return err
}

func (m *Main) wouldPrune(ctx context.Context, cfg *config.Config) (string, error) {
	archive, err := m.openArchive("")
	if err != nil {
		return "", err
	}
	defer archive.Close()
	let := retention(cfg)
	let.DryRun, let.UpTo = true, everywhere
	if cfg.ClickHouse.DSN != "" {
		_, has, err := recorder.Sent(cursorFile(cfg.State))
		if err != nil {
			return "", err
		}
		let.Followers = map[string]uint64{config.ClickHouseName: has}
	}
	done, waiting, err := wouldGo(ctx, archive, cfg, let)
	return tellPruned("would go", done) + waiting, err
}

// wouldGo says what would go, and what stays only since a follower lacks it.
func wouldGo(ctx context.Context, archive *local.Store, cfg *config.Config, let local.Retention) (p local.Pruned, waiting string, err error) {
	let.DryRun = true
	all, err := archive.Prune(ctx, let)
	has, followed := let.Followers[config.ClickHouseName]
	if err != nil || !followed || has >= let.UpTo || despite(cfg) {
		return all, "", err
	}
	let.UpTo = has
	if p, err = archive.Prune(ctx, let); err == nil && p.Records < all.Records {
		waiting = fmt.Sprintf("; %s stay until ClickHouse has them, see clickhouse_lag_records and retention.despite", count(all.Records-p.Records, "record"))
	}
	return p, waiting, err
}

// everywhere is behind every journal position.
const everywhere = 1<<63 - 1

// prune serves the verb beside a running gateway.
func (s *server) prune(w http.ResponseWriter, r *http.Request) {
	said, err := s.rooms.prune(r.Context(), s.cfg.Load(), whoAmI())
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	fmt.Fprintln(w, said)
}

func retention(cfg *config.Config) local.Retention {
	now := time.Now()
	r := local.Retention{Size: int64(cfg.Retention.MaxSize), Now: now}
	if cfg.Retention.Keep > 0 {
		r.Before = now.Add(-cfg.Retention.Keep).UnixNano()
	}
	return r
}

// prune takes away what is not to be kept, where there is anything, and records it first.
func (r *rooms) prune(ctx context.Context, cfg *config.Config, user string) (said string, err error) {
	if r.archive == nil {
		return "nothing goes", nil
	}
	let := retention(cfg)
	let.Sign = r.evidence.key.SignTombstone
	if let.UpTo, err = r.logged(); err != nil {
		return "", err
	}
	followed, has, err := r.has(cfg)
	if err != nil {
		return "", err
	}
	if followed {
		let.Followers = map[string]uint64{config.ClickHouseName: has}
	}
	would, waiting, err := wouldGo(ctx, r.archive, cfg, let)
	if err != nil || would.Records == 0 {
		return "nothing goes" + waiting, err
	}
	if followed && !despite(cfg) {
		let.UpTo = min(let.UpTo, has)
	}
	var done local.Pruned
	rec := record.Record{Kind: record.KindNotice, Code: []byte("prune"), Message: []byte(tellPruned("go", would))}
	err = r.deed(cfg.Gateway, user, rec, func() error {
		done, err = r.archive.Prune(ctx, let)
		return err
	})
	return tellPruned("went", done) + waiting, err
}

// logged is up to where the log of checkpoints has, on disk, what was sealed: what lies before it may be rewritten, since the
// log is never made from it again.
func (r *rooms) logged() (uint64, error) {
	_, end := r.evidence.log.Size()
	_, _, err := r.evidence.log.Sync()
	return min(end, everywhere), err
}

func tellPruned(verb string, p local.Pruned) string {
	if p.Records == 0 {
		return "nothing " + verb
	}
	said := fmt.Sprintf("%s %s, of %s whole and %d in part: %d bytes, up to %s", count(p.Records, "record"), verb,
		count(p.Sessions, "session"), p.Cut, p.Bytes, time.Unix(0, p.Before).UTC().Format(time.RFC3339))
	if p.Held > 0 {
		said += "; held: " + count(p.Held, "session")
	}
	return said
}
