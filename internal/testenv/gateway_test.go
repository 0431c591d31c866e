package testenv

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// helperAdmin makes this test binary, run again, stand in for gatefold: /healthz there, until SIGTERM. "fail" makes
// it complain and end.
const helperAdmin = "TESTENV_HELPER_ADMIN"

func standIn(admin string) {
	if admin == "fail" {
		os.Stderr.WriteString("the state folder is in use\n")
		os.Exit(1)
	}
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	os.Stderr.WriteString(http.ListenAndServe(admin, nil).Error())
	os.Exit(1)
}

func newStandIn(t *testing.T) *Gateway {
	t.Helper()
	g := &Gateway{Bin: os.Args[0], Dir: t.TempDir()}
	if err := g.PickAddresses(0, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Setenv(helperAdmin, g.Admin)
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func TestGatewayStartsAndIsFoundAndStops(t *testing.T) {
	g := newStandIn(t)
	if pid := g.PID(); pid != 0 {
		t.Fatalf("process %d before the start", pid)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := &Gateway{Bin: g.Bin, Dir: g.Dir, Admin: g.Admin} // another run, in the same folder
	if !Alive(other.PID()) || !other.Current() || !other.Healthy(t.Context()) {
		t.Errorf("pid %d, current %v, healthy %v", other.PID(), other.Current(), other.Healthy(t.Context()))
	}
	if elsewhere := (&Gateway{Bin: g.Bin, Dir: filepath.Join(g.Dir, "x")}); elsewhere.PID() != 0 {
		t.Error("another folder's gateway is taken for this one's")
	}
	if err := other.Stop(); err != nil || g.PID() != 0 || g.Healthy(t.Context()) {
		t.Errorf("stop: %v, pid %d", err, g.PID())
	}
}

// A gateway built anew is not the one that runs.
func TestGatewayOfAnOlderBuildIsNotCurrent(t *testing.T) {
	g := newStandIn(t)
	built, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	g.Bin = filepath.Join(g.Dir, "gatefold")
	if err := os.WriteFile(g.Bin, built, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(g.Bin); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(g.Bin, built, 0o700); err != nil {
		t.Fatal(err)
	}
	if g.Current() {
		t.Error("the old build is taken for the new one")
	}
}

func TestGatewayThatEndsAtOnceSaysWhy(t *testing.T) {
	g := newStandIn(t)
	t.Setenv(helperAdmin, "fail")
	if err := g.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "the state folder is in use") {
		t.Errorf("got %v", err)
	}
}

// helperLock makes this test binary, run again, hold that lock.
const helperLock = "TESTENV_HELPER_LOCK"

func TestLockIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	cmd := startSelf(t, helperLock+"="+path)
	lock, err := LockFolder(t.Context(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the holder ended with: %v", err)
	}
}

func TestLockIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := LockFolder(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := LockFolder(ended, path, false); err == nil {
		t.Fatal("two have the lock")
	}
	got := make(chan error)
	go func() {
		second, err := LockFolder(t.Context(), path, false)
		if err == nil {
			err = second.Release()
		}
		got <- err
	}()
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}
