package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// Connect decides whether a subject may open a session.
func (s *Set) Connect(sub Subject, target Target, env Env) Decision {
	v := s.ask(entitiesOf(sub, target), env, nothing, &opening)
	return conclude([]verdict{v}, fmt.Sprintf("user %q may not open target %q", sub.User, target.Name), "")
}

// Decide decides whether a deed may be done: every one of its effects has to be allowed.
func (s *Set) Decide(sub Subject, target Target, env Env, d *Deed) Decision {
	if len(d.Effects) == 0 {
		return Decision{Allow: d.Understood, Rule: Nothing}
	}
	who := entitiesOf(sub, target)
	verdicts := make([]verdict, len(d.Effects))
	for i := range d.Effects {
		verdicts[i] = s.ask(who, env, d, &d.Effects[i])
	}
	return conclude(verdicts, refusal(d, verdicts), d.Hint)
}

// verdict is the policy's word on one effect.
type verdict struct {
	effect *Effect
	class  class
	rule   *rule  // that decided; nil: none did
	failed string // of a rule that failed
	miss   *miss  // of a default deny, the nearest permit
	blind  bool   // rule forbids what the effect may hold and does not tell
}

// class orders verdicts: the highest decides a statement.
type class uint8

const (
	allowed class = iota
	defaultDeny
	forbidden
	failed
)

// ask has Cedar decide one effect. A rule that fails refuses, whatever the others say.
func (s *Set) ask(who *entities, env Env, d *Deed, e *Effect) verdict {
	v := verdict{effect: e}
	req := cedar.Request{
		Principal: who.user.UID, Action: actionUID(e.Action), Resource: who.target.UID, Context: contextOf(env, d, e),
	}
	decision, diag := cedar.Authorize(s, who, req)
	if len(diag.Errors) > 0 {
		v.class, v.rule = failed, s.byID[diag.Errors[0].PolicyID]
		v.failed = diag.Errors[0].Message
		return v
	}
	if len(diag.Reasons) > 0 {
		v.rule = s.first(diag.Reasons)
	}
	switch {
	case decision == cedar.Allow:
		v.class = allowed
		if e.untold != toldAll {
			s.untold(&v, who, req, diag.Reasons)
		} else {
			s.within(&v, who, req)
		}
	case v.rule != nil:
		v.class = forbidden
	default:
		v.class, v.miss = defaultDeny, s.nearest(who, req)
	}
	return v
}

// first is the rule that is named of those that decided alike: the first that watches, else the first.
func (s *Set) first(reasons []types.DiagnosticReason) *rule {
	for _, reason := range reasons {
		if r := s.byID[reason.PolicyID]; r.watch {
			return r
		}
	}
	return s.byID[reasons[0].PolicyID]
}

// conclude makes one decision of the verdicts on all effects. hint, where there is one, is better advice than a rule's.
func conclude(verdicts []verdict, message, hint string) Decision {
	worst := &verdicts[0]
	d := Decision{}
	var ids, places []string
	for i := range verdicts {
		v := &verdicts[i]
		if v.class > worst.class {
			worst = v
		}
		d.Reasons = append(d.Reasons, v.String())
		if v.class == allowed && !slices.Contains(ids, v.rule.id) {
			ids, places = append(ids, v.rule.id), append(places, v.rule.where)
			d.Watched = d.Watched || v.rule.watch
		}
	}
	d.Watched = d.Watched && worst.class == allowed
	if worst.class == allowed {
		d.Allow, d.Rule, d.Where = true, strings.Join(ids, ", "), strings.Join(places, ", ")
		return d
	}
	d.Message, d.Rule = message, DefaultDeny
	switch {
	case worst.class == failed:
		d.Rule = RuleError
		d.Where = worst.rule.where
		d.Advice = "a rule of the policy failed; ask whoever keeps it"
	case worst.rule != nil:
		d.Rule, d.Where, d.Advice = worst.rule.id, worst.rule.where, worst.rule.advice
	case worst.miss != nil:
		d.Advice = worst.miss.String()
	}
	if hint != "" && worst.class != failed {
		d.Advice = hint
	}
	return d
}

// refusal is the line that the user sees if a statement is refused.
func refusal(d *Deed, verdicts []verdict) string {
	worst := slices.MaxFunc(verdicts, func(a, b verdict) int { return int(a.class) - int(b.class) })
	text := "policy refuses " + worst.effect.Action
	if !d.Understood {
		text = "policy refuses a " + d.noun() + " that was not understood: " + d.Why
	}
	switch e := worst.effect; {
	case len(e.Tables) > 0:
		text += " on " + few(e.Tables)
	case len(e.Functions) > 0:
		text += " by " + few(e.Functions)
	case e.Path != "":
		text += " of " + e.Path
	}
	switch {
	case worst.blind:
		text += fmt.Sprintf("; what it touches can't be told, and rule %q goes by that", worst.rule.id)
	case !d.Understood:
	case worst.class == defaultDeny:
		text += ": no rule allows it"
	case worst.class == forbidden:
		text += fmt.Sprintf(": rule %q", worst.rule.id)
	}
	return text
}

// few names the first of many.
func few(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// String is the verdict as the operator reads it.
func (v *verdict) String() string {
	what := v.effect.Action
	if len(v.effect.Tables) > 0 {
		what += " on " + few(v.effect.Tables)
	} else if v.effect.Path != "" {
		what += " of " + v.effect.Path
	}
	switch v.class {
	case forbidden:
		if v.blind {
			return fmt.Sprintf("%s: what it touches can't be told, and %q (%s) goes by that", what, v.rule.id, v.rule.short)
		}
		return fmt.Sprintf("%s: forbidden by %q (%s)", what, v.rule.id, v.rule.short)
	case allowed:
		return fmt.Sprintf("%s: allowed by %q (%s)", what, v.rule.id, v.rule.short)
	case failed:
		return fmt.Sprintf("%s: refused, rule %q (%s) failed: %s", what, v.rule.id, v.rule.short, v.failed)
	}
	if v.miss == nil {
		return what + ": no rule permits anything"
	}
	return fmt.Sprintf("%s: %s", what, v.miss)
}
