package mysql

import (
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// ask proposes an action. false: the answer is awaited.
func (m *machine) ask(a protocols.Action, out *relay.Out) (protocols.Answer, bool) {
	answer, ok := m.asking.Ask(m.s, a)
	if !ok {
		out.Wait = m.await
	}
	return answer, ok
}

// refuse makes an answer a refusal, unless it is one already.
func refuse(answer *protocols.Answer, e *protocols.Error) {
	if answer.Verdict == record.VerdictAllow {
		answer.Verdict, answer.Refusal = record.VerdictDeny, e
	}
}
