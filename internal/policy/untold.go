package policy

import (
	"encoding/json"
	"slices"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	astx "github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// An effect is untold where the client's own code runs in it and was not read (sqltext.Untold). Its sets are empty,
// and a rule that goes by them would be passed by: one that forbids a table would not hold, one that permits a list
// of tables would. So a rule counts as if the worst were inside, unless it looks at context.told itself. DESIGN.md
// says which actions are meant, and why not others.

// touched are the attributes that an untold effect may be wrong about; inside are those of them that a permit must
// not go by even where the text around the code was read.
var (
	touched = []string{"tables", "columns", "functions", "actions", "statements", "has_where", "catalog"}
	inside  = []string{"tables", "columns", "has_where", "catalog"}
)

// sight is what a rule looks at, as far as it matters to untold effects.
type sight struct {
	told, understood bool // it knows about them
	touched, inside  bool
	blind            *part // of a forbid: what is left of it where nothing touched is known; nil: nothing
}

func sightOf(p *cedar.Policy) sight {
	s := sight{
		told: reads(p, "told"), understood: reads(p, "understood"), touched: reads(p, touched...), inside: reads(p, inside...),
	}
	whole := (*astx.Policy)(p.AST())
	_, all := whole.Action.(astx.ScopeTypeAll)
	if p.Effect() == cedar.Forbid && (mayBeInside(whole.Action) || all && (s.touched || readsAction(p))) {
		s.blind = blindly(whole)
	}
	return s
}

// knows reports whether the rule looks itself at whether effect e is told: it then is taken at its word.
func (s *sight) knows(e sqltext.Effect) bool {
	return s.told || s.understood && e.Action == sqltext.Unknown
}

// permits reports whether a permit that holds does so by what it knows of an untold effect.
func (s *sight) permits(e sqltext.Effect) bool {
	switch {
	case s.knows(e):
		return true
	case e.Action == sqltext.Unknown:
		return !s.touched
	}
	return !s.inside
}

// untold has the rules decide again on an effect that Cedar allows, and that holds code which was not read.
func (s *Set) untold(v *verdict, who *entities, req cedar.Request, reasons []types.DiagnosticReason) {
	for _, r := range s.rules {
		if r.sight.blind == nil || r.sight.knows(v.effect) {
			continue
		}
		if ok, diag := cedar.Authorize(r.sight.blind, who, req); bool(ok) || len(diag.Errors) > 0 {
			v.class, v.rule, v.blind = forbidden, r, true
			return
		}
	}
	v.rule = nil
	for _, reason := range reasons {
		if r := s.byID[reason.PolicyID]; r.sight.permits(v.effect) {
			v.rule = r
			return
		}
	}
	v.class = defaultDeny
	v.miss = &miss{rule: s.byID[reasons[0].PolicyID], asks: []string{"what is touched, and that can't be told"}}
}

// mayBeInside reports whether a rule names actions that can be done by code that was not read.
func mayBeInside(scope astx.IsActionScopeNode) bool {
	var named []types.EntityUID
	switch a := scope.(type) {
	case astx.ScopeTypeEq:
		named = []types.EntityUID{a.Entity}
	case astx.ScopeTypeIn:
		named = []types.EntityUID{a.Entity}
	case astx.ScopeTypeInSet:
		named = a.Entities
	}
	return slices.ContainsFunc(named, func(uid types.EntityUID) bool {
		switch uid.ID {
		case Connect, "fastpath", sqltext.Unknown:
			return false
		}
		return true
	})
}

// blindly is a permit that holds where a forbid would, were its action done and were all that it asks of what is
// touched so: its principal, its resource, and the conditions that look at other things.
func blindly(forbid *astx.Policy) *part {
	p := &astx.Policy{
		Effect: astx.EffectPermit, Principal: forbid.Principal, Action: astx.ScopeTypeAll{}, Resource: forbid.Resource,
	}
	for _, whole := range forbid.Conditions {
		for _, c := range clauses(whole) {
			one := cedar.NewPolicyFromAST((*ast.Policy)(&astx.Policy{
				Principal: astx.ScopeTypeAll{}, Action: astx.ScopeTypeAll{}, Resource: astx.ScopeTypeAll{},
				Conditions: []astx.ConditionType{c},
			}))
			if !reads(one, touched...) && !readsAction(one) {
				p.Conditions = append(p.Conditions, c)
			}
		}
	}
	return &part{policy: cedar.NewPolicyFromAST((*ast.Policy)(p))}
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
