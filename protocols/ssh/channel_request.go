package ssh

import (
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
)

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

// malformed reports whether q can't be taken apart into m, which then is on record.
func (ch *channel) malformed(q *ssh.Request, m any) bool {
	if ssh.Unmarshal(q.Payload, m) == nil {
		return false
	}
	ch.notice(q.Type, "a malformed request was refused")
	return true
}

// env sets a variable of what will run (RFC 4254, section 6.4), where the target's configuration lists it and policy agrees.
func (ch *channel) env(q *ssh.Request) bool {
	var m envRequest
	if ch.malformed(q, &m) || ch.program != nil {
		return false
	}
	rec := record.Record{Kind: record.KindCommand, Stream: ch.number, Name: []byte("env"), Text: []byte(m.Name + "=" + m.Value)}
	listed := mayset(ch.r.route.Env, m.Name)
	if !listed {
		rec.Text = []byte(brief(m.Name) + "=") // what doesn't go on needn't be kept: it may be a secret
	}
	answer := ch.r.ask(rec)
	result := record.Record{Kind: record.KindResult, Of: answer.Seq, Stream: ch.number, Outcome: record.OutcomeDone}
	ok := false
	switch {
	case !listed:
		result.Outcome, result.Message = record.OutcomeRefused, []byte("the target's configuration lists no such variable")
	case answer.Verdict != record.VerdictAllow:
		result.Outcome, result.Message = record.OutcomeRefused, []byte(sentence(answer.Refusal))
	default:
		ok = ch.pass(q)
		if q.WantReply && !ok {
			result.Outcome, result.Message = record.OutcomeFailed, []byte("the target refused it")
		}
	}
	ch.r.tell(result)
	return ok
}

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
