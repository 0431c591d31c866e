package protocols

import "github.com/gatefold/gatefold/internal/record"

// Asking is an action whose answer may be awaited (Answer.Ready). The message that it is of stays where it is and is looked
// at again when the answer is there; nothing else is asked meanwhile.
type Asking struct {
	ready  <-chan Answer // nil: nothing is awaited
	answer Answer
	there  bool
}

// Pending reports whether an answer is awaited, or is there and wasn't taken yet.
func (a *Asking) Pending() bool { return a.ready != nil }

// Await is relay.Out.Wait.
func (a *Asking) Await(stop <-chan struct{}) {
	if a.there {
		return
	}
	select {
	case a.answer = <-a.ready:
		a.there = true
	case <-stop:
	}
}

// Ask proposes an action, or takes the answer to what it proposed before. false: the answer is awaited.
func (a *Asking) Ask(s Session, action Action) (Answer, bool) {
	answer := a.answer
	if a.ready == nil {
		answer = s.Ask(action)
		a.ready = answer.Ready
		a.there = answer.Verdict != record.VerdictWait
	}
	if !a.there {
		return Answer{}, false
	}
	*a = Asking{}
	if answer.Verdict != record.VerdictAllow && answer.Refusal == nil {
		answer.Refusal = &Error{Class: ClassInternal, Message: "refused without a reason"}
	}
	return answer, true
}
