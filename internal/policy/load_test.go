package policy

import (
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// A rule that could fail, or never hold, when it is asked is refused when it is loaded.
func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"permit (principal,\n  actio, resource);", `p.cedar:2:8: near ",": exact got actio want action`},
		{"permit (principal, action, resource) when { context.nope };", `p.cedar:1:1: rule "p.cedar:1": attribute ` + "`nope`" + ` is not in the context; there are account, `},
		{"\n\n  forbid (principal, action, resource) when { resource.owner == 1 };", "p.cedar:3:3: "},
		{`permit (principal, action == Action::"slect", resource);`, "unrecognized action `Action::\"slect\"`; `gatefold check --actions` lists them"},
		{`permit (principal in Role::"dba", action, resource);`, "unrecognized entity type `Role`"},
		{`forbid (principal, action, resource) when { context.tables.contains(3) };`, "Long and String are not compatible"},
		{`forbid (principal, action, resource) when { context.client == ip("x") };`, "failed to parse as IP address"},
		{`forbid (principal, action, resource) when { context.hour };`, "p.cedar:1:1"},
		{`forbid (principal, action, resource) when { context["has_were"] };`, "has_were"},
		{`@advise("x") permit (principal, action, resource);`, "annotation @advise is unknown"},
		{`@id("default deny") permit (principal, action, resource);`, "has a meaning of its own"},
		{"@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);", `p.cedar:2:1: rule id "a" is taken by p.cedar:1`},
		{"permit (principal, action, resource) when { true }", "p.cedar:1:"},
		{"\xff", "p.cedar:0:0: invalid UTF-8"},
	} {
		_, err := Load([]Source{{Name: "p.cedar", Text: []byte(c.text)}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got  %v\n want %s", c.text, err, c.want)
		}
	}
}

// All mistakes of all files are told at once.
func TestLoadTellsAll(t *testing.T) {
	bad := []byte(`permit (principal, action == Action::"x", resource); permit (principal, action == Action::"y", resource);`)
	_, err := Load([]Source{{Name: "a.cedar", Text: bad}, {Name: "b.cedar", Text: []byte("oops")}})
	if err == nil || strings.Count(err.Error(), "a.cedar:1:") < 2 || !strings.Contains(err.Error(), "b.cedar:1:5: ") {
		t.Errorf("%v", err)
	}
}

// A rule without an @id is named by its place.
func TestRuleNames(t *testing.T) {
	s := load(t, "// first\npermit (principal, action, resource);")
	if d := judge(s, alice, "SELECT 1"); d.Rule != "p.cedar:2" || d.Where != "p.cedar:2" {
		t.Errorf("%+v", d)
	}
}

func TestHash(t *testing.T) {
	a := load(t, "permit (principal, action, resource);")
	b := load(t, "permit (principal, action, resource);")
	c := load(t, "forbid (principal, action, resource);")
	if a.Hash() != b.Hash() || a.Hash() == c.Hash() || len(a.Hash()) != 64 {
		t.Errorf("%s %s %s", a.Hash(), b.Hash(), c.Hash())
	}
	// Where one file ends and the next begins is part of it.
	split, err := Load([]Source{{Name: "x", Text: []byte("permit (principal, action, resource);")}, {Name: "y"}})
	if err != nil || split.Hash() == a.Hash() {
		t.Errorf("%v, %v", split, err)
	}
}

// A decision is not to be kept where a rule looks at the time, however it is written.
func TestReadsTime(t *testing.T) {
	for when, want := range map[string]bool{
		"context.hour > 8":                        true,
		`context["now"] > datetime("2026-01-01")`: true,
		"context has weekday":                     true,
		"[context].contains(context)":             true,
		"!(context.weekday == 1) || true":         true,
		"context.has_where":                       false,
		`resource.name == "now"`:                  false,
		`context.tables.contains("hour")`:         false,
	} {
		s := load(t, "permit (principal, action, resource) when { "+when+" };")
		if s.ReadsTime() != want {
			t.Errorf("%s: reads time %v", when, s.ReadsTime())
		}
	}
}

// Each attribute of the schema is in every request, of the type that the schema says: a rule that compares it with
// a value of its type never fails.
func TestEveryAttributeIsThere(t *testing.T) {
	sample := map[string]string{
		"String": `== "x"`, "ipaddr": ".isLoopback()", "Set<String>": `.contains("x")`, "Long": "== 1", "Bool": "", "datetime": `== datetime("2026-01-01")`,
	}
	seen := 0
	for line := range strings.Lines(contextSchema) {
		name, typ, ok := strings.Cut(strings.Trim(line, " ,\t\n"), ": ")
		if !ok {
			continue
		}
		seen++
		use := sample[typ]
		if strings.HasPrefix(use, "=") {
			use = " " + use
		}
		s := load(t, "permit (principal, action, resource); forbid (principal, action, resource) when { context."+name+use+" };")
		for _, e := range []Env{env, {}} {
			for _, d := range []Decision{s.Connect(alice, orders, e), s.Connect(Subject{}, Target{}, e), s.Decide(alice, orders, e, Statement(sqltext.Unread("x"))), s.Decide(alice, orders, e, Statement(sqltext.Call))} {
				if d.Rule == RuleError {
					t.Errorf("context.%s: %v", name, d.Reasons)
				}
			}
		}
	}
	if seen != len(attributes()) || seen < 10 {
		t.Errorf("%d attributes seen", seen)
	}
}

// Every action of the vocabulary is one that rules may name, by itself, by its group and as one of any.
func TestEveryActionIsInTheSchema(t *testing.T) {
	for _, a := range sqltext.Actions {
		for _, scope := range []string{`action == Action::"` + a.Name + `"`, `action in Action::"` + a.Group + `"`, `action in Action::"any"`} {
			s := load(t, "permit (principal, "+scope+", resource);")
			f := &sqltext.Facts{Understood: true, Statements: 1, Effects: []sqltext.Effect{{Action: a.Name}}}
			if d := s.Decide(alice, orders, env, Statement(f)); !d.Allow {
				t.Errorf("%s: %v", scope, d.Reasons)
			}
			if d := s.Connect(alice, orders, env); d.Allow {
				t.Errorf("%s lets connect", scope)
			}
		}
	}
}

// Bad bytes make an error, never a panic; what loads decides.
func FuzzLoad(f *testing.F) {
	f.Add(Starter)
	f.Add(AllowAll)
	f.Add([]byte(`@id("a") forbid (principal is User in Group::"x", action in [Action::"read"], resource) unless { context.hour + 1 > 2 };`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Load([]Source{{Name: "f", Text: text}})
		if err != nil {
			return
		}
		if d := judge(s, alice, "DELETE FROM a"); d.Allow && d.Rule == "" {
			t.Error("allowed by no rule")
		}
	})
}
