// Command demo gives a tour of gatefold on this machine, in the folder .demo: a throwaway PostgreSQL, a throwaway
// MariaDB and a throwaway OpenSSH server, a gateway before them, real clients through it, and then what an investigator finds. At a terminal it stays up until Ctrl-C, and prints
// lines to paste; otherwise it ends with the tour.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/gatefold/gatefold/internal/testenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	d := &demo{out: os.Stdout, colour: term.IsTerminal(int(os.Stdout.Fd()))}
	lock, err := d.prepareFolder(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop(), lock.Release()) }()
	if err := d.setUp(ctx); err != nil {
		return err
	}
	if err := d.tour(ctx); err != nil {
		return err
	}
	if !d.colour || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	d.invite()
	return d.stay(ctx)
}

// prepareFolder makes .demo, ends what an earlier run left there, even one that was killed or still runs, and
// removes its state.
func (d *demo) prepareFolder(ctx context.Context) (*testenv.Lock, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, ".demo")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	lock, err := testenv.LockFolder(ctx, filepath.Join(dir, "lock"), true)
	if err != nil {
		return nil, err
	}
	d.gate = &testenv.Gateway{Bin: filepath.Join(root, "bin", "gatefold"), Dir: dir}
	if err := d.gate.Stop(); err != nil {
		return nil, err
	}
	for _, name := range []string{"state", "master.key", "gatefold.yaml", "policies"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return lock, nil
}

// stop ends the gateway, then the servers.
func (d *demo) stop() error {
	err := d.gate.Stop()
	if d.server != nil {
		err = errors.Join(err, d.server.Close())
	}
	if d.mariadb != nil {
		err = errors.Join(err, d.mariadb.Close())
	}
	if d.ssh != nil {
		err = errors.Join(err, d.ssh.Close())
	}
	return err
}

// stay waits for Ctrl-C, or for the gateway to end by itself.
func (d *demo) stay(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(d.out, "\nstopping")
			return nil
		case <-tick.C:
			if d.gate.PID() == 0 {
				return fmt.Errorf("the gateway ended; its log is %s", d.gate.LogPath())
			}
		}
	}
}
