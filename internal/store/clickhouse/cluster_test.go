package clickhouse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// connect is the driver's own connection to a database.
func connect(t *testing.T, dsn string) driver.Conn {
	t.Helper()
	o, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// All of a cluster's DDL is what the server's parser reads, and says that it is the cluster's.
func TestClusterDDLIsParsed(t *testing.T) {
	conn := connect(t, chengine.ForTest(t).CreateDB(t))
	o := clickhouse.Options{Cluster: "gf"}
	list := append(o.DDL(), o.Upgrades()...)
	list = append(list, o.Sync("records"))
	replicated, distributed := 0, 0
	for _, statement := range list {
		if got := answer(t, conn, "EXPLAIN AST "+statement); len(got) < 3 {
			t.Errorf("nothing is read in\n%s", statement)
		}
		if !strings.Contains(statement, " ON CLUSTER gf") {
			t.Errorf("it is one server's alone:\n%s", statement)
		}
		replicated += strings.Count(statement, "ENGINE = ReplicatedReplacingMergeTree(")
		distributed += strings.Count(statement, "ENGINE = Distributed(gf")
	}
	if replicated != 5 || distributed != 5 {
		t.Errorf("%d tables are replicated and %d distributed", replicated, distributed)
	}
}

// A server with a keeper makes all of the tables and views. (ON CLUSTER itself can't be tried in the library: there is
// nobody who carries it to the servers.)
func TestClusterIsMade(t *testing.T) {
	e := chengine.NewForTest(t, chengine.Options{Config: chengine.KeeperConfig("gf")})
	conn := connect(t, e.CreateDB(t))
	o := clickhouse.Options{Cluster: "gf"}
	for _, statement := range o.DDL() {
		if err := conn.Exec(t.Context(), strings.Replace(statement, " ON CLUSTER gf", "", 1)); err != nil {
			t.Errorf("%v in\n%s", err, statement)
		}
	}
	got := answer(t, conn, "SELECT name, engine FROM system.tables WHERE database = currentDatabase() ORDER BY name")
	want := [][]string{{"name", "engine"},
		{"accesses", "View"}, {"blocks", "Distributed"}, {"blocks_local", "ReplicatedReplacingMergeTree"},
		{"meta", "Distributed"}, {"meta_local", "ReplicatedReplacingMergeTree"},
		{"records", "Distributed"}, {"records_local", "ReplicatedReplacingMergeTree"}, {"sessions", "View"},
		{"spans", "Distributed"}, {"spans_local", "ReplicatedReplacingMergeTree"}, {"statements", "View"},
		{"touched", "Distributed"}, {"touched_local", "ReplicatedReplacingMergeTree"}}
	if !equal(got, want) {
		t.Errorf("there are\n%q, want\n%q", got, want)
	}
}

// oneServer is a cluster that a single server is.
const oneServer = `<clickhouse>
	<tcp_port>9000</tcp_port>
	<remote_servers><gf><shard><internal_replication>true</internal_replication>
		<replica><host>127.0.0.1</host><port>9000</port></replica>
	</shard></gf></remote_servers>
</clickhouse>`

// What is inserted into local tables is read through Distributed ones, in every way that a store is read.
func TestClusterConformance(t *testing.T) {
	e := chengine.NewForTest(t, chengine.Options{Config: oneServer})
	storetest.Run(t, func(t *testing.T) storetest.Place {
		dsn := e.CreateDB(t)
		place := func(t *testing.T, mode clickhouse.Mode) clickhouse.Options {
			o := options(t, dsn, mode)
			o.Cluster = "gf"
			o.Alone()
			return o
		}
		open(t, place(t, clickhouse.Write))
		return storetest.Place{
			Write: func(t *testing.T) storetest.Store { return open(t, place(t, clickhouse.Write)) },
			Read:  func(t *testing.T) storetest.Store { return open(t, place(t, clickhouse.Read)) },
		}
	})
}

// The views' and the documentation's queries work in a cluster as well.
func TestClusterViews(t *testing.T) {
	e := chengine.NewForTest(t, chengine.Options{Config: oneServer})
	dsn := e.CreateDB(t)
	o := options(t, dsn, clickhouse.Write)
	o.Cluster = "gf"
	o.Alone()
	s := open(t, o)
	for _, b := range storetest.Shop() {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	conn := connect(t, dsn)
	period := "since = '2026-11-01', until = '2026-12-01'"
	for query, want := range map[string]string{
		"SELECT user FROM accesses(name = 'salaries', " + period + ")":              "alice",
		"SELECT count() FROM statements(" + period + ") WHERE has(tables,'orders')": "3",
		"SELECT user FROM sessions WHERE target = 'stock' ORDER BY user LIMIT 1":    "carol",
	} {
		if got := answer(t, conn, query); len(got) != 2 || got[1][0] != want {
			t.Errorf("%s: %q, want %s", query, got, want)
		}
	}
}

// Go and SQL agree where a row belongs, and all shards get some.
func TestShardingKey(t *testing.T) {
	conn := connect(t, chengine.ForTest(t).CreateDB(t))
	for _, shards := range []int{1, 2, 3, 7} {
		got := make([]int, shards)
		for range 200 {
			id := record.NewID(storetest.NewMaker().Now)
			n := clickhouse.ShardOf(id, shards)
			got[n]++
			query := fmt.Sprintf("SELECT %s %% %d FROM (SELECT toFixedString(unhex('%x'), 16) AS session)", clickhouse.ShardingKey, shards, id[:])
			if shards == 3 && answer(t, conn, query)[1][0] != fmt.Sprint(n) {
				t.Fatalf("id %v is in shard %d, and not by %s", id, n, query)
			}
		}
		if slices.Min(got) == 0 {
			t.Errorf("of %d shards some get nothing: %v", shards, got)
		}
	}
}

// Two shards share the sessions: each is whole in one of them, and all are there, also when a batch comes twice.
func TestShardsShareSessions(t *testing.T) {
	e := chengine.ForTest(t)
	dsns := []string{e.CreateDB(t), e.CreateDB(t)}
	var conns []driver.Conn
	for _, dsn := range dsns {
		open(t, options(t, dsn, clickhouse.Write))
		conns = append(conns, connect(t, dsn))
	}
	s := open(t, options(t, dsns[0], clickhouse.Write))
	s.Shards(conns...)
	for range 2 {
		shop := storetest.Shop()
		for _, b := range shop {
			if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
				t.Fatal(err)
			}
		}
	}
	for table, key := range map[string]string{"records": "session, seq", "spans": "session, first", "touched": "session, seq, what, name", "blocks": "writer, block"} {
		whole := connect(t, dsns[0])
		query := fmt.Sprintf("SELECT count(), uniqExact(%s) FROM (SELECT * FROM %s.%s FINAL UNION ALL SELECT * FROM %s.%s FINAL)",
			key, database(t, dsns[0]), table, database(t, dsns[1]), table)
		if got := answer(t, whole, query)[1]; got[0] != got[1] || got[0] == "0" {
			t.Errorf("%s: %s rows, %s of them different", table, got[0], got[1])
		}
	}
	total := 0
	for _, b := range storetest.Shop() {
		total += b.Count
	}
	both := fmt.Sprintf("SELECT count(), uniqExact(session), uniqExact(db, session) FROM (SELECT session, 1 AS db FROM %s.records FINAL UNION ALL SELECT session, 2 FROM %s.records FINAL)",
		database(t, dsns[0]), database(t, dsns[1]))
	if got := answer(t, conns[0], both)[1]; got[0] != fmt.Sprint(total) || got[1] != got[2] {
		t.Errorf("%s records of %d; %s sessions, in %s places", got[0], total, got[1], got[2])
	}
}

func database(t *testing.T, dsn string) string {
	t.Helper()
	o, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return o.Auth.Database
}
