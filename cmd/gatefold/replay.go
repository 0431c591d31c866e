package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/replay"
)

func (m *Main) replayCmd() *cobra.Command {
	var dir string
	var at uint64
	cmd := &cobra.Command{
		Use:   "replay SESSION",
		Short: "Tell what happened in a session",
		Long: `Tell what happened in a session: who and where, then each statement at its time with its parameters and what came of it.

SESSION is a session's id, or as much of its beginning as only one has, or "last" for the newest.`,
		Example: "  gatefold replay last\n  gatefold replay 01931b5e-7c1a-7f3e\n  gatefold replay 01931b5e-7c1a-7f3e --at 12",
		Args:    exactArgs(1),
	}
	cmd.Flags().Uint64Var(&at, "at", 0, "only the record with this number, with what was around it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := replay.Options{Colour: m.colour(m.Stdout), Zone: time.Local}
		if cmd.Flags().Changed("at") {
			o.At = &at
		}
		return m.replay(cmd.Context(), dir, args[0], o)
	}
	return archiveFlag(cmd, &dir)
}

func (m *Main) replay(ctx context.Context, dir, session string, o replay.Options) error {
	src, err := m.openArchive(dir)
	if err != nil {
		return err
	}
	defer src.Close()
	s, err := findSession(ctx, src, session)
	if err != nil {
		return err
	}
	err = replay.Transcript(ctx, m.Stdout, src, s.ID, o)
	var unread *replay.UnreadError
	if errors.As(err, &unread) {
		return hintError{fmt.Errorf("%w: it is shown where it was", err), "gatefold verify names what is damaged"}
	}
	return err
}
