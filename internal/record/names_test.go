package record

import (
	"strings"
	"testing"
)

func TestNamesAreReadAsTheyAreWritten(t *testing.T) {
	for k := range kindEnd {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("kind %d, %q: read %d, %v", k, k, got, err)
		}
	}
	for v := range verdictEnd {
		if got, err := ParseVerdict(v.String()); err != nil || got != v {
			t.Errorf("verdict %d, %q: read %d, %v", v, v, got, err)
		}
	}
	for o := range outcomeEnd {
		if got, err := ParseOutcome(o.String()); err != nil || got != o {
			t.Errorf("outcome %d, %q: read %d, %v", o, o, got, err)
		}
	}
	for kind, word := range map[Kind]string{KindOpen: "open", KindResult: "result", KindExec: "exec", KindRedact: "redact", 200: "kind-200"} {
		if kind.String() != word {
			t.Errorf("kind %d is %q, want %q", kind, kind, word)
		}
	}
	if OutcomeCancelled.String() != "cancelled" || VerdictDeny.String() != "deny" {
		t.Error("a name stands at another's place")
	}
}

func TestAnUnknownNameSaysWhichThereAre(t *testing.T) {
	_, err := ParseVerdict("maybe")
	if err == nil || !strings.Contains(err.Error(), `"maybe"`) || !strings.Contains(err.Error(), "allow, deny") {
		t.Errorf("%v", err)
	}
}
