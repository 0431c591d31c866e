// Command compat runs other people's software twice, side by side: directly against a throwaway server, and through
// gatefold against that server's twin. What comes out must be the same, but for what testdata/*/expected.txt explains.
//
//	compat [quick|NAME...]
//
// quick runs what takes seconds, names run those programs alone. Both transcripts of each program stay in .compat/out.
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

	"github.com/gatefold/gatefold/internal/testenv"
)

// lists are the protocols' programs. A protocol's own file says what its servers are and what runs there.
var lists = []list{mysqlList}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compat:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".compat")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	lock, err := testenv.LockFolder(ctx, filepath.Join(dir, "lock"), false)
	if err != nil {
		return err
	}
	defer lock.Release()
	differ := 0
	for _, l := range lists {
		programs, err := l.chosen(args)
		if err != nil {
			return err
		}
		n, err := l.run(ctx, root, dir, programs)
		if err != nil {
			return err
		}
		differ += n
	}
	if differ > 0 {
		return fmt.Errorf("%d differ in a way that nothing explains", differ)
	}
	return nil
}

// chosen are the programs that the arguments ask for.
func (l list) chosen(args []string) ([]program, error) {
	if len(args) == 0 || args[0] == "all" {
		return l.programs, nil
	}
	var chosen []program
	for _, arg := range args {
		n := len(chosen)
		for _, p := range l.programs {
			if p.name == arg || arg == "quick" && p.quick {
				chosen = append(chosen, p)
			}
		}
		if len(chosen) == n {
			return nil, errors.New("usage: compat [quick|NAME...]; there is no " + arg)
		}
	}
	return chosen, nil
}
