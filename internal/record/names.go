package record

import (
	"fmt"
	"strings"
)

var kindNames = [kindEnd]string{"none", "open", "join", "close", "query", "parse", "bind", "execute", "call", "result",
	"notice", "state", "cancel", "data", "exec", "input", "output", "resize", "file", "forward", "gap", "redact", "command", "signal", "line", "screen"}

var verdictNames = [verdictEnd]string{"none", "allow", "deny", "wait"}

var outcomeNames = [outcomeEnd]string{"none", "done", "failed", "refused", "skipped", "cancelled", "unknown"}

// String is the word that people and queries use: "open", "query".
func (k Kind) String() string { return name(kindNames[:], "kind", uint8(k)) }

// String is the word that people and queries use: "allow", "deny".
func (v Verdict) String() string { return name(verdictNames[:], "verdict", uint8(v)) }

// String is the word that people and queries use: "done", "failed".
func (o Outcome) String() string { return name(outcomeNames[:], "outcome", uint8(o)) }

// ParseKind reads what String writes.
func ParseKind(s string) (Kind, error) {
	i, err := parseName(kindNames[:], "kind", s)
	return Kind(i), err
}

// ParseVerdict reads what String writes.
func ParseVerdict(s string) (Verdict, error) {
	i, err := parseName(verdictNames[:], "verdict", s)
	return Verdict(i), err
}

// ParseOutcome reads what String writes.
func ParseOutcome(s string) (Outcome, error) {
	i, err := parseName(outcomeNames[:], "outcome", s)
	return Outcome(i), err
}

// name says what it can of a value that a newer gatefold wrote.
func name(names []string, what string, v uint8) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s-%d", what, v)
}

func parseName(names []string, what, s string) (uint8, error) {
	for i, n := range names {
		if n == s {
			return uint8(i), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q: it is one of %s", what, s, strings.Join(names[1:], ", "))
}
