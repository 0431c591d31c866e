package ssh

import (
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
)

// What OpenSSH's client runs ends as it ends on the server, and is on record in order.
func TestExec(t *testing.T) {
	g, server := newRelayGate(t, nil)
	out, errs, code := g.run(t, "", "target", "echo out; echo err >&2; exit 7")
	if out != "out\n" || errs != "err\n" || code != 7 {
		t.Errorf("%q %q %d", out, errs, code)
	}
	if err := g.ended(t, 0); err != nil {
		t.Error(err)
	}
	tape := g.tape(t, 0)
	tape.expect(t, `
		exec #1 exec "echo out; echo err >&2; exit 7"
		result #1 of=1 failed bytes=8 code=7`, record.KindExec, record.KindResult)
	if got := tape.text(record.KindOutput, 1, 0) + tape.text(record.KindOutput, 1, record.FlagStderr); got != "out\nerr\n" {
		t.Errorf("%q was shown", got)
	}
	ran, err := server.Ran()
	if err != nil || !strings.Contains(strings.Join(ran, "\n"), "echo out; echo err >&2; exit 7") {
		t.Errorf("the server ran %q: %v", ran, err)
	}
}
