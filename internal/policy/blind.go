package policy

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	astx "github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// An effect is untold where the client's own code runs in it and was not read, or where what it touches can't be known. Its
// sets are empty, and a rule that goes by them would be passed by: one that forbids a table would not hold, one that permits a
// list of tables would. So a rule counts as if the worst were inside, unless it looks at context.told itself. DESIGN.md
// says which actions are meant, and why not others.

// veil says what a kind of untold effect hides.
type veil struct {
	touched []string                 // attributes that may be wrong: what a rule that forbids asks of them counts as met
	careful []string                 // those that a rule that permits must not go by
	inside  func(action string) bool // the actions and groups that may be done inside; nil: the effect's own and no other
}

var (
	sqlTouched = []string{"tables", "columns", "functions", "actions", "statements", "has_where", "catalog"}
	runTouched = []string{"programs", "words", "command", "path", "within", "actions"}
	veils      = [untolds]veil{
		untoldText: {sqlTouched, sqlTouched, insideSQL},
		untoldCode: {sqlTouched, []string{"tables", "columns", "has_where", "catalog"}, insideSQL}, // the text around it was read
		untoldRun:  {runTouched, runTouched, insideRun},
		untoldLine: {nil, runTouched, nil},
		untoldPath: {[]string{"path", "within"}, []string{"path", "within"}, nil},
	}
)

// insideSQL: what code in SQL may do, but for being what it is.
func insideSQL(action string) bool {
	switch action {
	case Connect, "fastpath", sqltext.Unknown, GroupRun, GroupFiles:
		return false
	}
	return !slices.ContainsFunc(sshActions, func(a Action) bool { return a.Name == action })
}

// insideRun: what a program may do on its machine.
func insideRun(action string) bool {
	switch action {
	case "any", GroupRun, GroupFiles, "exec", "shell":
		return true
	}
	return strings.HasPrefix(action, "file_")
}

// sight is what a rule looks at, as far as it matters to untold effects.
type sight struct {
	told, understood bool           // it knows about them
	careless         [untolds]bool  // of a permit: it goes by what can't be told
	blind            [untolds]*part // of a forbid: what is left of it where nothing touched is known; nil: nothing
}

func sightOf(p *cedar.Policy) sight {
	s := sight{told: reads(p, "told"), understood: reads(p, "understood")}
	for u := untoldText; u < untolds; u++ {
		v := &veils[u]
		s.careless[u] = reads(p, v.careful...)
		if p.Effect() == cedar.Forbid && v.touched != nil {
			s.blind[u] = v.blindly(p)
		}
	}
	return s
}

// knows reports whether the rule looks itself at whether something is told: it then is taken at its word.
func (s *sight) knows(u untold) bool {
	return s.told || s.understood && u != untoldCode && u != untoldPath
}

// untold has the rules decide again on an effect that Cedar allows, and of which not all is told.
func (s *Set) untold(v *verdict, who *entities, req cedar.Request, reasons []types.DiagnosticReason) {
	u := v.effect.untold
	for _, r := range s.rules {
		if r.sight.blind[u] == nil || r.sight.knows(u) {
			continue
		}
		if ok, diag := cedar.Authorize(r.sight.blind[u], who, req); bool(ok) || len(diag.Errors) > 0 {
			v.class, v.rule, v.blind = forbidden, r, true
			return
		}
	}
	careful := slices.DeleteFunc(slices.Clone(reasons), func(reason types.DiagnosticReason) bool {
		r := s.byID[reason.PolicyID]
		return r.sight.careless[u] && !r.sight.knows(u)
	})
	if len(careful) > 0 {
		if v.rule = s.first(reasons); !v.rule.watch { // what is watched lets nothing pass by itself here
			v.rule = s.first(careful)
		}
		return
	}
	v.rule = nil
	v.class = defaultDeny
	v.miss = &miss{rule: s.byID[reasons[0].PolicyID], asks: []string{"what is touched, and that can't be told"}}
}

