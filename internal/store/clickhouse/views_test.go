package clickhouse_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// shop fills a database with the shop of the conformance tests, as if it were of the last hour, and connects to it.
func shop(t *testing.T) driver.Conn {
	t.Helper()
	dsn := chengine.ForTest(t).CreateDB(t)
	s := open(t, options(t, dsn, clickhouse.Write))
	for _, b := range storetest.ShopAt(time.Now().Add(-time.Hour)) {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
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

// answer runs a query and returns its rows as text, the names of the columns first.
func answer(t *testing.T, conn driver.Conn, query string) [][]string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	defer rows.Close()
	list := [][]string{rows.Columns()}
	for rows.Next() {
		var into []any
		for _, c := range rows.ColumnTypes() {
			into = append(into, reflect.New(c.ScanType()).Interface())
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatalf("%s\n%v", query, err)
		}
		line := make([]string, len(into))
		for i := range into {
			line[i] = fmt.Sprint(reflect.ValueOf(into[i]).Elem().Interface())
		}
		list = append(list, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	return list
}

// field returns a column of an answer.
func field(t *testing.T, list [][]string, name string) (values []string) {
	t.Helper()
	n := slices.Index(list[0], name)
	if n < 0 {
		t.Fatalf("there is no column %q in %q", name, list[0])
	}
	for _, line := range list[1:] {
		values = append(values, line[n])
	}
	return values
}

// Each query of VIEWS.md runs, and finds what the shop has of it.
func TestViews(t *testing.T) {
	conn := shop(t)
	text, err := os.ReadFile("VIEWS.md")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	want := []struct {
		column string
		values []string
	}{
		{"user", []string{"alice"}},
		{"text", []string{"select name, salary from salaries"}},
		{"", nil},
		{"user", []string{"bob"}},
		{"kind", nil},
		{"missing", nil},
	}
	if len(queries) != len(want) {
		t.Fatalf("%d queries, and %d are known here", len(queries), len(want))
	}
	for i, q := range queries {
		got := answer(t, conn, q[1])
		switch w := want[i]; {
		case len(got) < 2:
			t.Errorf("nothing is found by\n%s", q[1])
		case w.values != nil && !slices.Equal(slices.Compact(field(t, got, w.column)), w.values):
			t.Errorf("%q, want %q, are found by\n%s", field(t, got, w.column), w.values, q[1])
		}
	}
	if missing := field(t, answer(t, conn, queries[5][1]), "missing"); slices.ContainsFunc(missing, func(n string) bool { return n != "0" }) {
		t.Errorf("the shop is whole, and is said to miss %q", missing)
	}
}

// An execution counts for the table that its prepared statement names.
func TestAccessesFollowPrepared(t *testing.T) {
	conn := shop(t)
	since := "since = now64(9) - INTERVAL 1 DAY, until = now64(9)"
	got := answer(t, conn, "SELECT user, kind, outcome, rows, actions FROM accesses(name = 'orders', "+since+") ORDER BY at, session, seq")
	if want := [][]string{
		{"user", "kind", "outcome", "rows", "actions"},
		{"bob", "execute", "done", "1", "[insert]"},
		{"alice", "query", "failed", "0", "[update]"},
		{"bob", "execute", "failed", "0", "[insert]"},
	}; !equal(got, want) {
		t.Errorf("accesses to orders are\n%q, want\n%q", got, want)
	}
	got = answer(t, conn, "SELECT user, kind, text, tables FROM statements("+since+") WHERE has(tables, 'orders') ORDER BY at, session, seq")
	if want := [][]string{
		{"user", "kind", "text", "tables"},
		{"bob", "execute", "INSERT INTO orders (customer, note) VALUES ($1, $2)", "[orders]"},
		{"alice", "query", "update orders set note = 'x' where id = 42", "[orders]"},
		{"bob", "execute", "INSERT INTO orders (customer, note) VALUES ($1, $2)", "[orders]"},
	}; !equal(got, want) {
		t.Errorf("statements on orders are\n%q, want\n%q", got, want)
	}
}

func equal(a, b [][]string) bool {
	return slices.EqualFunc(a, b, func(x, y []string) bool { return slices.Equal(x, y) })
}

// dashboard is as much of Grafana's format as holds SQL.
type dashboard struct {
	Panels []struct {
		Title   string
		Type    string
		Targets []struct {
			RawSQL string `json:"rawSql"`
			Format int    // 0: a series over time, 1: a table
		}
	}
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
}

// grafana replaces what its ClickHouse data source and its variables replace.
func grafana(sql string, since, until time.Time, everybody bool) string {
	from, to := fmt.Sprintf("toDateTime(%d)", since.Unix()), fmt.Sprintf("toDateTime(%d)", until.Unix())
	for _, m := range []struct{ macro, by string }{
		{`\$__timeInterval\((\w+)\)`, `toStartOfInterval(toDateTime($1), INTERVAL 60 second)`},
		{`\$__timeFilter\((\w+)\)`, `$1 >= ` + from + ` AND $1 <= ` + to},
		{`\$__fromTime`, from},
		{`\$__toTime`, to},
	} {
		sql = regexp.MustCompile(m.macro).ReplaceAllString(sql, m.by)
	}
	by := "$1"
	if everybody {
		by = "1=1"
	}
	sql = regexp.MustCompile(`\$__conditionalAll\(([^()]*\([^()]*\)[^()]*), \$\w+\)`).ReplaceAllString(sql, by)
	return strings.NewReplacer("${user:sqlstring}", "'alice','bob'", "${target:sqlstring}", "'orders'").Replace(sql)
}

// Each panel's query runs, for everybody and for some, and a panel that shows nothing of a full shop is a mistake.
func TestGrafana(t *testing.T) {
	conn := shop(t)
	text, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Minute)
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		if got := answer(t, conn, grafana(v.Query, until.Add(-24*time.Hour), until, true)); len(got) < 2 {
			t.Errorf("variable %s has no value by %s", v.Name, v.Query)
		}
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			for _, everybody := range []bool{true, false} {
				query := grafana(target.RawSQL, until.Add(-24*time.Hour), until, everybody)
				if strings.Contains(query, "$") {
					t.Errorf("panel %s: a macro that the data source has not: %s", p.Title, query)
				}
				got := answer(t, conn, query)
				if len(got) < 2 {
					t.Errorf("panel %s is empty by %s", p.Title, query)
				}
				if series := target.Format == 0; series != (p.Type == "timeseries") || series && got[0][0] != "time" {
					t.Errorf("panel %s is a %s of columns %q in format %d", p.Title, p.Type, got[0], target.Format)
				}
			}
		}
	}
	if len(d.Panels) < 10 {
		t.Errorf("%d panels", len(d.Panels))
	}
}
