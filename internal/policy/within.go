package policy

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// An effect on a whole schema ("hr.*": DROP DATABASE hr, GRANT ... ON hr.*) is one on each table in it. A rule that forbids
// hr.salaries, or salaries wherever it is, would not hold for it: it names no such table. So where the rules allow such an
// effect, those that forbid are asked again with every table that they name and that may be in the schema.

// endsTables reports whether an action on a whole schema does something to the tables in it. USE and SHOW don't.
func endsTables(action string) bool {
	switch action {
	case "drop", "alter", "truncate", "grant", "revoke", "delete", "insert", "update", "select":
		return true
	}
	return false
}

// within has the rules that forbid decide on an effect that Cedar allows, on all tables of a schema.
func (s *Set) within(v *verdict, who *entities, req cedar.Request) {
	var all []string
	for _, t := range v.effect.Tables {
		if schema, ok := strings.CutSuffix(t, ".*"); ok {
			all = append(all, s.namedIn(schema)...)
		}
	}
	if len(all) == 0 {
		return
	}
	context := req.Context.Map()
	context["tables"] = tableSet(slices.Concat(v.effect.Tables, all))
	req.Context = types.NewRecord(context)
	decision, diag := cedar.Authorize(s, who, req)
	if len(diag.Errors) > 0 {
		v.class, v.rule, v.failed = failed, s.byID[diag.Errors[0].PolicyID], diag.Errors[0].Message
		return
	}
	if decision == cedar.Deny && len(diag.Reasons) > 0 { // a permit that holds no more is none that forbids
		v.class, v.rule = forbidden, s.byID[diag.Reasons[0].PolicyID]
	}
}

// namedIn are the tables that rules name and that may be in a schema: those of it, and those without one.
func (s *Set) namedIn(schema string) (tables []string) {
	for _, r := range s.rules {
		for _, name := range r.names {
			bare := bareName(name)
			if bare == name || strings.TrimSuffix(name, "."+bare) == schema {
				tables = append(tables, schema+"."+bare)
			}
		}
	}
	return tables
}

// namesOf are the strings that a rule which forbids compares with: names of tables among them.
func namesOf(p *cedar.Policy) (names []string) {
	if p.Effect() != cedar.Forbid {
		return nil
	}
	var tree any
	if data, err := p.MarshalJSON(); err == nil && json.Unmarshal(data, &tree) == nil {
		names = stringsIn(tree, nil)
	}
	return names
}

// stringsIn collects {"Value": "..."} of a rule's JSON form.
func stringsIn(v any, names []string) []string {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			names = stringsIn(e, names)
		}
	case map[string]any:
		if name, ok := v["Value"].(string); ok {
			return append(names, name)
		}
		for _, e := range v {
			names = stringsIn(e, names)
		}
	}
	return names
}
