package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

var chaosKills = flag.Int("chaos.kills", 16, "how often TestChaos kills the gateway; make chaos does it a hundred times")

// trouble is what a life of the gateway meets before it is killed.
type trouble struct {
	name   string
	faults string // of its archive
	full   bool   // its disk gets full
	clock  bool   // its clock jumps
}

var troubles = []trouble{
	{name: "killed"},
	{name: "archive fails", faults: faultFail + "," + faultLate},
	{name: "disk full", full: true},
	{name: "clock jumps", clock: true},
	{name: "archive slow", faults: faultSlow},
	{name: "killed again"},
	{name: "archive dies", faults: faultDie + "," + faultDying},
	{name: "all at once", full: true, clock: true, faults: strings.Join([]string{faultFail, faultLate, faultSlow}, ",")},
}

// chaos is one state folder in which one gateway after the other lives.
type chaos struct {
	*gate
	rng      *rand.Rand
	from     int64 // in the server's log
	kills    int
	refused  int
	unlucky  int // lives that ended before anybody could log in
	lives    map[string]int
	diskFull bool // rounds with a full disk can be played
}

// TestChaos puts a gateway under load again and again, and has its archive fail, dawdle and die, its disk fill up, its
// clock jump, and the gateway killed at a random moment. At the end the server's own log is the witness: whatever the server ran is in the
// archive, once, and the archive verifies.
func TestChaos(t *testing.T) { liveInChaos(t, gateOptions{}) }

// TestChaosMySQL is the same of MySQL; the witness is MariaDB's general log.
func TestChaosMySQL(t *testing.T) { liveInChaos(t, gateOptions{mysql: true}) }

// TestChaosSSH is the same of SSH; the witness is what the server says before it runs a program, and the log of its
// sftp-server.
func TestChaosSSH(t *testing.T) {
	sshd := testenv.NewSSHForTest(t, testenv.Options{LogStatements: true})
	sshd.NeedTerminals(t)
	liveInChaos(t, gateOptions{ssh: true, sshd: sshd})
}

func liveInChaos(t *testing.T, o gateOptions) {
	const clients = 8
	seed := uint64(time.Now().UnixNano())
	o.stopped, o.recording = true, "{wait: 100ms, segment: 4MiB, journal: 64MiB}"
	c := &chaos{gate: newGate(t, o), rng: rand.New(rand.NewPCG(1, seed)), lives: map[string]int{}, diskFull: canMount(t)}
	c.chaosTable(t)
	if c.diskFull {
		c.smallDisk("256m")
	}
	c.from = c.logSize()
	for round := 0; c.kills < *chaosKills; round++ {
		c.live(round, troubles[round%len(troubles)], clients)
	}
	c.env = nil
	c.startProcess() // writes what the last kill left open
	if err := c.stop(); err != nil {
		t.Fatalf("the last life: %v\n%s", err, c.log.tail(4<<10))
	}
	c.audit()
}

// canMount reports whether this test may mount a disk of its own.
func canMount(t *testing.T) bool {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Logf("LEFT OUT: no disk gets full, since mounting a small one takes root: %v", err)
		return false
	}
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	return true
}

// live is one life: start, load, trouble, SIGKILL.
func (c *chaos) live(round int, tr trouble, clients int) {
	c.t.Helper()
	if tr.full && !c.diskFull {
		return
	}
	c.lives[tr.name]++
	c.env = []string{faultsVariable + "=" + tr.faults}
	if tr.clock {
		c.env = append(c.env, clockVariable+"=jumps")
	}
	log := c.log.len()
	if !c.launch() { // its archive died while it sealed what the last life left
		c.unlucky++
		c.kills++
		c.stop()
		return
	}
	pad := ""
	if tr.full {
		pad = " -- " + strings.Repeat("x", 100<<10)
	}
	load := c.startLoad(round, clients, pad)
	c.pollAlive("each kind of client works", load.warm)
	if tr.full {
		c.fullDisk(load)
	}
	if tr.faults != "" {
		c.pollAlive("the archive meets trouble", func() bool { return strings.Contains(c.log.from(log), "fault=") })
	}
	select { // the random moment, not a wait for anything
	case <-time.After(time.Duration(c.rng.IntN(200)) * time.Millisecond):
	case <-c.gone:
	}
	c.kill()
	c.kills++
	c.refused += load.stop()
	os.Remove(c.ballast())
}

// pollAlive waits until ok or until the gateway is gone.
func (c *chaos) pollAlive(what string, ok func() bool) {
	c.t.Helper()
	c.poll(what, func() bool { return c.ended() || ok() })
}

// fullDisk fills the disk until statements are refused. In one life of two there is room again before it ends.
func (c *chaos) fullDisk(l *load) {
	c.t.Helper()
	c.fill()
	c.pollAlive("statements are refused on a full disk", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.refused > 0
	})
	if c.rng.IntN(2) == 0 {
		return
	}
	if err := os.Remove(c.ballast()); err != nil {
		c.t.Fatal(err)
	}
	l.forget()
	c.pollAlive("statements run again", l.any)
}

func (c *chaos) ballast() string { return c.dir + "/s/ballast" }

// audit holds the archive against the server's log and prints the counts.
func (c *chaos) audit() {
	t := c.t
	ran, rec := c.markersInLog(c.from), c.onRecord()
	missing, twice, notRun := 0, 0, 0
	for m, n := range ran {
		if n != 1 {
			t.Errorf("the load itself is wrong: %s ran %d times", m, n)
		}
		if rec.markers[m] == 0 {
			missing++
		}
	}
	for m, n := range rec.markers {
		if n > 1 {
			twice++
		}
		if ran[m] == 0 {
			notRun++
		}
	}
	faults := map[string]int{}
	for _, line := range strings.Split(c.log.from(0), "\n") {
		if kind, ok := strings.CutPrefix(line, "fault="); ok {
			kind, _, _ = strings.Cut(kind, " ")
			faults[kind]++
		}
	}
	t.Logf(`the report
  kills                    %d, %d of them before anybody could log in
  lives                    %s
  faults of the archive    %s
  steps of the clock       %d told of, %d records older than the one before
  refused, not recorded    %d
  the server ran           %d statements
  of those on record       %d, missing %d
  on record, not run       %d
  on record twice          %d statements, %d records; numbers missing %d
  the archive              %d blocks, %d records, %d sessions (%d opened, %d closed), %d actions, %d results, %d skipped`,
		c.kills, c.unlucky, fmt.Sprint(c.lives)[3:], fmt.Sprint(faults)[3:], rec.steps, rec.back, c.refused, len(ran), len(ran)-missing, missing, notRun,
		twice, rec.twice, rec.gaps, rec.blocks, rec.records, rec.sessions, rec.opened, rec.closed, rec.actions, rec.results, rec.skipped)
	if len(ran) < c.kills || missing > 0 || twice > 0 || rec.twice > 0 || rec.gaps > 0 {
		t.Errorf("of %d statements that the server ran, %d are missing from the record and %d are there twice; %d records are there twice, %d numbers are missing",
			len(ran), missing, twice, rec.twice, rec.gaps)
	}
	if rec.opened != rec.sessions || rec.closed != rec.sessions || rec.results != rec.actions {
		t.Errorf("%d sessions: %d opened, %d closed; %d actions with %d results", rec.sessions, rec.opened, rec.closed, rec.actions, rec.results)
	}
	if c.lives["clock jumps"] > 0 && (rec.steps == 0 || rec.back == 0) {
		t.Errorf("the clock jumped, %d steps were told of and %d records are older than the one before", rec.steps, rec.back)
	}
	if out, errs, code := c.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}
