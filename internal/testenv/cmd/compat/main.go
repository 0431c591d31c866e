// Command compat runs other people's software twice, side by side: directly against a throwaway server, and through
// gatefold against that server's twin. What comes out must be the same, but for what testdata/*/expected.txt explains.
//
//	compat [all|quick|NAME...]
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
	"slices"
	"syscall"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// lists are the protocols' programs. A list's own file says what its servers are and what runs there.
var lists = []list{mysqlList, mariadbSuite, sshList}

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
	chosen, err := choose(args)
	if err != nil {
		return err
	}
	if err := emptyOut(dir); err != nil {
		return err
	}
	differ := 0
	for _, l := range chosen {
		n, err := l.run(ctx, root, dir)
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

// choose returns the lists with those programs that the arguments ask for, and no list without any.
func choose(args []string) ([]list, error) {
	all := len(args) == 0 || args[0] == "all"
	var chosen []list
	found := map[string]bool{}
	for _, l := range lists {
		var programs []program
		for _, p := range l.programs {
			if all && !p.part || slices.Contains(args, p.name) || p.quick && slices.Contains(args, "quick") {
				programs = append(programs, p)
				found["all"], found["quick"], found[p.name] = true, true, true
			}
		}
		if l.programs = programs; len(programs) > 0 {
			chosen = append(chosen, l)
		}
	}
	for _, arg := range args {
		if !found[arg] {
			return nil, errors.New("usage: compat [all|quick|NAME...]; there is no " + arg)
		}
	}
	return chosen, nil
}

func emptyOut(dir string) error {
	out := filepath.Join(dir, "out")
	return errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o700))
}
