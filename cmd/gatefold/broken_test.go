package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
)

// breakJournal takes the disk away below the journal: its segments are cut short under the mapping, so that the next
// append is SIGBUS, as on a disk that fails. What was written is moved aside, and is put back by mendJournal.
func (g *gate) breakJournal() {
	g.t.Helper()
	for _, path := range g.segments("*.seg") {
		whole, err := os.ReadFile(path)
		if err != nil {
			g.t.Fatal(err)
		}
		if err := os.WriteFile(path+".kept", whole, 0o600); err != nil {
			g.t.Fatal(err)
		}
		if err := os.Truncate(path, 0); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *gate) mendJournal() {
	g.t.Helper()
	for _, path := range g.segments("*.kept") {
		if err := os.Rename(path, strings.TrimSuffix(path, ".kept")); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *gate) segments(pattern string) []string {
	g.t.Helper()
	found, err := filepath.Glob(filepath.Join(journalDir(filepath.Join(g.dir, "s")), pattern))
	if err != nil || len(found) == 0 {
		g.t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found
}

// stopBroken stops a gateway whose journal is broken, which it must say.
func (g *gate) stopBroken() {
	g.t.Helper()
	err := g.stop()
	g.stop = func() error { return nil }
	if err == nil || !strings.Contains(err.Error(), "journal") {
		g.t.Errorf("the gateway ends with %v: it doesn't say that its journal is broken", err)
	}
}

// afterBreaking mends the journal, starts the gateway again and returns the last session's records.
func (g *gate) afterBreaking() []record.Record {
	g.t.Helper()
	g.stopBroken()
	g.mendJournal()
	g.startHere()
	if err := g.stop(); err != nil {
		g.t.Fatalf("the run after: %v", err)
	}
	if out, errs, code := g.try("", "verify"); code != 0 {
		g.t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
	store, err := local.Open(archiveDir(filepath.Join(g.dir, "s")), local.Read)
	if err != nil {
		g.t.Fatal(err)
	}
	defer store.Close()
	for s, err := range store.Sessions(context.Background(), record.Narrow{User: "alice"}) {
		if err != nil {
			g.t.Fatal(err)
		}
		var list []record.Record
		for r, err := range store.Tail(context.Background(), s.ID) {
			if err != nil {
				g.t.Fatal(err)
			}
			list = append(list, r.Clone())
		}
		return list
	}
	g.t.Fatal("there is no session of alice")
	return nil
}

// superuser is a connection to the target itself.
func (g *gate) superuser() *pgx.Conn {
	g.t.Helper()
	c, err := pgx.Connect(context.Background(), g.pg.DSN(g.db))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// direct asks the target itself for one value.
func (g *gate) direct(sql string) (v string) {
	g.t.Helper()
	c := g.superuser()
	defer c.Close(context.Background())
	if err := c.QueryRow(context.Background(), sql).Scan(&v); err != nil {
		g.t.Fatal(err)
	}
	return v
}

// endsUnknown checks that the last action of a session, which reads like text, has the outcome unknown, and its Close too.
func endsUnknown(t *testing.T, list []record.Record, text string) {
	t.Helper()
	last := list[len(list)-1]
	if last.Kind != record.KindClose || last.Outcome != record.OutcomeUnknown {
		t.Errorf("the session ends in %+v", last)
	}
	var action record.Record
	outcome := record.OutcomeNone
	for _, r := range list {
		switch {
		case r.Kind.Action():
			action, outcome = r, record.OutcomeNone
		case r.Kind == record.KindResult && r.Of == action.Seq:
			outcome = r.Outcome
		}
	}
	if !strings.Contains(string(action.Text), text) || outcome != record.OutcomeUnknown {
		t.Errorf("the last action is %q and ended %v, want %q, unknown", action.Text, outcome, text)
	}
}

// A statement that a broken journal can't take is not run and ends its session; the next start says of the session what
// is known.
func TestAStatementOnABrokenJournalIsNotRun(t *testing.T) {
	g := newGate(t, gateOptions{stopped: true})
	g.startHere()
	c := g.connect()
	if _, err := c.Exec(context.Background(), "CREATE TABLE said (what text)"); err != nil {
		t.Fatal(err)
	}
	g.breakJournal()
	_, err := c.Exec(context.Background(), "INSERT INTO said VALUES ('unrecorded')", pgx.QueryExecModeSimpleProtocol)
	if err == nil {
		t.Fatal("it ran")
	}
	g.poll("the session ends", c.IsClosed)
	if n := g.direct("SELECT count(*)::text FROM said"); n != "0" {
		t.Errorf("the target has %s rows of what wasn't recorded", n)
	}
	if _, err := pgconn.Connect(context.Background(), g.dsn()); err == nil {
		t.Error("a session begins without a record")
	}
	list := g.afterBreaking()
	if last := list[len(list)-1]; last.Kind != record.KindClose || last.Outcome != record.OutcomeUnknown {
		t.Errorf("the session ends in %+v", last)
	}
}

// A result that can't be written, not even in the room that was set aside for it: the target's connection is cut, and the
// next start says that nobody knows what became of it.
func TestAResultOnABrokenJournalCutsTheSession(t *testing.T) {
	g := newGate(t, gateOptions{stopped: true})
	g.startHere()
	c, locker := g.connect(), g.superuser()
	for _, sql := range []string{"CREATE TABLE one (n int)", "INSERT INTO one VALUES (1)"} {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := locker.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(context.Background(), "LOCK TABLE one"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "BEGIN; UPDATE one SET n = 2", pgx.QueryExecModeSimpleProtocol)
		ended <- err
	}()
	g.poll("the update waits for its lock", func() bool {
		return g.direct("SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'BEGIN; UPDATE%'") == "1"
	})
	g.breakJournal()
	if err := lock.Rollback(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the client was told a result that is not on record")
	}
	g.poll("the target's session is gone", func() bool {
		return g.direct("SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE 'BEGIN; UPDATE%'") == "0"
	})
	if n := g.direct("SELECT n::text FROM one"); n != "1" {
		t.Errorf("the transaction was committed: %s", n)
	}
	endsUnknown(t, g.afterBreaking(), "UPDATE one SET n = 2")
}

// slowContent is COPY content that goes on when it is told to.
type slowContent struct {
	rows chan string
	rest string
}

func (s *slowContent) Read(p []byte) (int, error) {
	if s.rest == "" {
		row, ok := <-s.rows
		if !ok {
			return 0, io.EOF
		}
		s.rest = row
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// A COPY is in flight when the journal breaks: its end would commit it, so it never gets one; the target's connection is
// cut, and the server has nothing of it.
func TestACopyOnABrokenJournalIsNotCommitted(t *testing.T) {
	g := newGate(t, gateOptions{stopped: true})
	g.startHere()
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
	content.rows <- strings.Repeat("1\n", 50_000)
	g.poll("the server reads content", func() bool {
		return g.direct("SELECT count(*)::text FROM pg_stat_progress_copy WHERE bytes_processed > 0") == "1"
	})
	g.breakJournal()
	if _, err := other.Exec(context.Background(), "SELECT 1", pgx.QueryExecModeSimpleProtocol); err == nil { // it finds out
		t.Fatal("a statement ran unrecorded")
	}
	close(content.rows) // CopyDone
	if err := <-ended; err == nil {
		t.Error("the client was told that the COPY is done")
	}
	g.poll("the server is done with it", func() bool {
		return g.direct("SELECT count(*)::text FROM pg_stat_progress_copy") == "0"
	})
	if n := g.direct("SELECT count(*)::text FROM copied"); n != "0" {
		t.Errorf("the server has committed %s rows", n)
	}
	g.afterBreaking()
}
