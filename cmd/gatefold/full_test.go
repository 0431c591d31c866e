package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// smallDisk mounts a tmpfs of a few MiB on the state folder.
func (g *gate) smallDisk(size string) {
	g.t.Helper()
	dir := filepath.Join(g.dir, "s")
	old := filepath.Join(g.dir, "old")
	if err := os.Rename(dir, old); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		g.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		g.t.Skipf("mounting a small disk takes root: %v", err)
	}
	g.t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
		g.t.Fatal(err)
	}
	for _, name := range []string{"users.json", "vault.sealed", "identity.key"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
}

// fill writes a file until the disk is full, and returns its path.
func (g *gate) fill() string {
	g.t.Helper()
	path := filepath.Join(g.dir, "s", "ballast")
	f, err := os.Create(path)
	if err != nil {
		g.t.Fatal(err)
	}
	defer f.Close()
	for chunk := 1 << 20; chunk >= 4<<10; {
		if _, err := f.Write(make([]byte, chunk)); err != nil {
			chunk /= 2
		}
	}
	return path
}

// TestDiskFullNotRecordedNotRun fills the disk under journal and archive: statements are then refused and never reach
// the target, the session lives, and goes on when there is room again. Nothing that ran is missing.
func TestDiskFullNotRecordedNotRun(t *testing.T) {
	g := newGate(t, gateOptions{stopped: true, recording: "{wait: 200ms, segment: 4MiB, journal: 64MiB}"})
	g.smallDisk("32m")
	from := g.logSize()
	g.start(false)
	c := g.connect()
	ballast := g.fill()
	pad := strings.Repeat("x", 200<<10)
	ran, refused := 0, 0
	run := func(i int) error {
		_, err := c.Exec(context.Background(), fmt.Sprintf("SELECT 'kill-0-0-%d' -- %s", i, pad), pgx.QueryExecModeSimpleProtocol)
		return err
	}
	for i := 0; i < 400 && refused < 3; i++ {
		err := run(i)
		switch {
		case err == nil:
			ran++
		case sqlstate(err) == "53100" && strings.Contains(err.Error(), "not recorded, not run"):
			refused++
		default:
			t.Fatalf("statement %d: %v", i, err)
		}
	}
	if ran == 0 || refused < 3 {
		t.Fatalf("with a full disk %d ran and %d were refused", ran, refused)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	i := 1000
	g.poll("statements run again", func() bool { i++; return run(i) == nil })
	c.Close(context.Background())
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	onServer, recorded := g.markersInLog(from), g.markersOnRecord()
	for m := range onServer {
		if recorded[m] != 1 {
			t.Errorf("%s ran and is on record %d times", m, recorded[m])
		}
	}
	t.Logf("%d ran before the disk was full; %d on the server's log, %d on record", ran, len(onServer), len(recorded))
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// A COPY is in flight when the disk fills up: it was recorded and room for its result was set aside with it, so it goes on
// to its end and its result is on record, while nothing new is run.
func TestDiskFullACopyInFlightEnds(t *testing.T) {
	g := newGate(t, gateOptions{stopped: true, recording: "{wait: 200ms, segment: 4MiB, journal: 64MiB}"})
	g.smallDisk("32m")
	g.start(false)
	c, other := g.connect(), g.connect()
	if _, err := c.Exec(context.Background(), "CREATE TABLE copied (n int)"); err != nil {
		t.Fatal(err)
	}
	content := &slowContent{rows: make(chan string)}
	ended := make(chan error, 1)
	go func() {
		_, err := c.PgConn().CopyFrom(context.Background(), content, "COPY copied FROM STDIN")
		ended <- err
	}()
	content.rows <- "1\n"
	ballast := g.fill()
	pad := strings.Repeat("x", 200<<10)
	for i := 0; ; i++ {
		_, err := other.Exec(context.Background(), fmt.Sprintf("SELECT 'kill-0-0-%d' -- %s", i, pad), pgx.QueryExecModeSimpleProtocol)
		if sqlstate(err) == "53100" {
			break
		}
		if err != nil || i > 400 {
			t.Fatalf("statement %d: %v", i, err)
		}
	}
	content.rows <- "2\n"
	close(content.rows)
	if err := <-ended; err != nil {
		t.Errorf("the COPY ended with %v", err)
	}
	if n := g.direct("SELECT count(*)::text FROM copied"); n != "2" {
		t.Errorf("the target has %s rows, want 2", n)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if out := g.run("", "search", "COPY copied"); !strings.Contains(out, "done, 2 rows, 4 bytes of data") {
		t.Errorf("on record is\n%s", out)
	}
}
