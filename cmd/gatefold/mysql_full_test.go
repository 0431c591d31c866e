package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/record"
)

// TestMySQLDiskFullNotRecordedNotRun fills the disk under journal and archive: statements, prepared ones and packets of
// several are then refused and never reach the target, the session lives, and goes on when there is room again.
func TestMySQLDiskFullNotRecordedNotRun(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, stopped: true, recording: "{wait: 200ms, segment: 4MiB, journal: 64MiB}"})
	g.smallDisk("32m")
	from := g.logSize()
	g.start(false)
	c := g.dialMySQL(multi)
	p, err := c.PrepareContext(c.ctx, "SELECT ?")
	if err != nil {
		t.Fatal(err)
	}
	ballast := g.fill()
	// A longer parameter goes out in chunks, and what fails on the way ends the session.
	pad, short := strings.Repeat("x", 200<<10), strings.Repeat("x", 40<<10)
	run := func(i int) (err error) {
		mark := fmt.Sprintf("kill-0-0-%d", i)
		switch i % 3 {
		case 0:
			_, err = c.ExecContext(c.ctx, "SELECT '"+mark+"' -- "+pad)
		case 1:
			_, err = c.ExecContext(c.ctx, "SELECT 1; SELECT '"+mark+"' -- "+pad)
		case 2:
			var got string
			err = p.QueryRowContext(c.ctx, mark+short).Scan(&got)
		}
		return err
	}
	ran, refused := 0, 0
	for i := 0; i < 400 && refused < 6; i++ {
		err := run(i)
		switch {
		case err == nil:
			ran++
		case errno(err) == 1021 && strings.Contains(err.Error(), "not recorded, not run"):
			refused++
		default:
			t.Fatalf("statement %d: %v", i, err)
		}
	}
	if ran == 0 || refused < 6 {
		t.Fatalf("with a full disk %d ran and %d were refused", ran, refused)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	i := 999
	g.poll("statements run again", func() bool { i += 3; return run(i) == nil && run(i+1) == nil && run(i+2) == nil })
	c.close()
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
	g.oneResultEach()
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// slowFile has the driver send a file that goes on when it is told to.
func slowFile(t testing.TB, name string) *slowContent {
	content := &slowContent{rows: make(chan string)}
	mysql.RegisterReaderHandler(name, func() io.Reader { return content })
	t.Cleanup(func() { mysql.DeregisterReaderHandler(name) })
	return content
}

// loads starts LOAD DATA LOCAL of a slow file into table copied, and waits until its first rows are taken.
func (g *gate) loads(c *mysqlClient, content *slowContent, name, rows string) <-chan error {
	g.t.Helper()
	c.must(g.t, "CREATE TABLE copied (n int) ENGINE=InnoDB")
	ended := make(chan error, 1)
	go func() {
		_, err := c.ExecContext(c.ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' INTO TABLE copied")
		ended <- err
	}()
	content.rows <- rows
	g.awaitRunning("INTO TABLE copied")
	return ended
}

// A LOAD DATA LOCAL is in flight when the disk fills up: it was recorded and room for its result was set aside with it, so
// it goes on to its end, while nothing new is run.
func TestMySQLDiskFullALoadInFlightEnds(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, stopped: true, recording: "{wait: 200ms, segment: 4MiB, journal: 64MiB}"})
	g.smallDisk("32m")
	g.start(false)
	c, other := g.dialMySQL(nil), g.dialMySQL(nil)
	content := slowFile(t, "full")
	ended := g.loads(c, content, "full", "1\n")
	ballast := g.fill()
	pad := strings.Repeat("x", 200<<10)
	for i := 0; ; i++ {
		code := other.exec(fmt.Sprintf("SELECT 'kill-0-0-%d' -- %s", i, pad))
		if code == 1021 {
			break
		}
		if code != 0 || i > 400 {
			t.Fatalf("statement %d: %d", i, code)
		}
	}
	content.rows <- "2\n"
	close(content.rows)
	if err := <-ended; err != nil {
		t.Errorf("the load ended with %v", err)
	}
	if n := g.mysqlDirect("SELECT count(*) FROM copied"); n != "2" {
		t.Errorf("the target has %s rows, want 2", n)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	c.close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if out := g.run("", "search", "LOAD DATA"); !strings.Contains(out, "2 rows, 4 bytes of data") {
		t.Errorf("on record is\n%s", out)
	}
}

// A statement that a broken journal can't take is not run and ends its session.
func TestMySQLAStatementOnABrokenJournalIsNotRun(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, stopped: true})
	g.startHere()
	c := g.dialMySQL(nil)
	c.must(t, "CREATE TABLE said (what text)")
	g.breakJournal()
	if code := c.exec("INSERT INTO said VALUES ('unrecorded')"); code == 0 {
		t.Fatal("it ran")
	}
	g.poll("the session ends", c.gone)
	if n := g.mysqlDirect("SELECT count(*) FROM said"); n != "0" {
		t.Errorf("the target has %s rows of what wasn't recorded", n)
	}
	if _, err := dialMySQL(g.alice(), g.db, nil); err == nil {
		t.Error("a session begins without a record")
	}
	list := g.afterBreaking()
	if last := list[len(list)-1]; last.Kind != record.KindClose || last.Outcome != record.OutcomeUnknown {
		t.Errorf("the session ends in %+v", last)
	}
}

