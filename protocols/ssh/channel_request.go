package ssh

import (
	"context"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// maxQueued bounds the requests of a client that are held while one of them waits for its answer.
const maxQueued = 64

var errLeft = &protocols.Error{Class: protocols.ClassBadRequest, Message: "the client closed the channel"}

// next is the client's next request; nil: it closed the channel.
func (ch *channel) next() *ssh.Request {
	if len(ch.queue) > 0 {
		q := ch.queue[0]
		ch.queue = ch.queue[1:]
		return q
	}
	return <-ch.near.requests
}

// ask is relay.ask for the client's requests: a client that closes the channel meanwhile doesn't wait any more, and what it
// asked for is not done.
func (ch *channel) ask(action protocols.Action) protocols.Answer {
	answer := ch.r.propose(action)
	for answer.Verdict == record.VerdictWait {
		requests := ch.near.requests
		if len(ch.queue) >= maxQueued {
			requests = nil
		}
		select {
		case answer = <-answer.Ready:
		case q := <-requests:
			if q == nil {
				ch.abandon(answer.Ready)
				return refused(errLeft)
			}
			ch.queue = append(ch.queue, q)
		case <-ch.r.ctx.Done():
			return refused(protocols.AsError(context.Cause(ch.r.ctx)))
		}
	}
	return ch.r.settled(answer)
}

// abandon sees to it that an action that nobody waits for any more has its Result.
func (ch *channel) abandon(ready <-chan protocols.Answer) {
	ch.r.spawn(func() {
		select {
		case answer := <-ready:
			ch.r.tell(record.Record{Kind: record.KindResult, Of: answer.Seq, Stream: ch.number, Outcome: record.OutcomeCancelled,
				Message: []byte(errLeft.Message)})
		case <-ch.r.ctx.Done():
		}
	})
}

// request takes one of the client's requests and replies to it where a reply is wanted. What may go on does so as it came.
func (ch *channel) request(q *ssh.Request) {
	ok := false
	switch q.Type {
	case "exec", "shell", "subsystem":
		ch.start(q)
		return
	case "pty-req":
		ok = ch.askTerminal(q)
	case "window-change":
		ok = ch.resize(q)
	case "env":
		ok = ch.env(q)
	case "signal", "break":
		ok = ch.signal(q)
	case "x11-req", "auth-agent-req@openssh.com":
		ok = ch.denyForward(q)
	case "eow@openssh.com": // OpenSSH's PROTOCOL, section 2.1: the client shows nothing any more
		ok = ch.pass(q)
	case "keepalive@openssh.com": // any answer will do
	default:
		ch.notice(q.Type, "an unknown request was refused")
	}
	q.Reply(ok, nil)
}

// pass sends a request on.
func (ch *channel) pass(q *ssh.Request) bool {
	ok, err := ch.far.SendRequest(q.Type, q.WantReply, q.Payload)
	return ok && err == nil
}

// malformed reports whether q can't be taken apart into m, which then is on record. A zero byte in one of its texts is as bad:
// an sshd takes the text to end there, so that "sftp" and a zero byte is sftp to it.
func (ch *channel) malformed(q *ssh.Request, m any, texts ...*string) bool {
	bad := ssh.Unmarshal(q.Payload, m) != nil
	for _, text := range texts {
		bad = bad || strings.IndexByte(*text, 0) >= 0
	}
	if bad {
		ch.notice(q.Type, "a malformed request was refused")
	}
	return bad
}

// env sets a variable of what will run (RFC 4254, section 6.4), where the target's configuration lists it and policy agrees.
func (ch *channel) env(q *ssh.Request) bool {
	var m envRequest
	if ch.malformed(q, &m, &m.Name, &m.Value) || ch.program != nil {
		return false
	}
	action := protocols.Action{Record: record.Record{Kind: record.KindCommand, Stream: ch.number, Name: []byte("env")}}
	action.Record.Text = []byte(m.Name + "=" + m.Value)
	if !mayset(ch.r.route.Env, m.Name) {
		action.Record.Text = []byte(brief(m.Name) + "=") // what doesn't go on needn't be kept: it may be a secret
		action.Refused = errVariable
	}
	answer := ch.ask(action)
	result := record.Record{Kind: record.KindResult, Of: answer.Seq, Stream: ch.number, Outcome: record.OutcomeDone}
	ok := false
	if answer.Verdict != record.VerdictAllow {
		result.Outcome, result.Message = record.OutcomeRefused, []byte(sentence(answer.Refusal))
	} else if ok = ch.pass(q); q.WantReply && !ok {
		result.Outcome, result.Message = record.OutcomeFailed, []byte("the target refused it")
	}
	ch.r.tell(result)
	return ok
}

var errVariable = &protocols.Error{Class: protocols.ClassUnsupported, Message: "the target's configuration lists no such variable"}

// mayset reports whether a variable is listed; a * at the end stands for any ending.
func mayset(list []string, name string) bool {
	for _, entry := range list {
		if stem, open := strings.CutSuffix(entry, "*"); entry == name || open && strings.HasPrefix(name, stem) {
			return true
		}
	}
	return false
}

// signal sends a signal or a break to what runs (RFC 4254, section 6.9; RFC 4335).
func (ch *channel) signal(q *ssh.Request) bool {
	name := "break"
	if q.Type == "signal" {
		var m signalRequest
		if ch.malformed(q, &m) {
			return false
		}
		name = brief(m.Name)
	} else if ch.malformed(q, &breakRequest{}) {
		return false
	}
	if ch.program == nil {
		return false
	}
	if ch.r.tellFirst(record.Record{Kind: record.KindSignal, Stream: ch.number, Name: []byte(name)}) != nil {
		return false
	}
	return ch.pass(q)
}

// denyForward refuses X11 and agent forwarding. A client isn't told of the latter's failure: where somebody sits at a terminal
// it is said there.
func (ch *channel) denyForward(q *ssh.Request) bool {
	refusal := ch.r.denyForward(ch.number, q.Type, "")
	ch.notices = append(ch.notices, refusal)
	return false
}
