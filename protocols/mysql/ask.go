package mysql

import (
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// asking is an action whose answer is awaited (protocols.Answer.Ready). The command that it is of stays where it is and
// is looked at again when the answer is there.
type asking struct {
	ready  <-chan protocols.Answer // nil: nothing is awaited
	answer protocols.Answer
	there  bool
}

// await is relay.Out.Wait.
func (a *asking) await(stop <-chan struct{}) {
	if a.there {
		return
	}
	select {
	case a.answer = <-a.ready:
		a.there = true
	case <-stop:
	}
}

// ask proposes an action. false: the answer is awaited.
func (m *machine) ask(a protocols.Action, out *relay.Out) (protocols.Answer, bool) {
	answer := m.asking.answer
	if m.asking.ready == nil {
		answer = m.s.Ask(a)
		m.asking.ready = answer.Ready
		m.asking.there = answer.Verdict != record.VerdictWait
	}
	if !m.asking.there {
		out.Wait = m.await
		return protocols.Answer{}, false
	}
	m.asking = asking{}
	if answer.Verdict != record.VerdictAllow && answer.Refusal == nil {
		answer.Refusal = &protocols.Error{Class: protocols.ClassInternal, Message: "refused without a reason"}
	}
	return answer, true
}

// refuse makes an answer a refusal, unless it is one already.
func refuse(answer *protocols.Answer, e *protocols.Error) {
	if answer.Verdict == record.VerdictAllow {
		answer.Verdict, answer.Refusal = record.VerdictDeny, e
	}
}
