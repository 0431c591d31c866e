package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// look says how a verb shows what people read.
type look struct {
	colour string
	pager  bool
}

func (l *look) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.colour, "color", "auto", "auto: on a terminal, unless NO_COLOR is set; always: for less -R; never")
	cmd.Flags().BoolVar(&l.pager, "pager", false, "through GATEFOLD_PAGER, else PAGER, else less, when it goes to a terminal")
}

// display is where people read: a terminal, a pager, a pipe.
type display struct {
	w      *bufio.Writer
	width  int // characters
	colour bool
	live   bool // a person is looking on: each line at once
	out    io.Writer
	last   time.Time // when it was flushed
	pager  *exec.Cmd
	pipe   io.WriteCloser
}

// screen opens what a verb writes to. The caller closes it.
func (m *Main) screen(l look) (*display, error) {
	width, live := screen(m.Stdout)
	sc := &display{out: m.Stdout, width: width, live: live}
	switch l.colour {
	case "auto":
		sc.colour = m.colour(m.Stdout)
	case "always":
		sc.colour = true
	case "never":
	default:
		return nil, usageError{fmt.Errorf("--color %s: it is auto, always or never", l.colour)}
	}
	if l.pager && live {
		if err := sc.page(m); err != nil {
			return nil, err
		}
	}
	sc.w = bufio.NewWriter(sc.out)
	return sc, nil
}

// page starts the pager. As with git, less quits where all fits on one screen, and shows colours.
func (sc *display) page(m *Main) error {
	command := "less"
	for _, name := range []string{"PAGER", "GATEFOLD_PAGER"} {
		if v := m.Getenv(name); v != "" {
			command = v
		}
	}
	sc.pager = exec.Command("/bin/sh", "-c", command)
	sc.pager.Stdout, sc.pager.Stderr = m.Stdout, m.Stderr
	if m.Getenv("LESS") == "" {
		sc.pager.Env = append(os.Environ(), "LESS=FRX")
	}
	pipe, err := sc.pager.StdinPipe()
	if err == nil {
		err = sc.pager.Start()
	}
	if err != nil {
		return fmt.Errorf("start pager %s: %w", command, err)
	}
	sc.out, sc.pipe = pipe, pipe
	return nil
}

// soon passes on what was written, unless it was just done: a reader of a pipe shall not wait for a buffer to fill.
func (sc *display) soon() error {
	if !sc.live && time.Since(sc.last) < 100*time.Millisecond {
		return nil
	}
	sc.last = time.Now()
	return sc.w.Flush()
}

// close waits for the pager's end.
func (sc *display) close() {
	sc.w.Flush()
	if sc.pager != nil {
		sc.pipe.Close()
		sc.pager.Wait()
	}
}

// errGone ends a verb whose reader has gone: there is nobody to tell.
var errGone = errors.New("the reader has gone")

// watch ends the context when nobody reads any more what goes into a pipe, with errGone as its cause: a long search has
// nothing to write for a while that would tell it.
func (sc *display) watch(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f, ok := sc.out.(*os.File)
		for ok && ctx.Err() == nil {
			fds := []unix.PollFd{{Fd: int32(f.Fd())}}
			const every = 100 // milliseconds
			if _, err := unix.Poll(fds, every); err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
			if fds[0].Revents&unix.POLLERR != 0 {
				cancel(errGone)
			}
			if fds[0].Revents != 0 {
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}
