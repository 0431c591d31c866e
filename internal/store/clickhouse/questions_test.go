package clickhouse_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// TestIndexes: a search by words and by digests reads few granules, one of a session's records by the key.
func TestIndexes(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	far := open(t, options(t, dsn, clickhouse.Write))
	follow(t, home(t, traffic(40, 1000)), far, 50_000)
	exec(t, dsn, `OPTIMIZE TABLE records FINAL`)
	one := rows(t, dsn, `SELECT lower(hex(session)) FROM records WHERE kind = 'query' ORDER BY session DESC LIMIT 1`)[0]
	for name, c := range map[string]struct{ query, index string }{
		"words":   {clickhouse.Explained(record.Narrow{Words: [][]byte{[]byte("nobody_said_this")}}), "Name: words"},
		"digests": {clickhouse.Explained(record.Narrow{Digest: 12345}), "Name: digests"},
		"session": {`SELECT seq FROM records WHERE session IN (unhex('` + one + `'))`, "PrimaryKey"},
	} {
		plan := rows(t, dsn, `EXPLAIN indexes = 1 `+c.query)
		at := slices.IndexFunc(plan, func(line string) bool { return strings.Contains(line, c.index) })
		if at < 0 {
			t.Errorf("%s: the index is not used:\n%s", name, strings.Join(plan, "\n"))
			continue
		}
		read := ""
		for _, line := range plan[at:] {
			if strings.Contains(line, "Granules:") {
				read = strings.TrimSpace(line)
				break
			}
		}
		if !strings.HasPrefix(read, "Granules: 0/") && !strings.HasPrefix(read, "Granules: 1/") {
			t.Errorf("%s: %s", name, read)
		}
	}
}

// TestErasedAtHome: what is erased at home is erased here when the record of that comes, and all still verifies.
func TestErasedAtHome(t *testing.T) {
	for _, late := range []bool{false, true} {
		dsn := chengine.ForTest(t).CreateDB(t)
		m := storetest.NewMaker()
		seal := func() storetest.Sealed {
			b, raw := m.Seal()
			return storetest.Sealed{Block: b, Raw: raw}
		}
		alice := m.Open("alice", "app", "orders", "shop")
		q := alice.Query("select hunter2 from vault", []string{"select"}, []string{"vault"})
		alice.Result(q, "SELECT 1", 1)
		bob := m.Open("bob", "app", "orders", "shop")
		bob.Query("select 1", nil, nil)
		first := seal()
		alice.Close()
		judge := m.Open("judge", "", "", "")
		judge.Add(record.Record{Kind: record.KindRedact, Parent: alice.ID, Of: q, Message: []byte("a password")})
		judge.Add(record.Record{Kind: record.KindRedact, Parent: alice.ID, Of: 0, Message: []byte("her right")})
		judge.Close()
		second := seal()
		near, far := home(t), open(t, options(t, dsn, clickhouse.Write))
		put := func(b storetest.Sealed) {
			if err := near.Put(t.Context(), b.Block, b.Raw); err != nil {
				t.Fatal(err)
			}
		}
		put(first)
		if late {
			follow(t, near, far, 1000)
		}
		put(second)
		if _, err := near.Redact(t.Context(), alice.ID, []uint64{q, 0}); err != nil {
			t.Fatal(err)
		}
		follow(t, near, far, 1000)
		sound(t, near, first.Count+second.Count)
		sound(t, far, first.Count+second.Count)
		if a, b := exported(t, near), exported(t, far); a != b {
			t.Errorf("late %v: the archives are exported otherwise:\n%s\n%s", late, a, b)
		}
		x, _, _ := near.Session(t.Context(), alice.ID)
		if y, _, err := far.Session(t.Context(), alice.ID); err != nil || x != y {
			t.Errorf("late %v: the session's line is\n%+v, want\n%+v (%v)", late, y, x, err)
		}
		for _, query := range []string{`SELECT text FROM records WHERE text LIKE '%hunter2%'`, `SELECT name FROM touched WHERE name = 'vault'`,
			`SELECT user FROM records WHERE user = 'alice'`, `SELECT user FROM spans WHERE user = 'alice'`} {
			if got := rows(t, dsn, query); len(got) > 0 {
				t.Errorf("late %v: still there: %q", late, got)
			}
		}
	}
}

// TestQueries runs the questions of QUERIES.md, which find something.
func TestQueries(t *testing.T) {
	text, err := os.ReadFile("QUERIES.md")
	if err != nil {
		t.Fatal(err)
	}
	dsn := chengine.ForTest(t).CreateDB(t)
	follow(t, home(t, traffic(8, 1000)), open(t, options(t, dsn, clickhouse.Write)), 50_000)
	n := 0
	for _, part := range strings.Split(string(text), "```sql\n")[1:] {
		query, _, _ := strings.Cut(part, ";\n```")
		n++
		if got := rows(t, dsn, `SELECT toString(tuple(*)) FROM (`+query+`)`); len(got) == 0 {
			t.Errorf("nothing is found:\n%s", query)
		}
	}
	if n < 5 {
		t.Errorf("%d queries", n)
	}
}

// TestFewQuestions: a search asks the server few questions, however many hits there are: each costs a round trip.
func TestFewQuestions(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	follow(t, home(t, traffic(20, 1000)), open(t, options(t, dsn, clickhouse.Write)), 50_000)
	far := open(t, options(t, dsn, clickhouse.Read))
	asked := 0
	clickhouse.CountQueries(far, func(query string) {
		asked++
		if testing.Verbose() {
			t.Logf("%.300s", query)
		}
	})
	line := busiest(t, far)
	for query, most := range map[string]int{
		"user:" + line.User + " since:2026-11-01T00:00:20Z until:2026-11-01T00:01:00Z": 30, "verdict:deny": 30, "kind:execute": 60, "kind:query": 60, "table:orders": 60,
	} {
		asked = 0
		n := len(hits(t, far, query))
		t.Logf("%s: %d hits, %d questions", query, n, asked)
		if asked > most {
			t.Errorf("%s: %d hits, %d questions", query, n, asked)
		}
	}
}

// busiest is the session with the most actions.
func busiest(t *testing.T, src replay.Source) (most record.Session) {
	t.Helper()
	for s, err := range src.Sessions(t.Context(), record.Narrow{}) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Actions > most.Actions {
			most = s
		}
	}
	return most
}
