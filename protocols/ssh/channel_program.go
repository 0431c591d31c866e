package ssh

import (
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// program is what runs in a channel (RFC 4254, section 6.5): a shell, a command or a subsystem.
type program struct {
	seq      uint64 // its KindExec's
	kind     string // exec, shell, subsystem
	text     string // the command line, the subsystem's name
	carrier  carrier
	in       source // the client's stream
	out, err source // the target's two

	// What the target's requests told of its end; owned by them.
	status   *uint32
	signal   string // without SIG
	dumped   bool
	lastWord string
}

// start runs what the client asks for, where policy agrees. The reply goes before anything that the program says.
func (ch *channel) start(q *ssh.Request) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	p := &program{kind: q.Type}
	if q.Type != "shell" {
		var m programRequest
		if ch.malformed(q, &m, &m.Text) {
			q.Reply(false, nil)
			return
		}
		p.text = m.Text
	}
	if ch.program != nil {
		ch.notice(q.Type, "a second program in one channel was refused")
		q.Reply(false, nil)
		return
	}
	ch.forced(q, p)
	rec := record.Record{Kind: record.KindExec, Stream: ch.number, Name: []byte(p.kind), Text: []byte(p.text)}
	answer := ch.ask(protocols.Action{Record: rec})
	p.seq = answer.Seq
	if answer.Verdict != record.VerdictAllow {
		ch.deny(q, p, answer.Refusal)
		return
	}
	ok, err := ch.far.SendRequest(q.Type, true, q.Payload)
	if err != nil || !ok {
		ch.r.tell(record.Record{Kind: record.KindResult, Of: p.seq, Stream: ch.number, Outcome: record.OutcomeFailed,
			Message: []byte("the target refused to run it")})
		q.Reply(false, nil)
		return
	}
	q.Reply(true, nil)
	if ch.terminal != nil {
		for _, e := range ch.notices {
			ch.say(e)
		}
	}
	p.in.Reader, p.in.from = ch.near, ch.r.client.meter
	p.out.Reader, p.out.from = ch.far, ch.r.target.meter
	p.err.Reader, p.err.from = ch.far.Stderr(), ch.r.target.meter
	p.carrier = ch.carrierOf(p)
	ch.begin(p)
}

// deny refuses a program: the reason on stderr, then a failure. A client (OpenSSH's) may end at once when it reads the
// failure, without showing what came before it; so that is not sent before the client has answered something behind the words.
func (ch *channel) deny(q *ssh.Request, p *program, refusal *protocols.Error) {
	ch.r.tell(record.Record{Kind: record.KindResult, Of: p.seq, Stream: ch.number, Outcome: record.OutcomeRefused,
		Message: []byte(sentence(refusal))})
	read := make(chan struct{})
	ch.r.spawn(func() {
		defer close(read)
		ch.say(refusal)
		ch.near.SendRequest("keepalive@openssh.com", true, nil)
	})
	patience := time.NewTimer(wordsTime)
	defer patience.Stop()
	select {
	case <-read:
	case <-patience.C:
	case <-ch.r.ctx.Done():
	}
	q.Reply(false, nil)
}

// result is what came of a program whose channel is closed.
func (p *program) result(ch *channel) record.Record {
	r := record.Record{Kind: record.KindResult, Of: p.seq, Stream: ch.number, Bytes: p.taken(), Outcome: record.OutcomeFailed}
	switch {
	case p.signal != "":
		r.Code, r.Message = []byte("SIG"+p.signal), []byte(p.lastWord)
		if p.dumped {
			r.Message = append(r.Message, " (core dumped)"...)
		}
	case p.status != nil:
		r.Code = strconv.AppendUint(nil, uint64(*p.status), 10)
		if *p.status == 0 {
			r.Outcome = record.OutcomeDone
		}
	case ch.wasLeft():
		r.Outcome, r.Message = record.OutcomeCancelled, []byte("the client closed the channel")
	default:
		r.Outcome, r.Message = record.OutcomeUnknown, []byte("the target closed the channel and told no exit status")
	}
	return r
}

// ended reports whether the target told how it ended.
func (p *program) ended() bool { return p.status != nil || p.signal != "" }

func (ch *channel) wasLeft() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.left
}
