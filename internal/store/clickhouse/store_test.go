package clickhouse_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/recorder"
	"github.com/gatefold/gatefold/replay"
)

// exec changes the tables behind the archive's back.
func exec(t *testing.T, dsn, statement string) {
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
	if err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// rows are what a query gives, a string in each.
func rows(t *testing.T, dsn, query string) (all []string) {
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
	found, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	for found.Next() {
		var s string
		if err := found.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMigrate: tables are made once, kept for as long as they should be, and those of a newer gatefold are left alone.
func TestMigrate(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	if _, err := clickhouse.Open(t.Context(), options(t, dsn, clickhouse.Read)); !errors.Is(err, clickhouse.ErrNoArchive) {
		t.Errorf("an empty database is read: %v", err)
	}
	o := options(t, dsn, clickhouse.Write)
	open(t, o).Close()
	synced := `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'ReplacingMergeTree'
		AND position(create_table_query, 'fsync_after_insert = 1, fsync_part_directory = 1') > 0`
	if got := rows(t, dsn, synced); len(got) != 5 {
		t.Errorf("tables that sync what they take: %v", got)
	}
	exec(t, dsn, `INSERT INTO meta (key, value) VALUES ('version', 99)`)
	for _, mode := range []clickhouse.Mode{clickhouse.Read, clickhouse.Write} {
		var newer *clickhouse.NewerError
		if _, err := clickhouse.Open(t.Context(), options(t, dsn, mode)); !errors.As(err, &newer) || newer.Have != 99 {
			t.Errorf("tables of a newer gatefold: %v", err)
		}
	}
}

// TestPasswordStaysIn: whatever goes wrong, an error doesn't tell the password.
func TestPasswordStaysIn(t *testing.T) {
	const secret = "hunter2-and-more"
	e := chengine.NewForTest(t, chengine.Options{Password: "another"})
	right := options(t, e.DSN("default"), clickhouse.Write)
	for name, change := range map[string]func(*clickhouse.Options){
		"wrong password": func(o *clickhouse.Options) { o.Password = secret },
		"nobody there":   func(o *clickhouse.Options) { o.Password, o.Hosts = secret, []string{"127.0.0.1:1"} },
		"native, nobody": func(o *clickhouse.Options) { o.Password, o.Hosts, o.HTTP = secret, []string{"127.0.0.1:1"}, false },
		"no such name":   func(o *clickhouse.Options) { o.Password, o.Hosts = secret, []string{"no.such.host.invalid:8123"} },
		"no database":    func(o *clickhouse.Options) { o.Database = "nowhere" },
	} {
		o := right
		change(&o)
		_, err := clickhouse.Open(t.Context(), o)
		if err == nil {
			t.Errorf("%s: it opens", name)
		} else if strings.Contains(err.Error(), o.Password) {
			t.Errorf("%s: the password stands in %v", name, err)
		}
	}
}

// traffic makes blocks of so many records each.
func traffic(blocks, records int) []storetest.Sealed {
	m, g := storetest.NewMaker(), gen.New(gen.Options{Seed: 5, Long: 200})
	var all []storetest.Sealed
	for range blocks {
		for range records {
			r := g.Next()
			m.Add(r.Session, r.Clone())
		}
		b, raw := m.Seal()
		all = append(all, storetest.Sealed{Block: b, Raw: raw})
	}
	return all
}

// home is a local archive with blocks in it.
func home(t testing.TB, blocks ...[]storetest.Sealed) *local.Store {
	t.Helper()
	s, err := local.Open(filepath.Join(t.TempDir(), "archive"), local.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, list := range blocks {
		for _, b := range list {
			if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// follow carries all that is at home on.
func follow(t testing.TB, from *local.Store, to *clickhouse.Store, rows int) {
	t.Helper()
	f, err := recorder.OpenFollower(recorder.FollowerOptions{Name: "clickhouse", File: filepath.Join(t.TempDir(), "f", "cursor"), Home: from, Keeper: to,
		Partition: clickhouse.Partition, Rows: rows, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// sound fails where what is verified isn't intact and complete.
func sound(t *testing.T, src replay.Source, records int) {
	t.Helper()
	report, err := replay.Verify(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Intact() || !report.Complete() || report.Records != records {
		t.Errorf("%d records of %d, %v", report.Records, records, report.Faults)
	}
}

// exported is all that an archive says, session by session.
func exported(t *testing.T, src replay.Source) string {
	t.Helper()
	var out bytes.Buffer
	var ids []record.ID
	for s, err := range src.Sessions(t.Context(), record.Narrow{Oldest: true}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	slices.SortFunc(ids, func(a, b record.ID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		if err := replay.Export(t.Context(), &out, src, []record.ID{id}); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// TestOneSearchTwoStores asks both archives the same and wants the same answers.
func TestOneSearchTwoStores(t *testing.T) {
	m, w, hosts := storetest.Shop(), storetest.Wares(), storetest.Hosts()
	for name, blocks := range map[string][]storetest.Sealed{"shop": m, "wares": w, "hosts": hosts, "traffic": traffic(6, 400)} {
		t.Run(name, func(t *testing.T) {
			dsn := chengine.ForTest(t).CreateDB(t)
			near, far := home(t, blocks), open(t, options(t, dsn, clickhouse.Write))
			follow(t, near, far, 1000)
			n := 0
			for _, b := range blocks {
				n += b.Count
			}
			sound(t, far, n)
			if a, b := exported(t, near), exported(t, far); a != b {
				t.Errorf("the archives are exported otherwise:\n%.2000s\n%.2000s", a, b)
			}
			o, p := options(t, dsn, clickhouse.Read), options(t, dsn, clickhouse.Read)
			o.Many(false)
			p.Many(true)
			all := map[string]replay.Source{"few said": far, "many said": open(t, o), "more said": open(t, p)}
			some := words(t, near)
			for _, text := range append([]string{"", "kind:query", "user:alice", "user:ALICE", "user:alice table:orders", "table:public.orders", "column:salary",
				"verdict:deny", "outcome:failed", "code:42501", "zebra", "4711", "insert zebra", "begin*", `text:"where id ="`, "okapi giraffe", "pg_sleep",
				"digest:50fde20626009aba", "since:2026-11-23T08:01:00Z", "until:2026-11-23T08:01:00Z kind:query,execute", "quagga", "zoë", "rows:>10",
				"-user:alice kind:query", "pid:4701", "target:stock", "nobody_said_this", "kind:data", "kind:result outcome:cancelled", "leopard",
				"program:fdisk", "path:/etc/shadow", "path:shadow", "path:/etc/*", "command:fdisk", "action:file_read", "okapi", "flag:stderr kind:output"}, some...) {
				for name, far := range all {
					if a, b := hits(t, near, text), hits(t, far, text); !slices.Equal(a, b) {
						t.Errorf("%s, as what %s: %d hits here, %d there:\n%q\n%q", text, name, len(a), len(b), a[:min(3, len(a))], b[:min(3, len(b))])
					}
				}
			}
		})
	}
}

// words are some queries about what was said.
func words(t *testing.T, src replay.Source) (queries []string) {
	t.Helper()
	n := 0
	for b, err := range src.Blocks(t.Context(), record.Narrow{}) {
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range b.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n%97 == 0 && r.Kind == record.KindQuery && r.Digest != 0 {
				record.Words(r.Text, func(word []byte) {
					if len(word) > 3 && len(queries) < 12 {
						queries = append(queries, string(word))
					}
				})
			}
		}
	}
	return queries
}

func hits(t *testing.T, src replay.Source, text string) (all []string) {
	t.Helper()
	q, err := replay.Parse(text, time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(text, err)
	}
	for h, err := range replay.Search(t.Context(), src, q) {
		if err != nil {
			t.Fatal(text, err)
		}
		said := h.Cursor() + " " + h.Session.User + " " + string(h.Text())
		if h.Result != nil {
			said += " " + h.Result.Outcome.String() + " " + string(h.Result.Message)
		}
		all = append(all, said)
	}
	return all
}

// TestEngineKilled kills the engine again and again while a follower works: at the end each record is there once.
func TestEngineKilled(t *testing.T) {
	e := chengine.NewForTest(t, chengine.Options{})
	dsn := e.CreateDB(t)
	blocks := traffic(40, 250)
	near := home(t, blocks)
	far := open(t, options(t, dsn, clickhouse.Write))
	file := filepath.Join(t.TempDir(), "f", "cursor")
	const kills = 3
	for kill := 0; ; kill++ {
		f, err := recorder.OpenFollower(recorder.FollowerOptions{Name: "clickhouse", File: file, Home: near, Keeper: far, Rows: 500, Wait: time.Millisecond,
			Calm: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { f.Run(ctx) })
		from := f.Stats(ctx).Cursor
		testenv.Eventually(t, "it goes on", func() bool { st := f.Stats(ctx); return st.Lag == 0 || kill < kills && st.Cursor > from })
		if kill < kills {
			e.Kill(t)
			testenv.Eventually(t, "it fails", func() bool { st := f.Stats(ctx); return st.Failures > 0 || st.Lag == 0 })
		}
		cancel() // and the gateway
		wg.Wait()
		done := f.Stats(t.Context()).Lag == 0
		f.Close()
		if done && kill >= kills {
			break
		}
		if kill < kills {
			e.Start(t)
		}
	}
	sound(t, far, 40*250)
	if a, b := exported(t, near), exported(t, far); a != b {
		t.Error("the archives are exported otherwise")
	}
	if got := rows(t, dsn, `SELECT concat(toString(count()), ' ', toString(uniqExact(session, seq))) FROM records FINAL`); got[0] != "10000 10000" {
		t.Errorf("records and different ones: %s", got[0])
	}
}

// TestDamage: what is changed, taken away or added in the tables is found by verify.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct{ statement, want string }{
		"changed": {`ALTER TABLE records UPDATE text = 'select 1' WHERE text LIKE '%salaries%' SETTINGS mutations_sync = 2`, "chain"},
		"removed": {`ALTER TABLE records DELETE WHERE text LIKE '%salaries%' SETTINGS mutations_sync = 2`, "missing"},
		"a batch": {`ALTER TABLE blocks DELETE WHERE block = (SELECT min(block) FROM blocks) SETTINGS mutations_sync = 2`, "records before"},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := chengine.ForTest(t).CreateDB(t)
			far := open(t, options(t, dsn, clickhouse.Write))
			follow(t, home(t, storetest.Shop()), far, 8)
			sound(t, far, count(storetest.Shop()))
			exec(t, dsn, c.statement)
			report, err := replay.Verify(t.Context(), far, nil)
			if err != nil {
				t.Fatal(err)
			}
			if report.Intact() && report.Complete() {
				t.Errorf("nobody sees it")
			}
			if s := slices.IndexFunc(report.Faults, func(f record.Fault) bool { return strings.Contains(f.String(), c.want) }); s < 0 {
				t.Logf("no fault says %q: %v", c.want, report.Faults)
			}
		})
	}
}

func count(blocks []storetest.Sealed) (n int) {
	for _, b := range blocks {
		n += b.Count
	}
	return n
}
