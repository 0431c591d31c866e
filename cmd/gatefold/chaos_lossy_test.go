package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatefold/gatefold/internal/testenv"
)

// TestChaosBestEffort fills the disk under a target whose recording is best_effort: statements go on, and what the gap
// records admit to is, to the statement, what the server ran and the archive lacks.
func TestChaosBestEffort(t *testing.T) {
	bestEffort(t, gateOptions{}, func(g *gate) (run func(marker, pad string) error, end func()) {
		c := g.connect()
		run = func(marker, pad string) error {
			_, err := c.Exec(context.Background(), "SELECT '"+marker+"' -- "+pad, pgx.QueryExecModeSimpleProtocol)
			return err
		}
		return run, func() { c.Close(context.Background()) }
	})
}

// TestChaosBestEffortSSH is the same of SSH and its programs.
func TestChaosBestEffortSSH(t *testing.T) {
	o := gateOptions{ssh: true, sshd: testenv.NewSSHForTest(t, testenv.Options{LogStatements: true})}
	bestEffort(t, o, func(g *gate) (run func(marker, pad string) error, end func()) {
		c, err := g.sshLogin().Dial()
		if err != nil {
			t.Fatal(err)
		}
		run = func(marker, pad string) error { return sshRun(c, ": "+marker+" # "+pad, nil) }
		return run, func() { c.Close() }
	})
}

// bestEffort fills the disk while a few sessions, of which open makes one, run statements.
func bestEffort(t *testing.T, o gateOptions, open func(*gate) (run func(marker, pad string) error, end func())) {
	const clients, each = 4, 50
	o.stopped, o.lossy, o.recording = true, true, "{wait: 200ms, segment: 4MiB, journal: 64MiB}"
	g := newGate(t, o)
	g.smallDisk("32m")
	from := g.logSize()
	g.start(false)
	pad := strings.Repeat("x", 100<<10)
	n := 0
	var runs []func(pad string)
	var ends []func()
	add := func() {
		do, end := open(g)
		ends, runs = append(ends, end), append(runs, func(pad string) {
			t.Helper()
			n++
			if err := do(fmt.Sprintf("kill-0-0-%d", n), pad); err != nil {
				t.Fatalf("statement %d: %v", n, err)
			}
		})
	}
	for range clients {
		add()
	}
	ballast := g.fill()
	for range each {
		for _, run := range runs {
			run(pad)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	add() // a session opens only where it can be recorded: there is room again
	runs[clients]("")
	for i, run := range runs {
		if i > 0 { // the first ends without another statement: its gap goes before its Close
			run("") // its gap goes before it
		}
		ends[i]()
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	ran, rec := g.markersInLog(from), g.onRecord()
	t.Logf("the server ran %d statements; %d are on record, gap records admit to %d", len(ran), len(rec.markers), rec.lost)
	if len(ran) != n || rec.lost == 0 || len(rec.markers)+int(rec.lost) != n {
		t.Errorf("%d were sent", n)
	}
	for m, times := range rec.markers {
		if times != 1 || ran[m] != 1 {
			t.Errorf("%s ran %d times and is on record %d times", m, ran[m], times)
		}
	}
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}
