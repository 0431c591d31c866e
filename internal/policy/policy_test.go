package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/sqltext"
)

var (
	orders = Target{Name: "orders", Protocol: "postgres"}
	alice  = Subject{User: "alice", Groups: []string{"dba"}}
	env    = Env{Account: "app", Database: "shop", Client: netip.MustParseAddr("10.1.2.3"), Now: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)}
)

// load makes a set of rules in one file.
func load(t testing.TB, text string) *Set {
	t.Helper()
	s, err := Load([]Source{{Name: "p.cedar", Text: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// judge asks about one text.
func judge(s *Set, sub Subject, sql string) Decision {
	return s.Decide(sub, orders, env, Statement(sqltext.Postgres([]byte(sql))))
}

// Without a rule nothing is allowed, not even to connect.
func TestDefaultDeny(t *testing.T) {
	s := load(t, "")
	for _, d := range []Decision{s.Connect(alice, orders, env), judge(s, alice, "SELECT 1"), judge(s, alice, "garbage")} {
		if d.Allow || d.Rule != DefaultDeny || d.Message == "" {
			t.Errorf("%+v", d)
		}
	}
	if d := judge(s, alice, " -- ping"); !d.Allow || d.Rule != Nothing {
		t.Errorf("a text without a statement: %+v", d)
	}
	if d := s.Decide(alice, orders, env, Statement(&sqltext.Facts{Understood: true, Statements: 1})); d.Allow {
		t.Error("facts without an effect were allowed")
	}
	var zero Set
	if d := judge(&zero, alice, "SELECT 1"); d.Allow {
		t.Error("an empty set allowed")
	}
}

// Each line is a condition, a statement, and whether `permit ... when` that condition lets it pass.
func TestConditions(t *testing.T) {
	for _, c := range []struct {
		when, sql string
		allow     bool
	}{
		{`context.tables.contains("salaries")`, "SELECT * FROM salaries", true},
		{`context.tables.contains("salaries")`, "SELECT * FROM hr.salaries", true},
		{`context.tables.contains("hr.salaries")`, "SELECT * FROM salaries", false},
		{`["orders"].containsAll(context.tables)`, "SELECT * FROM orders", true},
		{`["orders"].containsAll(context.tables)`, "SELECT * FROM evil.orders", false},
		{`["orders", "public.orders"].containsAll(context.tables)`, "SELECT * FROM public.orders", true},
		{`["orders"].containsAll(context.tables)`, "SELECT * FROM orders, customers", false},
		{`["orders"].containsAll(context.tables)`, `SELECT * FROM "evil.orders"`, false},
		{`context.columns.containsAny(["salary", "*"])`, "SELECT e FROM employees e", true},
		{`context.columns.containsAny(["salary", "*"])`, "SELECT name FROM employees", false},
		{`context.functions.contains("lower")`, "SELECT lower('x')", true},
		{`context.actions.contains("delete")`, "DELETE FROM a WHERE b = 1", true},
		{`context.has_where`, "DELETE FROM a", false},
		{`context.has_where`, "DELETE FROM a WHERE b = 1", true},
		{`context.statements == 2`, "SELECT 1; SELECT 2", true},
		{`context.understood`, "SELEC", false},
		{`!context.understood`, "SELEC", true},
		{`context.catalog`, "SELECT * FROM pg_catalog.pg_class, information_schema.columns, pg_type", true},
		{`context.catalog`, "SELECT 1", true},
		{`context.catalog`, "SELECT * FROM pg_class, orders", false},
		{`context.catalog`, "SELECT * FROM public.pg_class", false},
		{`context.catalog`, "SELECT * FROM pg_mine", false},
		{`context.catalog`, "SELECT * FROM pg_catalog.pg_authid", false},
		{`context.catalog`, "SELECT * FROM pg_shadow", false},
		{`context.catalog`, `SELECT * FROM "pg_catalog.pg_class"`, false},
		{`context.catalog`, "SELEC", false},
		{`context.account == "app" && context.database == "shop"`, "SELECT 1", true},
		{`context.client.isInRange(ip("10.0.0.0/8"))`, "SELECT 1", true},
		{`context.client.isLoopback()`, "SELECT 1", false},
		{`context.hour >= 9 && context.hour < 10 && context.weekday == 1`, "SELECT 1", true},
		{`context.now < datetime("2026-11-23T09:30:00Z")`, "SELECT 1", false},
		{`principal.name == "alice" && resource.name == "orders" && resource.protocol == "postgres"`, "SELECT 1", true},
		{`principal in Group::"dba"`, "SELECT 1", true},
		{`principal in Group::"other"`, "SELECT 1", false},
		{`action in Action::"read"`, "SELECT 1", true},
		{`action in Action::"any"`, "DROP TABLE a", true},
		{`action in Action::"read"`, "WITH d AS (DELETE FROM a WHERE b = 1 RETURNING b) SELECT * FROM d", false},
	} {
		s := load(t, "permit (principal, action, resource) when { "+c.when+" };")
		if d := judge(s, alice, c.sql); d.Allow != c.allow {
			t.Errorf("when %s: %s: allowed %v, want %v\n%s", c.when, c.sql, d.Allow, c.allow, strings.Join(d.Reasons, "\n"))
		}
	}
}

// Every effect has to be allowed, and a rule that forbids one refuses the whole text.
func TestEveryEffectCounts(t *testing.T) {
	s := load(t, `
@id("reads") permit (principal, action in [Action::"read", Action::"session"], resource);
@id("inserts") permit (principal, action == Action::"insert", resource);
@id("no-log") @advice("ask the auditors") forbid (principal, action, resource) when { context.tables.contains("log") };`)
	for sql, rule := range map[string]string{
		"SELECT * FROM a":                     "reads",
		"INSERT INTO a SELECT * FROM b":       "reads, inserts",
		"INSERT INTO log SELECT * FROM b":     "no-log",
		"SELECT * FROM a; DROP TABLE b":       DefaultDeny,
		"DROP TABLE b; SELECT * FROM log":     "no-log",
		"SELECT * INTO c FROM a":              DefaultDeny,
		"EXPLAIN ANALYZE DELETE FROM a":       DefaultDeny,
		"PREPARE p AS DELETE FROM a":          DefaultDeny,
		"COPY (SELECT 1) TO PROGRAM 'sh'":     DefaultDeny,
		"SELECT my_function()":                DefaultDeny,
		"SELECT pg_read_file('/etc/passwd')":  DefaultDeny,
		"DECLARE c CURSOR FOR SELECT 1":       "reads",
		"BEGIN; SELECT 1; SET ROLE x; COMMIT": DefaultDeny,
	} {
		d := judge(s, alice, sql)
		if d.Rule != rule || d.Allow != (strings.Contains(rule, "reads")) {
			t.Errorf("%s: allowed %v by %q, want %q", sql, d.Allow, d.Rule, rule)
		}
		if rule == "no-log" && (d.Advice != "ask the auditors" || d.Where != "p.cedar:4") {
			t.Errorf("%s: advice %q, where %q", sql, d.Advice, d.Where)
		}
	}
	d := s.Decide(alice, orders, env, Statement(sqltext.Call))
	if d.Allow || !strings.Contains(d.Message, "fastpath") {
		t.Errorf("a function called by its number: %+v", d)
	}
}

// Cedar passes over a forbid that fails: here it overflows. The decision has to be no, whatever permits.
func TestFailingForbidDenies(t *testing.T) {
	s := load(t, `
@id("all") permit (principal, action, resource);
@id("bad") forbid (principal, action, resource) when { context.statements + 9223372036854775807 < 0 };`)
	d := judge(s, alice, "DELETE FROM a")
	if d.Allow || d.Rule != RuleError || d.Where != "p.cedar:3" || !strings.Contains(d.Reasons[0], "overflow") {
		t.Errorf("%+v", d)
	}
}

// A default deny names the permit that came nearest, and what it asks for.
func TestNearestMiss(t *testing.T) {
	s := load(t, `
@id("read") permit (principal, action in Action::"read", resource);
@id("write") permit (principal in Group::"dba", action in Action::"write", resource) when { context.has_where } unless { context.tables.contains("log") };
@id("ddl") permit (principal in Group::"owner", action in Action::"ddl", resource == Target::"staging");`)
	for _, c := range []struct {
		sub         Subject
		sql, advice string
	}{
		{alice, "DELETE FROM a", `the nearest rule, "write" (p.cedar:3), asks for when { context.has_where }`},
		{alice, "DELETE FROM log", `the nearest rule, "write" (p.cedar:3), asks for when { context.has_where } and unless { context.tables.contains("log") }`},
		{alice, "DROP TABLE a", `the nearest rule, "ddl" (p.cedar:4), asks for another user or group and another target`},
		{Subject{User: "bob"}, "DELETE FROM a WHERE b = 1", `the nearest rule, "write" (p.cedar:3), asks for another user or group`},
		{alice, "VACUUM", "no rule permits that action to anybody"},
	} {
		if d := judge(s, c.sub, c.sql); d.Allow || d.Rule != DefaultDeny || d.Advice != c.advice {
			t.Errorf("%s: %q\n want %q", c.sql, d.Advice, c.advice)
		}
	}
}

// What a user is shown is one line, lower case, that says what was refused.
func TestMessages(t *testing.T) {
	s := load(t, `@id("no") forbid (principal, action, resource);`)
	empty := load(t, "")
	for _, c := range []struct {
		set       *Set
		sql, want string
	}{
		{s, "DELETE FROM a", `policy refuses delete on a: rule "no"`},
		{empty, "SELECT * FROM a, b, c, d, e", "policy refuses select on a, b, c and 2 more: no rule allows it"},
		{empty, "SET ROLE x", "policy refuses set_role: no rule allows it"},
		{empty, "SELEC", "policy refuses a statement that was not understood: syntax error at or near position 1"},
	} {
		if d := judge(c.set, alice, c.sql); d.Message != c.want {
			t.Errorf("%s: %q, want %q", c.sql, d.Message, c.want)
		}
	}
}

// The same question has the same answer to the letter, though Cedar's own sets go in random order.
func TestDecisionsAreStable(t *testing.T) {
	var text strings.Builder
	for _, id := range strings.Fields("a b c d e f g h") {
		text.WriteString(`@id("` + id + `") permit (principal, action, resource);` + "\n")
	}
	s := load(t, text.String())
	for range 100 {
		if d := judge(s, alice, "SELECT 1"); d.Rule != "a" || d.Where != "p.cedar:1" {
			t.Fatalf("%+v", d)
		}
	}
}
