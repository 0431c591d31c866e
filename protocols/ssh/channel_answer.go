package ssh

import (
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	quietTime = time.Second // without a byte, after which a target that goes on is taken to have sent all that it had so far
	endTime   = time.Second // for which the end of the target's data waits for the program's
)

// answer takes one of the target's requests. golang.org/x/crypto/ssh gives requests and data apart, so that it isn't known
// which came first; a program's end is told behind its data, as an sshd tells it.
func (ch *channel) answer(q *ssh.Request) {
	if q.Type == "keepalive@openssh.com" { // any answer will do, also while a program waits for its own
		q.Reply(false, nil)
		return
	}
	p := ch.running()
	switch {
	case p == nil:
		q.Reply(false, nil)
		return
	case q.Type == "exit-status":
		var m exitStatus
		if ssh.Unmarshal(q.Payload, &m) == nil {
			p.status = &m.Status
		}
		ch.settle(p)
	case q.Type == "exit-signal":
		var m exitSignal
		if ssh.Unmarshal(q.Payload, &m) == nil {
			p.signal, p.dumped, p.lastWord = brief(m.Name), m.Dumped, printable(brief(m.Message))
		}
		ch.settle(p)
	case q.Type == "eow@openssh.com", q.Type == "xon-xoff": // OpenSSH's PROTOCOL, section 2.1; RFC 4254, section 6.8
	default:
		q.Reply(false, nil)
		return
	}
	ok, _ := ch.near.SendRequest(q.Type, q.WantReply, q.Payload)
	q.Reply(ok, nil)
	if p.ended() && closed(ch.over) {
		ch.endOutput()
	}
}

// settle waits until the client has what the target sent before: both streams have ended, or nothing comes any more, as where
// a program has ended and left another in the background that holds its output.
func (ch *channel) settle(p *program) {
	tick := time.NewTicker(quietTime)
	defer tick.Stop()
	before := p.taken()
	for {
		select {
		case <-ch.over:
			return
		case <-ch.r.ctx.Done():
			return
		case <-tick.C:
		}
		now := p.taken()
		if now == before && p.out.waits.Load() && p.err.waits.Load() {
			return
		}
		before = now
	}
}

// taken is how many bytes the target sent on both streams that were taken.
func (p *program) taken() uint64 { return p.out.taken.Load() + p.err.taken.Load() }
