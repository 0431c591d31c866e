package policy

import (
	"net/netip"
	"time"
)

// Source is one policy file.
type Source struct {
	Name string // shown in errors and decisions
	Text []byte
}

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
	Account       string // the target's account that the session logs in with
	Database      string
	Client        netip.Addr // the zero Addr counts as 0.0.0.0
	Now           time.Time  // looked at by rules that read context.now, hour or weekday only: see Set.ReadsTime
	InTransaction bool
}

// Decision is the policy's answer.
type Decision struct {
	Allow bool
	// Rule is the id of the rule that decided, "default deny" where no rule allows, "error" where one failed.
	Rule string
	// Where is the rule's file:line; empty without one.
	Where string
	// Message says why not, in one lower case line that may be shown to the user. Empty when allowed.
	Message string
	// Advice is the rule's @advice annotation: what to do instead.
	Advice string
	// Reasons lists what was found, for the operator: each effect with the rule that decided it, errors, and for
	// a default deny the nearest miss.
	Reasons []string
}

// What stands in Decision.Rule where no rule of a file does.
const (
	DefaultDeny = "default deny"
	RuleError   = "error"
)
