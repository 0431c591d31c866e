package policy

import (
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// What a text touches that was not read can't be told: `forbid ... when {context.tables.contains("salaries")}` once let
// pass whatever read salaries in a way that wasn't understood. Each line is a rule that forbids, beside one that permits
// everything, a text, and whether it passes.
func TestForbidHoldsForWhatIsNotTold(t *testing.T) {
	const unread = "SELEC"
	for _, c := range []struct {
		forbid, sql string
		allow       bool
	}{
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, unread, false},
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "SELECT 1", true},
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "DO $$ BEGIN END $$", false},
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "SELECT query_to_xml('x', true, true, '')", false},
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "SELECT * FROM dblink('x', 'y') AS t(a int)", false},
		// Code that stands in the database, or that an allowed PREPARE was judged for.
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "SELECT my_function()", true},
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "CALL p()", true},
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "EXECUTE p", true},
		{`(principal, action, resource) when { context.tables.contains("salaries") }`, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", true},
		// Its action isn't known either.
		{`(principal, action == Action::"select", resource) when { context.columns.contains("salary") }`, unread, false},
		{`(principal, action in Action::"ddl", resource)`, unread, false},
		{`(principal, action in Action::"ddl", resource)`, "DO $$ BEGIN END $$", false},
		{`(principal, action in [Action::"update", Action::"delete"], resource) unless { context.has_where }`, unread, false},
		{`(principal, action, resource) when { action in Action::"ddl" }`, unread, false},
		{`(principal, action, resource) unless { action in Action::"read" || context.account == "app" }`, unread, true},
		{`(principal, action == Action::"connect", resource)`, unread, true},
		{`(principal, action == Action::"connect", resource) when { context.tables.contains("salaries") }`, unread, true},
		{`(principal, action == Action::"fastpath", resource)`, unread, true},
		{`(principal, action, resource) when { context.database == "other" }`, unread, true},
		// Who, where and what else a rule asks counts.
		{`(principal in Group::"other", action, resource) when { context.tables.contains("salaries") }`, unread, true},
		{`(principal, action, resource == Target::"other") when { context.tables.contains("salaries") }`, unread, true},
		{`(principal, action, resource) when { context.account == "other" && context.tables.contains("salaries") }`, unread, true},
		{`(principal, action, resource) when { context.account == "app" && context.tables.contains("salaries") }`, unread, false},
		{`(principal, action, resource) when { context.account == "other" || context.tables.contains("salaries") }`, unread, false},
		{`(principal, action, resource) when { context.tables.contains("salaries") } unless { context.account == "app" || context.has_where }`, unread, true},
		{`(principal, action, resource) when { context.tables.contains("salaries") } unless { context.account == "app" && context.has_where }`, unread, false},
		// A condition that fails is no way out.
		{`(principal, action, resource) when { context.tables.contains("salaries") && context.hour + 9223372036854775807 < 0 }`, unread, false},
		// A rule that looks itself is taken at its word.
		{`(principal, action, resource) when { context.told && context.tables.contains("salaries") }`, unread, true},
		{`(principal, action, resource) when { context.told && context.tables.contains("salaries") }`, "DO $$ BEGIN END $$", true},
		{`(principal, action, resource) when { context.understood && context.tables.contains("salaries") }`, unread, true},
		{`(principal, action, resource) when { context.understood && context.tables.contains("salaries") }`, "DO $$ BEGIN END $$", false},
	} {
		s := load(t, `@id("all") permit (principal, action, resource);`+"\n"+`@id("no") @advice("ask") forbid `+c.forbid+`;`)
		d := judge(s, alice, c.sql)
		if d.Allow != c.allow {
			t.Errorf("forbid %s: %s: allowed %v, want %v\n%s", c.forbid, c.sql, d.Allow, c.allow, strings.Join(d.Reasons, "\n"))
		}
		if !d.Allow && (d.Rule != "no" || d.Where != "p.cedar:2" || !strings.Contains(d.Message, `can't be told, and rule "no" goes by that`)) {
			t.Errorf("forbid %s: %s: rule %q (%s), %q", c.forbid, c.sql, d.Rule, d.Where, d.Message)
		}
	}
	s := load(t, `permit (principal, action, resource); @id("no") forbid (principal, action, resource) when { context.tables.contains("salaries") };`)
	if d := s.Decide(alice, orders, env, Statement(sqltext.Call)); d.Allow || d.Rule != "no" {
		t.Errorf("a function called by its number: %+v", d)
	}
}

