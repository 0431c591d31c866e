package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/replay"
)

// playFlags say how a session's terminal is played on this one.
type playFlags struct {
	text    bool
	channel uint32
	idle    time.Duration
	start   time.Duration
}

func (f *playFlags) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.text, "text", false, "tell of a session with a terminal, too, rather than play it")
	cmd.Flags().Uint32Var(&f.channel, "channel", 0, "the SSH channel to play; 0: the first that has a terminal")
	cmd.Flags().DurationVar(&f.idle, "idle", 2*time.Second, "while playing a terminal, pauses are no longer than this; 0: as long as they were")
	cmd.Flags().DurationVar(&f.start, "start", 0, "begin to play a terminal so far into the session")
}

func (f *playFlags) check() error {
	switch {
	case f.idle < 0:
		return usageError{fmt.Errorf("--idle %v: it is 0 or more", f.idle)}
	case f.start < 0:
		return usageError{fmt.Errorf("--start %v: it is 0 or more", f.start)}
	}
	return nil
}

// play plays a session's terminal where there is one, and a person to see it; false: there is not.
func (m *Main) play(ctx context.Context, src replay.Source, s record.Session, f *replayFlags) (bool, error) {
	in, inOK := m.Stdin.(*os.File)
	out, outOK := m.Stdout.(*os.File)
	switch {
	case s.Protocol != "ssh", f.play.text, f.look.pager, f.at != 0:
		return false, nil
	case !inOK || !outOK || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())):
		return false, nil
	}
	o := replay.PlayOptions{Stream: f.play.channel, Speed: f.speed, Idle: f.play.idle, Start: f.play.start, Size: func() (int, int) {
		columns, lines, err := term.GetSize(int(out.Fd()))
		if err != nil {
			return 24, 80
		}
		return lines, columns
	}}
	if f.follow && s.Closed == 0 {
		o.Start = time.Since(time.Unix(0, s.Opened))
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return false, nil
	}
	defer term.Restore(int(in.Fd()), before)
	o.Keys = keysOf(in)
	err = replay.Play(ctx, out, src, s, o)
	if errors.Is(err, replay.ErrNoTerminal) && f.play.channel == 0 {
		return false, nil // programs without a terminal only
	}
	return true, err
}

// keysOf gives what is typed. What reads ends with the program.
func keysOf(in io.Reader) <-chan byte {
	keys := make(chan byte, 64)
	go func() {
		defer close(keys)
		for b := make([]byte, 64); ; {
			n, err := in.Read(b)
			for _, c := range b[:n] {
				keys <- c
			}
			if err != nil {
				return
			}
		}
	}()
	return keys
}
