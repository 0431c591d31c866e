package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Lock is one process's hold on a folder. It goes with the process.
type Lock struct{ f *os.File }

// LockFolder takes the lock file at path. Where another process has it, that one is asked to end (SIGTERM) when
// takeOver, and is waited for in either case, until ctx ends.
func LockFolder(ctx context.Context, path string, takeOver bool) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock folder: %w", err)
	}
	for asked := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return hold(f)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if takeOver && !asked {
			asked = askToEnd(f)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: another process holds it: %w", path, context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}

// hold writes into the lock file who holds it.
func hold(f *os.File) (*Lock, error) {
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return &Lock{f}, err
}

// askToEnd sends SIGTERM to the holder: it holds the lock, so the pid that it wrote is its own.
func askToEnd(f *os.File) bool {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return err == nil && pid > 1 && syscall.Kill(pid, syscall.SIGTERM) == nil
}

// Release lets the folder go.
func (l *Lock) Release() error { return l.f.Close() }
