package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// An effect on a whole schema ("hr.*": DROP DATABASE hr, GRANT ... ON hr.*) is one on each table in it, and one on a folder
// with all below it on each file. A rule that forbids hr.salaries, or salaries wherever it is, or /etc/shadow where /etc is
// renamed, would not hold: nothing names it. So where the rules allow such an effect, those that forbid are asked again with
// every table and path that they name and that may be in there.

// endsTables reports whether an action on a whole schema does something to the tables in it. USE and SHOW don't.
func endsTables(action string) bool {
	switch action {
	case "drop", "alter", "truncate", "grant", "revoke", "delete", "insert", "update", "select":
		return true
	}
	return false
}

// within has the rules that forbid decide on an effect that Cedar allows, on all that is in a schema or a folder.
func (s *Set) within(v *verdict, who *entities, req cedar.Request) {
	var all []string
	for _, t := range v.effect.Tables {
		if schema, ok := strings.CutSuffix(t, ".*"); ok && endsTables(v.effect.Action) {
			all = append(all, s.namedIn(schema)...)
		}
	}
	if len(all) > 0 {
		s.askAgain(v, who, req, types.RecordMap{"tables": tableSet(slices.Concat(v.effect.Tables, all))})
	}
	if !v.effect.All {
		return
	}
	for _, path := range s.namedBelow(v.effect.Path) {
		clean, _ := Clean(path)
		s.askAgain(v, who, req, types.RecordMap{"path": types.String(path), "within": stringSet(folders(clean))})
	}
}

// askAgain has the rules that forbid decide with other attributes.
func (s *Set) askAgain(v *verdict, who *entities, req cedar.Request, with types.RecordMap) {
	context := req.Context.Map()
	maps.Copy(context, with)
	req.Context = types.NewRecord(context)
	decision, diag := cedar.Authorize(s, who, req)
	switch {
	case v.class == failed:
	case len(diag.Errors) > 0:
		v.class, v.rule, v.failed = failed, s.byID[diag.Errors[0].PolicyID], diag.Errors[0].Message
	case v.class == allowed && decision == cedar.Deny && len(diag.Reasons) > 0: // a permit that holds no more is none that forbids
		v.class, v.rule = forbidden, s.byID[diag.Reasons[0].PolicyID]
	}
}

// namedBelow are the paths that rules name, or patterns of them begin with, and that may be below a folder.
func (s *Set) namedBelow(folder string) (paths []string) {
	below := strings.TrimSuffix(folder, "/") + "/"
	for _, r := range s.rules {
		for _, name := range r.names {
			switch {
			case strings.HasPrefix(name, below) && name != below:
				paths = append(paths, name)
			case name != "" && name[0] != '/' && name[0] != '~': // the end of a path: like "*.key"
				paths = append(paths, below+name)
			}
		}
	}
	return paths
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

// stringsIn collects {"Value": "..."} of a rule's JSON form, and {"pattern": [{"Literal": "/etc/"}, "Wildcard"]} without its
// wildcards.
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
		if pattern, ok := v["pattern"].([]any); ok {
			names = append(names, literalOf(pattern))
		}
		for _, e := range v {
			names = stringsIn(e, names)
		}
	}
	return names
}

// literalOf is what a pattern matches where its wildcards stand for nothing.
func literalOf(pattern []any) (literal string) {
	for _, piece := range pattern {
		if m, ok := piece.(map[string]any); ok {
			text, _ := m["Literal"].(string)
			literal += text
		}
	}
	return literal
}