// A result of a long execution that can't be written, not even in the room that was set aside for it: the target's
// connection is cut, and the next start says that nobody knows what became of it.
func TestMySQLAResultOnABrokenJournalCutsTheSession(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, stopped: true})
	g.startHere()
	c, locker := g.dialMySQL(nil), g.mysqlSuper()
	c.must(t, "CREATE TABLE one (n int) ENGINE=InnoDB")
	c.must(t, "INSERT INTO one VALUES (1)")
	p, err := c.PrepareContext(c.ctx, "UPDATE one SET n = ? /* long execution */")
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, "BEGIN")
	for _, text := range []string{"USE " + g.db, "BEGIN", "SELECT * FROM one FOR UPDATE"} {
		locker.must(t, text)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := p.ExecContext(c.ctx, 2)
		ended <- err
	}()
	g.awaitRunning("long execution")
	g.breakJournal()
	locker.must(t, "ROLLBACK")
	if err := <-ended; err == nil {
		t.Error("the client was told a result that is not on record")
	}
	g.awaitGone()
	if n := g.mysqlDirect("SELECT n FROM one"); n != "1" {
		t.Errorf("the transaction was committed: %s", n)
	}
	list := g.afterBreaking()
	if last := list[len(list)-1]; last.Kind != record.KindClose || last.Outcome != record.OutcomeUnknown {
		t.Errorf("the session ends in %+v", last)
	}
	before := list[len(list)-2]
	if before.Kind != record.KindResult || before.Outcome != record.OutcomeUnknown {
		t.Errorf("the execution ended in %+v", before)
	}
}

// awaitGone waits until account app has no session at the target.
func (g *gate) awaitGone() {
	g.t.Helper()
	super := g.mysqlSuper()
	g.poll("the target's session is gone", func() bool {
		return super.value(g.t, "SELECT count(*) FROM information_schema.processlist WHERE user = '"+g.app+"'") == "0"
	})
	super.close()
}

// A LOAD DATA LOCAL is in flight when the journal breaks: the file's end would commit it, so it never gets one; the
// target's connection is cut, and the server has nothing of it.
func TestMySQLALoadOnABrokenJournalIsNotCommitted(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, stopped: true})
	g.startHere()
	c, other := g.dialMySQL(nil), g.dialMySQL(nil)
	content := slowFile(t, "broken")
	ended := g.loads(c, content, "broken", strings.Repeat("1\n", 50_000))
	g.breakJournal()
	if code := other.exec("SELECT 1"); code == 0 { // it finds out
		t.Fatal("a statement ran unrecorded")
	}
	close(content.rows) // the end of the file
	if err := <-ended; err == nil {
		t.Error("the client was told that the load is done")
	}
	g.awaitGone()
	if n := g.mysqlDirect("SELECT count(*) FROM copied"); n != "0" {
		t.Errorf("the server has committed %s rows", n)
	}
	g.afterBreaking()
}
