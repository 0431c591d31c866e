// Command bed starts the targets and a gateway in front of them, in the folder .bed, and leaves them up for anyone's own
// suite; .bed/env says where. `bed up` again leaves what runs as it is, but for a gateway built since, which it
// restarts. `bed down` ends all.
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 || args[0] != "up" && args[0] != "down" {
		return errors.New("usage: bed up|down")
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".bed")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	lock, err := testenv.LockFolder(ctx, filepath.Join(dir, "lock"), false)
	if err != nil {
		return err
	}
	defer lock.Release()
	b := &bed{dir: dir, gate: &testenv.Gateway{Bin: filepath.Join(root, "bin", "gatefold"), Dir: dir}}
	if args[0] == "down" {
		return b.down()
	}
	return b.up(ctx)
}

type bed struct {
	dir  string
	gate *testenv.Gateway
}

func (b *bed) postgresDir() string { return filepath.Join(b.dir, "postgres") }
func (b *bed) mariadbDir() string  { return filepath.Join(b.dir, "mariadb") }
func (b *bed) sshDir() string      { return filepath.Join(b.dir, "ssh") }
func (b *bed) envPath() string     { return filepath.Join(b.dir, "env") }

// up starts what doesn't run.
func (b *bed) up(ctx context.Context) error {
	e, err := readEnv(b.envPath())
	if err != nil || !testenv.PostgresRuns(b.postgresDir()) || !testenv.MariaDBRuns(b.mariadbDir()) || !testenv.OpenSSHRuns(b.sshDir()) {
		if e, err = b.fresh(ctx); err != nil {
			return errors.Join(err, b.down())
		}
	}
	b.gate.Admin = e["GATEFOLD_ADMIN"]
	if !b.gate.Current() {
		if err := b.gate.Stop(); err != nil {
			return err
		}
	}
	if b.gate.PID() == 0 {
		if err := b.gate.Start(ctx); err != nil {
			return err
		}
	}
	if err := e.check(ctx); err != nil {
		return err
	}
	fmt.Printf("PostgreSQL at %s, the same through gatefold at %s\n", e.address(postgresWays[0]), e.address(postgresWays[1]))
	fmt.Printf("MariaDB at %s, the same through gatefold at %s\n", e.address(mysqlWays[0]), e.address(mysqlWays[1]))
	fmt.Printf("OpenSSH at %s, the same through gatefold at %s\n", e.address(sshWays[0]), e.address(sshWays[1]))
	fmt.Println("gatefold's log is .bed/gatefold.log")
	fmt.Println("variables: set -a; . .bed/env      end: make bed-down")
	return nil
}

// down ends all. What they wrote stays until the next up.
func (b *bed) down() error {
	if err := errors.Join(b.gate.Stop(), testenv.StopPostgres(b.postgresDir()), testenv.StopMariaDB(b.mariadbDir()), testenv.StopOpenSSH(b.sshDir())); err != nil {
		return err
	}
	return remove(b.envPath())
}

func remove(paths ...string) error {
	for _, p := range paths {
		if err := os.RemoveAll(p); err != nil {
			return err
		}
	}
	return nil
}
