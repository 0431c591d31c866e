package testenv

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// named makes names of databases and roles unique in this process.
var named atomic.Uint64

// throwaway is a server of any kind.
type throwaway interface{ Close() error }

// forTest returns the server that start starts, or skips the test.
func forTest[S throwaway](t testing.TB, product string, start func() (S, error)) S {
	t.Helper()
	s, err := start()
	switch {
	case errors.Is(err, ErrMissing):
		t.Skipf("%s %s: %v", SkipMark, product, err)
	case err != nil:
		t.Fatal(err)
	}
	return s
}

// newForTest starts a server that goes with the test, or, should the process end first, with that.
func newForTest[S throwaway](t testing.TB, product string, opt Options, start func(context.Context, Options) (S, error)) S {
	t.Helper()
	opt.Owned = true
	s := forTest(t, product, func() (S, error) { return start(context.Background(), opt) })
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tool returns the path of a program, or skips the test.
func tool(t testing.TB, name string, ensure func() error, find func(string) (string, error)) string {
	t.Helper()
	err := ensure()
	var path string
	if err == nil {
		path, err = find(name)
	}
	if err != nil {
		t.Skipf("%s %s: %v", SkipMark, name, err)
	}
	return path
}
