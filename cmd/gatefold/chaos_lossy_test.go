package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestChaosBestEffort fills the disk under a target whose recording is best_effort: statements go on, and what the gap
// records admit to is, to the statement, what the server ran and the archive lacks.
func TestChaosBestEffort(t *testing.T) {
	const clients, each = 4, 50
	g := newGate(t, gateOptions{stopped: true, lossy: true, recording: "{wait: 200ms, segment: 4MiB, journal: 64MiB}"})
	g.smallDisk("32m")
	from := g.logSize()
	g.start(false)
	pad := " -- " + strings.Repeat("x", 100<<10)
	var conns []*pgx.Conn
	for range clients {
		conns = append(conns, g.connect())
	}
	n := 0
	run := func(c *pgx.Conn, pad string) {
		t.Helper()
		n++
		if _, err := c.Exec(context.Background(), fmt.Sprintf("SELECT 'kill-0-0-%d'%s", n, pad), pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("statement %d: %v", n, err)
		}
	}
	ballast := g.fill()
	for range each {
		for _, c := range conns {
			run(c, pad)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	probe := g.connect() // a session opens only where it can be recorded: there is room again
	run(probe, "")
	for i, c := range append(conns, probe) {
		if i > 0 { // the first ends without another statement: its gap goes before its Close
			run(c, "") // its gap goes before it
		}
		c.Close(context.Background())
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
