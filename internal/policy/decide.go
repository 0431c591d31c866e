package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// nothing stands for the statement while a session opens.
var nothing = &sqltext.Facts{Understood: true, HasWhere: true}

// Connect decides whether a subject may open a session.
func (s *Set) Connect(sub Subject, target Target, env Env) Decision {
	v := s.ask(entitiesOf(sub, target), env, nothing, sqltext.Effect{Action: Connect})
	return conclude([]verdict{v}, fmt.Sprintf("user %q may not open target %q", sub.User, target.Name), "")
}

// Statement decides whether a statement may pass: every one of its effects has to be allowed.
func (s *Set) Statement(sub Subject, target Target, env Env, f *sqltext.Facts) Decision {
	if f.Understood && f.Statements == 0 {
		return Decision{Allow: true, Rule: Nothing}
	}
	if len(f.Effects) == 0 { // no text has none: refuse what was put together wrongly
		f = sqltext.Unread("its effects are not known")
	}
	who := entitiesOf(sub, target)
	verdicts := make([]verdict, len(f.Effects))
	for i, e := range f.Effects {
		verdicts[i] = s.ask(who, env, f, e)
	}
	return conclude(verdicts, refusal(f, verdicts), f.Hint())
}

// verdict is the policy's word on one effect.
type verdict struct {
	effect sqltext.Effect
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
func (s *Set) ask(who *entities, env Env, f *sqltext.Facts, e sqltext.Effect) verdict {
	v := verdict{effect: e}
	req := cedar.Request{
		Principal: who.user.UID, Action: actionUID(e.Action), Resource: who.target.UID, Context: contextOf(env, f, e),
	}
	decision, diag := cedar.Authorize(s, who, req)
	if len(diag.Errors) > 0 {
		v.class, v.rule = failed, s.byID[diag.Errors[0].PolicyID]
		v.failed = diag.Errors[0].Message
		return v
	}
	if len(diag.Reasons) > 0 {
		v.rule = s.byID[diag.Reasons[0].PolicyID]
	}
	switch {
	case decision == cedar.Allow:
		v.class = allowed
		switch {
		case sqltext.Untold(e.Action):
			s.untold(&v, who, req, diag.Reasons)
		case endsTables(e.Action):
			s.within(&v, who, req)
		}
	case v.rule != nil:
		v.class = forbidden
	default:
		v.class, v.miss = defaultDeny, s.nearest(who, req)
	}
	return v
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
		}
	}
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
func refusal(f *sqltext.Facts, verdicts []verdict) string {
	worst := slices.MaxFunc(verdicts, func(a, b verdict) int { return int(a.class) - int(b.class) })
	text := "policy refuses " + worst.effect.Action
	if !f.Understood {
		text = "policy refuses a statement that was not understood: " + f.Why
	}
	switch e := worst.effect; {
	case len(e.Tables) > 0:
		text += " on " + few(e.Tables)
	case len(e.Functions) > 0:
		text += " by " + few(e.Functions)
	}
	switch {
	case worst.blind:
		text += fmt.Sprintf("; what it touches can't be told, and rule %q goes by that", worst.rule.id)
	case !f.Understood:
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
