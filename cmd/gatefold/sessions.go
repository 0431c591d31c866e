package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/proxy"
)

func (m *Main) sessionsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "sessions",
		Short: "List the sessions that are open now",
		Long: `List the sessions that are open in the gateway that runs on this state folder, the oldest first. IDLE is the time since
the last statement; "running" where one is. Sessions that have ended are found with search.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return m.sessions(cmd.Context()) },
	}
}

func (m *Main) killCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "kill SESSION",
		Short: "End an open session",
		Long: `End an open session: its user is told, what it still has running is cancelled at the target, and its record says why it
ended. The beginning of an id is enough where no other open session begins so.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return m.kill(cmd.Context(), args[0]) },
	}
}

// live asks the running gateway for its open sessions.
func (m *Main) live(ctx context.Context) (*config.Config, []proxy.Live, error) {
	cfg, err := m.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	text, refused, err := ask(ctx, cfg, http.MethodGet, "/sessions")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, nil, hintError{fmt.Errorf("no gateway runs on the state folder %s", cfg.State), "start one with: gatefold serve"}
	case err != nil:
		return nil, nil, fmt.Errorf("reach the gateway: %w", err)
	case refused != nil:
		return nil, nil, refused
	}
	var all []proxy.Live
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, nil, fmt.Errorf("read the gateway's answer: %w", err)
	}
	return cfg, all, nil
}

func (m *Main) sessions(ctx context.Context) error {
	_, all, err := m.live(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SESSION\tUSER\tTARGET\tCLIENT\tPID\tOPEN\tIDLE")
	for _, s := range all {
		idle := "running"
		if s.Idle > 0 {
			idle = s.Idle.Round(time.Second).String()
		}
		fmt.Fprintf(w, "%s\t%s as %s\t%s/%s\t%s\t%d\t%s\t%s\n", s.ID, s.User, s.Account, s.Target, s.Database, s.Client, s.PID,
			time.Since(s.Began).Round(time.Second), idle)
	}
	return w.Flush()
}

func (m *Main) kill(ctx context.Context, prefix string) error {
	cfg, all, err := m.live(ctx)
	if err != nil {
		return err
	}
	var found []string
	for _, s := range all {
		if strings.HasPrefix(s.ID, strings.ToLower(prefix)) {
			found = append(found, s.ID)
		}
	}
	switch len(found) {
	case 0:
		return hintError{fmt.Errorf("no open session %s", prefix), "gatefold sessions lists those that are open"}
	case 1:
	default:
		return fmt.Errorf("%d open sessions begin with %s: say more of the id", len(found), prefix)
	}
	refused, err := control(ctx, cfg, "/kill/"+found[0])
	if err := errors.Join(refused, err); err != nil {
		return err
	}
	_, err = fmt.Fprintf(m.Stdout, "session %s is being ended\n", found[0])
	return err
}