// An empty set of tables is in every list: a permit that goes by a list must not take it for an answer.
func TestPermitDoesNotHoldForWhatIsNotTold(t *testing.T) {
	for _, c := range []struct {
		when, sql string
		allow     bool
	}{
		{`["orders"].containsAll(context.tables)`, "SELECT * FROM orders", true},
		{`["orders"].containsAll(context.tables)`, "SELEC", false},
		{`["orders"].containsAll(context.tables)`, "DO $$ BEGIN END $$", false},
		{`["id"].containsAll(context.columns)`, "SELEC", false},
		{`context.has_where`, "DO $$ BEGIN DELETE FROM a; END $$", false},
		{`context.catalog`, "DO $$ BEGIN END $$", false},
		{`context.statements < 2`, "SELEC", false},
		{`context.statements < 2`, "DO $$ BEGIN END $$", true},
		{`context.functions.contains("ts_stat")`, "SELECT ts_stat('x')", true},
		{`context.account == "app"`, "SELEC", true},
		{`!context.told`, "SELEC", true},
		{`context.understood && ["orders"].containsAll(context.tables)`, "DO $$ BEGIN END $$", false},
	} {
		s := load(t, `@id("list") permit (principal, action, resource) when { `+c.when+` };`)
		d := judge(s, alice, c.sql)
		if d.Allow != c.allow {
			t.Errorf("when %s: %s: allowed %v, want %v\n%s", c.when, c.sql, d.Allow, c.allow, strings.Join(d.Reasons, "\n"))
		}
		if !d.Allow && d.Rule != DefaultDeny {
			t.Errorf("when %s: %s: rule %q", c.when, c.sql, d.Rule)
		}
	}
	both := load(t, `@id("list") permit (principal, action, resource) when { ["orders"].containsAll(context.tables) };
@id("unread") permit (principal, action == Action::"unknown", resource);`)
	if d := judge(both, alice, "SELEC"); !d.Allow || d.Rule != "unread" {
		t.Errorf("%+v", d)
	}
}

// Who is refused for a text that was not understood is told what to do.
func TestHints(t *testing.T) {
	s := load(t, `@id("no") @advice("ask the auditors") forbid (principal, action, resource) when { context.tables.contains("salaries") }; permit (principal, action, resource);`)
	for why, want := range map[string]string{
		"client_encoding is not UTF8":                "SET client_encoding TO UTF8",
		"standard_conforming_strings is not on":      "standard_conforming_strings TO on",
		"it is longer than what is read":             "parameters",
		"it is not valid UTF-8":                      "UTF-8",
		"syntax error at or near position 8":         "spelling",
		"it was not prepared in the protocol, or so": "prepare it anew",
	} {
		for _, set := range []*Set{s, load(t, "")} {
			if d := set.Decide(alice, orders, env, Statement(sqltext.Unread(why))); d.Allow || !strings.Contains(d.Advice, want) {
				t.Errorf("%s: advice %q, want %q in it", why, d.Advice, want)
			}
		}
	}
	if d := judge(s, alice, "DO $$ BEGIN END $$"); d.Advice != "ask the auditors" {
		t.Errorf("advice %q", d.Advice)
	}
}

// Nothing secret passes for a catalog by way of a function.
func TestSecretiveFunctions(t *testing.T) {
	s := load(t, `permit (principal, action, resource) when { context.catalog };`)
	for sql, allow := range map[string]bool{
		"SELECT * FROM pg_stat_get_activity(NULL)":                              false,
		"SELECT pg_catalog.pg_stat_get_backend_activity(1)":                     false,
		"SELECT x.pg_stat_get_backend_activity FROM generate_series(1, 100) x":  false,
		"SELECT * FROM pg_class, pg_stat_get_wal_receiver()":                    false,
		"SELECT pg_mcv_list_items(x) FROM pg_class":                             false,
		"SELECT histogram_bounds FROM pg_stats":                                 false,
		"SELECT 1 FROM pg_statistic":                                            false,
		"SELECT 1 FROM pg_catalog.pg_statistic_ext_data":                        false,
		"SELECT pg_get_viewdef(oid), pg_stat_get_numscans(oid) FROM pg_class":   true,
		"SELECT * FROM pg_stat_user_tables JOIN pg_statistic_ext ON stxrelid=1": true,
	} {
		if d := judge(s, alice, sql); d.Allow != allow {
			t.Errorf("%s: allowed %v", sql, d.Allow)
		}
	}
}