// blindly is a permit that holds where a forbid would, were its action done and were all that it asks of what is
// touched so: its principal, its resource, and the conditions that look at other things. nil: it forbids nothing that may be
// inside.
func (v *veil) blindly(forbid *cedar.Policy) *part {
	whole := (*astx.Policy)(forbid.AST())
	p := &astx.Policy{
		Effect: astx.EffectPermit, Principal: whole.Principal, Action: astx.ScopeTypeAll{}, Resource: whole.Resource,
	}
	_, all := whole.Action.(astx.ScopeTypeAll)
	switch {
	case v.inside == nil && !reads(forbid, v.touched...):
		return nil // it holds or not by itself
	case v.inside == nil:
		p.Action = whole.Action
	case all && !reads(forbid, v.touched...) && !readsAction(forbid), !all && !slices.ContainsFunc(namedActions(whole.Action), v.inside):
		return nil
	}
	for _, whole := range whole.Conditions {
		for _, c := range clauses(whole) {
			one := cedar.NewPolicyFromAST((*ast.Policy)(&astx.Policy{
				Principal: astx.ScopeTypeAll{}, Action: astx.ScopeTypeAll{}, Resource: astx.ScopeTypeAll{},
				Conditions: []astx.ConditionType{c},
			}))
			if !reads(one, v.touched...) && !(v.inside != nil && readsAction(one)) {
				p.Conditions = append(p.Conditions, c)
			}
		}
	}
	return &part{policy: cedar.NewPolicyFromAST((*ast.Policy)(p))}
}

// namedActions are the actions and groups that a rule's scope names.
func namedActions(scope astx.IsActionScopeNode) (names []string) {
	var named []types.EntityUID
	switch a := scope.(type) {
	case astx.ScopeTypeEq:
		named = []types.EntityUID{a.Entity}
	case astx.ScopeTypeIn:
		named = []types.EntityUID{a.Entity}
	case astx.ScopeTypeInSet:
		named = a.Entities
	}
	for _, uid := range named {
		names = append(names, string(uid.ID))
	}
	return names
}

// clauses takes a condition apart into those that all have to hold: when { a && b } and unless { a || b }.
func clauses(c astx.ConditionType) []astx.ConditionType {
	var pair astx.BinaryNode
	switch n := c.Body.(type) {
	case astx.NodeTypeAnd:
		if c.Condition != astx.ConditionWhen {
			return []astx.ConditionType{c}
		}
		pair = n.BinaryNode
	case astx.NodeTypeOr:
		if c.Condition != astx.ConditionUnless {
			return []astx.ConditionType{c}
		}
		pair = n.BinaryNode
	default:
		return []astx.ConditionType{c}
	}
	left := clauses(astx.ConditionType{Condition: c.Condition, Body: pair.Left})
	return append(left, clauses(astx.ConditionType{Condition: c.Condition, Body: pair.Right})...)
}

// reads reports whether a rule looks at one of these attributes of the context, or at the context as a whole.
func reads(p *cedar.Policy, attributes ...string) bool {
	return looks(p, func(name string) bool { return slices.Contains(attributes, name) }, "context")
}

// readsAction reports whether a rule's conditions look at the action.
func readsAction(p *cedar.Policy) bool {
	return looks(p, func(string) bool { return false }, "action")
}

// looks walks a rule in Cedar's JSON form, {".": {"left": {"Var": "context"}, "attr": "now"}}, for an attribute of the
// context that is asked for, or for the variable itself.
func looks(p *cedar.Policy, asked func(string) bool, variable string) bool {
	data, err := p.MarshalJSON()
	if err != nil {
		return true
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return true
	}
	return looksIn(tree, asked, variable)
}

func looksIn(v any, asked func(string) bool, variable string) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if looksIn(e, asked, variable) {
				return true
			}
		}
	case map[string]any:
		if v["Var"] == variable {
			return true
		}
		for op, e := range v {
			if access, ok := e.(map[string]any); ok && (op == "." || op == "has") && isContext(access["left"]) {
				if name, _ := access["attr"].(string); asked(name) {
					return true
				}
				continue
			}
			if looksIn(e, asked, variable) {
				return true
			}
		}
	}
	return false
}

func isContext(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m["Var"] == "context"
}
