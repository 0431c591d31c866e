package policy

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	astx "github.com/cedar-policy/cedar-go/x/exp/ast"
)

// otherAction is what a permit on another action asks for.
const otherAction = "another action"

// part is one thing that a permit asks for, as a policy of its own.
type part struct {
	asks   string // "another action", "when { context.has_where }"
	policy *cedar.Policy
}

// partsOf takes a permit apart: principal, action, resource and each condition by itself.
func partsOf(p *cedar.Policy) []part {
	whole := (*astx.Policy)(p.AST())
	open := func() *astx.Policy {
		return &astx.Policy{
			Effect: astx.EffectPermit, Principal: astx.ScopeTypeAll{}, Action: astx.ScopeTypeAll{}, Resource: astx.ScopeTypeAll{},
		}
	}
	principal, action, resource := open(), open(), open()
	principal.Principal, action.Action, resource.Resource = whole.Principal, whole.Action, whole.Resource
	parts := []part{
		newPart(otherAction, action), newPart("another user or group", principal), newPart("another target", resource),
	}
	for _, c := range whole.Conditions {
		one := open()
		one.Conditions = []astx.ConditionType{c}
		parts = append(parts, newPart("", one))
	}
	return parts
}

func newPart(asks string, p *astx.Policy) part {
	policy := cedar.NewPolicyFromAST((*ast.Policy)(p))
	if asks == "" {
		asks = condition(string(policy.MarshalCedar()))
	}
	return part{asks: asks, policy: policy}
}

// condition cuts the condition out of a rule's text and puts it on one line.
func condition(text string) string {
	text = strings.TrimSuffix(strings.Join(strings.Fields(text), " "), ";")
	for _, word := range [...]string{"when {", "unless {"} {
		if at := strings.Index(text, word); at >= 0 {
			return text[at:]
		}
	}
	return text
}

// miss is a permit that almost held.
type miss struct {
	rule *rule
	asks []string
}

func (m *miss) String() string {
	if slices.Contains(m.asks, otherAction) {
		return "no rule permits that action to anybody"
	}
	return fmt.Sprintf("the nearest rule, %q (%s), asks for %s", m.rule.id, m.rule.short, strings.Join(m.asks, " and "))
}

// nearest returns the permit of which the least fails: a rule on another action is never nearer than one on this,
// nor one for other people than one for these. The first of equals; nil where there is no permit at all.
func (s *Set) nearest(who *entities, req cedar.Request) *miss {
	var best *miss
	least := 0
	for _, r := range s.rules {
		if r.policy.Effect() != cedar.Permit {
			continue
		}
		m, distance := &miss{rule: r}, 0
		for i, p := range r.parts {
			if ok, _ := cedar.Authorize(p, who, req); ok {
				continue
			}
			m.asks = append(m.asks, p.asks)
			distance += weights[min(i, len(weights)-1)]
		}
		if best == nil || distance < least {
			best, least = m, distance
		}
	}
	return best
}

// weights say how far off a permit is that fails in its action, principal, resource, or a condition.
var weights = [...]int{1000, 100, 10, 1}

// All makes a part a set of one policy.
func (p part) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) { yield("part", p.policy) }
}
