package main

import (
	"bytes"
	"context"
	"iter"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
)

// clickhouseTrouble is what a life's ClickHouse meets. calm: nothing that the follower could see.
type clickhouseTrouble struct {
	name       string
	begin, end func()
	calm       bool
}

// TestChaosClickHouse kills the gateway again and again under load, while its ClickHouse is killed, hangs, answers pages and
// errors, and loses halves of batches. At the end the server's own log is the witness for the archive here, and that for the
// one in ClickHouse: the same records, once.
func TestChaosClickHouse(t *testing.T) {
	c, dsn := liveBesideClickHouse(t, "")
	if said := c.run("", "backfill"); !strings.Contains(said, "; 0 left") {
		t.Errorf("backfill: %s", said)
	}
	c.audit()
	c.auditClickHouse(dsn)
}

// TestChaosClickHouseHome is the same where ClickHouse is the home: whatever the server ran is there, once, and nowhere else.
func TestChaosClickHouseHome(t *testing.T) {
	c, dsn := liveBesideClickHouse(t, ", home: true")
	c.elsewhere = func() recorded {
		o := clickhouseOptions(t, dsn)
		there, err := clickhouse.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return there
	}
	c.audit()
	rows, once := countRows(t, dsn)
	t.Logf("  in ClickHouse            %d records, %d rows before merging", once, rows)
	if on := c.onRecord(); uint64(on.records) != once {
		t.Errorf("%d records are read, and there are %d", on.records, once)
	}
}

// liveBesideClickHouse is lives of a gateway beside a ClickHouse in trouble, and a last one that is calm.
func liveBesideClickHouse(t *testing.T, more string) (c *chaos, dsn string) {
	const clients = 8
	e := chengine.NewForTest(t, chengine.Options{})
	dsn = e.CreateDB(t)
	front := chengine.NewFront(t, e.Addr)
	u, err := url.Parse(front.DSN(dsn))
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	c = &chaos{gate: newGate(t, gateOptions{stopped: true, recording: "{wait: 100ms, segment: 4MiB, journal: 64MiB}",
		extra: "clickhouse: {dsn: \"" + u.String() + "\", tls: {mode: off}, timeout: 3s, batch: {wait: 50ms, records: 2000}" + more + "}\n"}),
		rng: rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano()))), lives: map[string]int{}}
	c.run("sesame\n", "secret", "add", "clickhouse", "--user", "default")
	c.chaosTable(t)
	c.from = c.logSize()
	list := clickhouseTroubles(t, e, front)
	for round := 0; c.kills < max(len(list), *chaosKills/2); round++ {
		c.follow(round, list[round%len(list)], front, clients)
	}
	c.env = nil
	c.startProcess() // writes what the last kill left open
	if err := c.stop(); err != nil {
		t.Fatalf("the last life: %v\n%s", err, c.log.tail(4<<10))
	}
	return c, dsn
}

func clickhouseTroubles(t *testing.T, e *chengine.Engine, front *chengine.Front) []clickhouseTrouble {
	calm := func() { front.Set(nil) }
	with := func(f chengine.Fault) func() { return func() { front.Set(f) } }
	return []clickhouseTrouble{
		{"none", calm, calm, true},
		{"the server is killed", func() { e.Kill(t) }, func() { e.Start(t) }, true},
		{"the server is killed beside us", func() { e.Restart(t) }, calm, true},
		{"it hangs", with(chengine.Hang), calm, false},
		{"a page", with(chengine.Inserts(chengine.HTML)), calm, false},
		{"500", with(chengine.Refuse), calm, false},
		{"done and 500", with(chengine.Inserts(chengine.Lose)), calm, false},
		{"half a batch", with(chengine.Inserts(chengine.Half)), calm, false},
		{"a full disk", with(chengine.Inserts(chengine.Exception(243, "NOT_ENOUGH_SPACE"))), calm, false},
		{"a wrong password", with(chengine.Exception(516, "AUTHENTICATION_FAILED")), calm, false},
	}
}

// follow is one life of the gateway, beside a ClickHouse in trouble. Clients notice nothing of that.
func (c *chaos) follow(round int, tr clickhouseTrouble, front *chengine.Front, clients int) {
	c.t.Helper()
	c.lives[tr.name]++
	c.env = nil
	if round%3 == 2 {
		c.lives["clock jumps"]++
		c.env = []string{clockVariable + "=jumps"}
	}
	c.startProcess()
	load := c.startLoad(round, clients, "")
	c.pollAlive("each kind of client works", load.warm)
	hits := front.Hits()
	tr.begin()
	if !tr.calm {
		c.pollAlive("the follower meets trouble", func() bool { return front.Hits() > hits })
	}
	load.forget()
	c.pollAlive("clients work beside it", load.any)
	select { // the random moment, not a wait for anything
	case <-time.After(time.Duration(c.rng.IntN(200)) * time.Millisecond):
	case <-c.gone:
	}
	if c.ended() {
		c.t.Errorf("the gateway ended: %s", c.log.tail(4<<10))
	}
	c.kill()
	c.kills++
	c.refused += load.stop()
	tr.end()
}

// auditClickHouse holds the archive in ClickHouse against the one here, session by session, and prints the counts.
func (c *chaos) auditClickHouse(dsn string) {
	t := c.t
	there, err := clickhouse.Open(t.Context(), clickhouseOptions(t, dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := local.Open(archiveDir(c.dir+"/s"), local.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	sessions, records, differ := 0, uint64(0), 0
	for line, err := range here.Sessions(t.Context(), record.Narrow{}) {
		if err != nil {
			t.Fatal(err)
		}
		a, n := tail(t, here, line.ID)
		b, _ := tail(t, there, line.ID)
		if !bytes.Equal(a, b) {
			differ++
		}
		sessions, records = sessions+1, records+n
	}
	rows, once := countRows(t, dsn)
	t.Logf(`  in ClickHouse            %d records, %d rows before merging; %d sessions here, %d of them not the same`,
		once, rows, sessions, differ)
	if differ > 0 || once != records {
		t.Errorf("%d sessions differ; %d records here, %d there", differ, records, once)
	}
	own, theirs := c.run("", "verify"), c.run("", "verify", "--store", "clickhouse")
	if tallied(own) != tallied(theirs) {
		t.Errorf("verify says here\n%s\nand there\n%s", own, theirs)
	}
}

// clickhouseOptions read what a chaos left in ClickHouse.
func clickhouseOptions(t testing.TB, dsn string) clickhouse.Options {
	t.Helper()
	o, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return clickhouse.Options{Hosts: o.Addr, HTTP: true, Database: o.Auth.Database, User: o.Auth.Username, Compression: "none",
		DialTimeout: time.Minute, Timeout: time.Minute, Mode: clickhouse.Read, Gateway: "test"}
}

// countRows counts the rows of records, and the different records among them.
func countRows(t testing.TB, dsn string) (rows, once uint64) {
	t.Helper()
	o, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.QueryRow(t.Context(), "SELECT count(), uniqExact(session, seq) FROM records").Scan(&rows, &once); err != nil {
		t.Fatal(err)
	}
	return rows, once
}

// tail is a session as a store has it, encoded.
func tail(t testing.TB, s interface {
	Tail(context.Context, record.ID) iter.Seq2[record.Record, error]
}, id record.ID) (b []byte, n uint64) {
	t.Helper()
	for r, err := range s.Tail(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		b = record.AppendRecord(b, &r)
		n++
	}
	return b, n
}
