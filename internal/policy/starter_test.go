package policy

import (
	"os"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/sqltext"
)

func starter(t testing.TB) *Set {
	t.Helper()
	s, err := Load([]Source{{Name: "starter.cedar", Text: Starter}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Under the starter policy psql's backslash commands, pgx, JDBC drivers and DBeaver can start up: for readers too.
// The texts are psql's own, caught by psql -E (sqltext/testdata).
func TestStarterLetsClientsStart(t *testing.T) {
	s := starter(t)
	reader := Subject{User: "bob", Groups: []string{"analyst"}}
	for _, file := range []string{"psql15.sql", "clients.sql"} {
		data, err := os.ReadFile("../sqltext/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range strings.Split(string(data), "\n----\n")[1:] {
			for _, sub := range []Subject{alice, reader} {
				secret := strings.Contains(sql, "umoptions") // \deu+ shows passwords: refused on purpose
				if d := judge(s, sub, sql); d.Allow == secret {
					t.Errorf("%s: allowed %v: %s\n%s", sub.User, d.Allow, d.Message, sql)
				}
			}
		}
	}
}

// What the starter policy says to the two groups and to everybody else.
func TestStarter(t *testing.T) {
	s := starter(t)
	people := []Subject{alice, {User: "bob", Groups: []string{"analyst"}}, {User: "eve"}}
	for _, c := range []struct {
		sql  string
		says string // dba, analyst, nobody's: y or n
	}{
		{"SELECT * FROM orders", "yyn"},
		{"COPY orders TO STDOUT", "yyn"},
		{"SELECT * FROM orders FOR UPDATE", "ynn"},
		{"UPDATE orders SET a = 1 WHERE id = 2", "ynn"},
		{"UPDATE orders SET a = 1", "nnn"},
		{"WITH d AS (DELETE FROM orders) SELECT 1", "nnn"},
		{"TRUNCATE orders", "nnn"},
		{"CREATE TABLE a (b int)", "nnn"},
		{"VACUUM orders", "ynn"},
		{"VACUUM (ANALYZE) pg_catalog.pg_authid;", "ynn"}, // vacuumdb -z was refused
		{"SET search_path = x", "ynn"},
		{"SET statement_timeout = 0", "yyy"},
		{"SET ROLE postgres", "nnn"},
		{"SELECT my_function()", "ynn"},
		{"SELECT pg_read_file('x')", "nnn"},
		{"SELECT * FROM pg_shadow", "nnn"},
		{"SELECT subname FROM pg_subscription", "yyn"},
		{"SELECT subconninfo FROM pg_subscription", "nnn"},
		{"SELECT s FROM pg_catalog.pg_subscription s", "nnn"},
		{"SELECT rolpassword FROM pg_catalog.pg_authid", "nnn"},
		// ANALYZE and then pg_stats showed the verifiers of pg_authid.
		{"SELECT histogram_bounds FROM pg_stats WHERE tablename = 'pg_authid'", "nnn"},
		{"SELECT s.* FROM pg_catalog.pg_stats s", "nnn"},
		{"SELECT s FROM pg_stats s", "nnn"},
		{"SELECT to_jsonb(s) FROM pg_stats s", "nnn"},
		{"WITH s AS (TABLE pg_stats) SELECT 1 FROM s", "nnn"},
		{"SELECT x FROM pg_stats AS s(a,b,c,d,e,f,g,h,i,x)", "nnn"},
		{"SELECT 1 FROM pg_stats s JOIN pg_class c ON s.histogram_bounds::text = c.relname", "nnn"},
		{"SELECT stavalues1 FROM pg_statistic", "nnn"},
		{"SELECT stxdmcv FROM pg_statistic_ext_data", "nnn"},
		{"COPY pg_stats TO STDOUT", "nnn"},
		{"COPY pg_stats (attname, histogram_bounds) TO STDOUT", "nnn"},
		{"SELECT attname, n_distinct, null_frac FROM pg_stats", "yyn"},
		{"VACUUM (ANALYZE) pg_catalog.pg_statistic;", "ynn"},
		{"COPY orders FROM PROGRAM 'sh'", "nnn"},
		{"DO $$ BEGIN END $$", "nnn"},
		{"ALTER USER bob PASSWORD 'x'", "nnn"},
		{"SELECT * FROM pg_stat_activity", "yyn"},
		{"SELECT relname FROM pg_class", "yyy"},
		{"not sql", "nnn"},
	} {
		got := ""
		for _, sub := range people {
			got += map[bool]string{true: "y", false: "n"}[judge(s, sub, c.sql).Allow]
		}
		if got != c.says {
			t.Errorf("%s: %s, want %s", c.sql, got, c.says)
		}
	}
	for i, want := range []bool{true, true, false} {
		if d := s.Connect(people[i], orders, env); d.Allow != want {
			t.Errorf("connect: %+v", d)
		}
	}
}

func TestAllowAll(t *testing.T) {
	s, err := Load([]Source{{Name: "allow-all.cedar", Text: AllowAll}})
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SELECT 1", "DROP DATABASE x", "not sql", "\xff", "DO $$ $$"} {
		if d := judge(s, Subject{User: "anybody"}, sql); !d.Allow || d.Rule != "allow-all" {
			t.Errorf("%s: %+v", sql, d)
		}
	}
	if !s.Connect(Subject{}, orders, env).Allow || !s.Decide(alice, orders, env, Statement(sqltext.Call)).Allow {
		t.Error("refused")
	}
}

// BenchmarkStatement is a decision that is in no cache.
func BenchmarkStatement(b *testing.B) {
	s := starter(b)
	for name, sql := range map[string]string{"select": "SELECT abalance FROM pgbench_accounts WHERE aid = 1", "refused": "DELETE FROM orders", "default deny": "DROP TABLE a"} {
		f := sqltext.Postgres([]byte(sql))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Decide(alice, orders, env, Statement(f))
			}
		})
	}
}
