package clickhouse_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// TestTheLongestKeepHolds pins that each gateway that started had the rows of all kept for as long as it was configured to.
func TestTheLongestKeepHolds(t *testing.T) {
	const day = 24 * time.Hour
	dsn := chengine.ForTest(t).CreateDB(t)
	kept := func(want time.Duration) {
		t.Helper()
		for _, table := range []string{"records", "touched"} {
			ddl := rows(t, dsn, `SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = '`+table+`'`)[0]
			word := fmt.Sprintf("toIntervalSecond(%d)", int64(want/time.Second))
			if has := strings.Contains(ddl, "TTL "); has != (want > 0) || has && !strings.Contains(ddl, word) {
				t.Errorf("%s is not kept %v: %s", table, want, ddl)
			}
		}
	}
	with := func(keep time.Duration) *clickhouse.Store {
		t.Helper()
		o := options(t, dsn, clickhouse.Write)
		o.Keep = keep
		return open(t, o)
	}
	with(90 * day)
	kept(90 * day)
	with(365 * day)
	kept(365 * day)
	if s := with(30 * day); len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "8760h") {
		t.Errorf("it says of that: %q", s.Notes)
	}
	kept(365 * day)
	if said, err := with(30 * day).Shorten(t.Context()); err != nil || said != "for 720h0m0s" {
		t.Errorf("%s, %v", said, err)
	}
	kept(30 * day)
	with(0)
	kept(0)
}

// TestVerifyWithoutWhatIsNotKept pins that verify called batches damaged whose rows clickhouse.keep had let go. What is left is
// proved; and rows that are gone before their time show.
func TestVerifyWithoutWhatIsNotKept(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	m := storetest.NewMaker()
	m.Now = time.Now().UTC().AddDate(0, -3, 0)
	alice := m.Open("alice", "app", "orders", "shop")
	q := alice.Query("select 1", []string{"select"}, []string{"orders"})
	seal := func() storetest.Sealed {
		b, raw := m.Seal()
		return storetest.Sealed{Block: b, Raw: raw}
	}
	blocks := []storetest.Sealed{seal()}
	alice.Result(q, "SELECT 1", 1)
	bob := m.Open("bob", "app", "orders", "shop")
	bob.Close()
	blocks = append(blocks, seal())
	m.Now = time.Now().UTC()
	q = alice.Query("select 2", []string{"select"}, []string{"orders"})
	alice.Result(q, "SELECT 1", 1)
	blocks = append(blocks, seal())
	alice.Close()
	blocks = append(blocks, seal())

	o := options(t, dsn, clickhouse.Write)
	o.Keep = 24 * time.Hour * 30
	far := open(t, o)
	for _, b := range blocks {
		if err := far.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	old := fmt.Sprintf("toYYYYMM(at) = %d", clickhouse.Partition(blocks[0].First))
	exec(t, dsn, `OPTIMIZE TABLE records FINAL`) // which lets go, as do merges in their time
	if got := rows(t, dsn, `SELECT toString(count()) FROM records WHERE `+old)[0]; got != "0" {
		exec(t, dsn, `ALTER TABLE records DELETE WHERE `+old+` SETTINGS mutations_sync = 2`)
	}
	report := verified(t, far)
	if !report.Intact() || !report.Complete() || report.LetGo != blocks[0].Count+blocks[1].Count || report.Records != blocks[2].Count+blocks[3].Count {
		t.Errorf("%d records, %d let go, %v", report.Records, report.LetGo, report.Faults)
	}
	o.Mode, o.Keep = clickhouse.Read, 0 // who was told that they are kept for ever
	if report := verified(t, open(t, o)); report.Intact() && report.Complete() {
		t.Error("rows that were to be kept are gone, and nobody sees it")
	}
	o.Keep = 24 * time.Hour * 30
	exec(t, dsn, `ALTER TABLE records DELETE WHERE NOT `+old+` SETTINGS mutations_sync = 2`)
	if report := verified(t, open(t, o)); report.Intact() && report.Complete() {
		t.Error("new rows are gone, and nobody sees it")
	}
	exec(t, dsn, `ALTER TABLE spans UPDATE after = before WHERE first = 0 SETTINGS mutations_sync = 2`)
	if report := verified(t, open(t, o)); report.Intact() {
		t.Error("a chain of what was let go was changed, and nobody sees it")
	}
}

func verified(t *testing.T, src replay.Source) *replay.Report {
	t.Helper()
	report, err := replay.Verify(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
