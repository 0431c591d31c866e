package policy

import (
	"net/netip"
	"time"
)

// Subject is who asks.
type Subject struct {
	User   string
	Groups []string
}

// Target is what they ask for.
type Target struct {
	Name     string
	Protocol string // "postgres"
}

// Env is all else that rules may look at.
type Env struct {
	Account  string     // the target's account that the session logs in with
	Database string     // empty: the target's default
	Client   netip.Addr // the zero Addr counts as 0.0.0.0
	Now      time.Time  // seen by rules that read the time only: see Set.ReadsTime
}

// Decision is the policy's answer.
type Decision struct {
	Allow bool
	// Watched: a rule that permits it has a @watch; Rule names that one.
	Watched bool
	// Rule is the id of the rule that decided; where several effects of a statement were allowed by several
	// rules, their ids with ", " between. DefaultDeny where no rule allows, RuleError where one failed.
	Rule string
	// Where is the place of Rule, file:line, as many as Rule names; empty without one.
	Where string
	// Message says what was refused and why, in one lower case line that may be shown to the user. Empty when
	// allowed.
	Message string
	// Advice is what to do instead: the deciding rule's @advice annotation or, for a default deny, what the nearest
	// rule asks for. Empty when allowed.
	Advice string
	// Reasons has a line for each effect of the statement, and for each rule that failed, for the operator.
	Reasons []string
}

// What stands in Decision.Rule where no rule of a file does.
const (
	DefaultDeny = "default deny"
	RuleError   = "rule error"
	Nothing     = "nothing to do" // the text holds no statement
)
