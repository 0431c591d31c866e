package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/replay"
)

func (m *Main) holdCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold",
		Short: "Keep sessions from retention: a legal hold",
		Long: `Keep sessions from retention, whatever their age, until they are let go. Who held a session, let it go, when and why is
recorded. A hold does not keep from gatefold redact, which is a person's decision of its own.`,
		Args: cobra.ArbitraryArgs,
		RunE: onlyVerbs,
	}
	var reason string
	add := &cobra.Command{
		Use:     "add SESSION --reason TEXT",
		Short:   "Hold a session",
		Example: `  gatefold hold add 01a207aa --reason "case 4711, Dr. Meier"`,
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.hold(cmd.Context(), args[0], holding{Reason: reason, Held: true})
		},
	}
	remove := &cobra.Command{
		Use:   "remove SESSION --reason TEXT",
		Short: "Let a session go",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.hold(cmd.Context(), args[0], holding{Reason: reason})
		},
	}
	for _, c := range []*cobra.Command{add, remove} {
		c.Flags().StringVar(&reason, "reason", "", "why: it is recorded")
	}
	var dir string
	list := &cobra.Command{
		Use:   "list",
		Short: "List the sessions that are held",
		Args:  exactArgs(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return m.listHolds(cmd.Context(), dir) },
	}
	cmd.AddCommand(add, archiveFlag(list, &dir), remove)
	return cmd
}

// holding is an order to hold a session, or to let it go.
type holding struct {
	Session record.ID
	Held    bool
	Reason  string
	User    string // who orders it
}

func (m *Main) hold(ctx context.Context, session string, h holding) error {
	if h.Reason = strings.TrimSpace(h.Reason); h.Reason == "" {
		return usageError{errors.New("--reason: say why, it is recorded")}
	}
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	if cfg.ClickHouse.Home {
		return errNoHolds
	}
	if h.Session, err = m.sessionID(ctx, session); err != nil {
		return err
	}
	h.User = whoAmI()
	said, err := m.order(ctx, cfg, "/hold?"+h.encode(), func(r *rooms) (string, error) { return r.hold(ctx, cfg.Gateway, h) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(m.Stdout, said)
	return err
}

func (h *holding) encode() string {
	return url.Values{"session": {h.Session.String()}, "held": {fmt.Sprint(h.Held)}, "reason": {h.Reason}, "user": {h.User}}.Encode()
}

func decodeHolding(v url.Values) (h holding, err error) {
	h.Reason, h.User, h.Held = v.Get("reason"), v.Get("user"), v.Get("held") == "true"
	if h.Reason == "" || h.User == "" {
		return h, errors.New("a hold needs a reason and who orders it")
	}
	h.Session, err = record.ParseID(v.Get("session"))
	return h, err
}

// hold serves the verb beside a running gateway.
func (s *server) hold(w http.ResponseWriter, r *http.Request) {
	h, err := decodeHolding(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	said, err := s.rooms.hold(r.Context(), s.cfg.Load().Gateway, h)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	s.log.Warn("a legal hold", "session", h.Session, "held", h.Held, "by", h.User, "reason", h.Reason)
	fmt.Fprintln(w, said)
}

// errNoHolds: ClickHouse lets go of whole months, and knows no session.
var errNoHolds = errFarHome("sessions can't be held", "rows go by clickhouse.keep, those of all sessions: 0s keeps them for ever")

// hold holds a session or lets it go, and records it first.
func (r *rooms) hold(ctx context.Context, gateway string, h holding) (said string, err error) {
	if r.archive == nil {
		return "", errNoHolds
	}
	_, ok, err := r.archive.Session(ctx, h.Session)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("the archive has no session %v", h.Session)
	}
	code, word := "hold", "held"
	if !h.Held {
		code, word = "release", "let go"
	}
	rec := record.Record{Kind: record.KindNotice, Code: []byte(code), Parent: h.Session, Message: []byte(h.Reason)}
	err = r.deed(gateway, h.User, rec, func() error {
		if h.Held {
			return r.archive.Hold(local.Hold{Session: h.Session, At: time.Now().UTC(), By: h.User, Reason: h.Reason})
		}
		was, err := r.archive.Release(h.Session)
		if err == nil && !was {
			err = errors.New("it was not held")
		}
		return err
	})
	return fmt.Sprintf("session %v is %s", h.Session, word), err
}

func (m *Main) listHolds(ctx context.Context, dir string) error {
	archive, err := m.openArchive(dir)
	if err != nil {
		return err
	}
	defer archive.Close()
	holds, err := archive.Holds()
	if err != nil {
		return err
	}
	if len(holds) == 0 {
		_, err = fmt.Fprintln(m.Stdout, "no session is held")
		return err
	}
	for _, h := range holds {
		line, ok, err := archive.Session(ctx, h.Session)
		if err != nil {
			return err
		}
		who := replay.Safe(line.User + "@" + line.Target)
		if !ok {
			who = "not in the archive"
		}
		_, err = fmt.Fprintf(m.Stdout, "%v  %s  held %s by %s: %s\n", h.Session, who, h.At.Local().Format(time.DateTime), replay.Safe(h.By), replay.Safe(h.Reason))
		if err != nil {
			return err
		}
	}
	return nil
}
