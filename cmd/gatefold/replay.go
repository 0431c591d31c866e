package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/replay"
)

type replayFlags struct {
	from   from
	at     uint64
	speed  float64
	follow bool
	look   look
	play   playFlags
}

func (m *Main) replayCmd() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay SESSION",
		Short: "Tell what happened in a session",
		Long: `Tell what happened in a session: who and where, then each statement at its time with its parameters and what came of it.

SESSION is a session's id, or as much of its beginning as only one has, or "last" for the newest.

It is told at once, and without a pager unless asked for. --speed plays it in time, pauses of more than three seconds cut
short. --follow goes on while the session is open, up to half a second behind what the archive has, and ends with it.

A session with a terminal (SSH) is played on this one instead, as it was seen: space pauses, arrows go back and on, / finds a
text that was shown and n the next, ? tells all keys. --text, --at, a pager or a pipe tell of it as of any other: programs,
command lines, files and the lines that the screen came to show.`,
		Example: "  gatefold replay last\n  gatefold replay 01931b5e-7c1a-7f3e\n  gatefold replay 01931b5e-7c1a-7f3e --at 12\n" +
			"  gatefold replay last --speed 2\n  gatefold replay last --follow\n  gatefold replay last --color always | less -R\n" +
			"  gatefold replay last --start 10m --idle 1s",
		Args: exactArgs(1),
	}
	cmd.Flags().Uint64Var(&f.at, "at", 0, "only the record with this number, with what was around it")
	cmd.Flags().Float64Var(&f.speed, "speed", 0, "play it in time: 1 as it was, 2 twice as fast; 0: all at once")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on until the session's end")
	f.look.flags(cmd)
	f.play.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := replay.Options{Zone: time.Local, Speed: f.speed, Follow: f.follow}
		if cmd.Flags().Changed("at") {
			o.At = &f.at
		}
		if err := f.check(o.At != nil); err != nil {
			return err
		}
		return m.replay(cmd.Context(), args[0], f, o)
	}
	return storeFlag(cmd, &f.from)
}

func (f *replayFlags) check(at bool) error {
	const slowest, fastest = 0.01, 1e6
	if err := f.play.check(); err != nil {
		return err
	}
	switch {
	case f.speed != 0 && !(f.speed >= slowest && f.speed <= fastest): // NaN is neither
		return usageError{fmt.Errorf("--speed %v: it is 0, or from %v to %v", f.speed, slowest, fastest)}
	case f.follow && at:
		return usageError{errors.New("give --follow or --at, not both")}
	case f.follow && f.speed != 0:
		return usageError{errors.New("give --follow or --speed, not both: what comes in comes in its own time")}
	}
	return nil
}

func (m *Main) replay(ctx context.Context, session string, f replayFlags, o replay.Options) error {
	d, err := m.screen(f.look)
	if err != nil {
		return err
	}
	defer d.close()
	src, err := m.openSource(ctx, f.from)
	if err != nil {
		return err
	}
	defer src.Close()
	s, err := findSession(ctx, src, session)
	if err != nil {
		return err
	}
	if played, err := m.play(ctx, src, s, &f); played || err != nil {
		return err
	}
	o.Colour = d.colour
	ctx, stop := d.watch(ctx)
	defer stop()
	err = replay.Transcript(ctx, d.out, src, s.ID, o)
	if gone := context.Cause(ctx); gone != nil && errors.Is(gone, errGone) {
		return gone
	}
	var unread *replay.UnreadError
	if errors.As(err, &unread) {
		return hintError{fmt.Errorf("%w: it is shown where it was", err), "gatefold verify names what is damaged"}
	}
	return err
}
