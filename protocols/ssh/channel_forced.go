package ssh

import (
	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// forced puts the one command of the user's certificate in the place of what q asks for (ssh-keygen(1), force-command; for
// sftp it is "internal-sftp", as sshd has it). What was asked for goes to the command as sshd tells it, in
// SSH_ORIGINAL_COMMAND: a variable as any other, so that it is on record whole, and where policy agrees and the target takes it.
func (ch *channel) forced(q *ssh.Request, p *program) {
	g := ch.r.grant
	if !g.forced {
		return
	}
	ch.notice(q.Type, "the user's certificate has its own command in place of what was asked for")
	if p.kind != "shell" {
		ch.original(p.text)
	}
	p.kind, p.text = "exec", g.command
	if g.command == "internal-sftp" {
		p.kind, p.text = "subsystem", "sftp"
	}
	q.Type, q.Payload = p.kind, ssh.Marshal(programRequest{p.text})
}

// original tells the target what was asked for. Whether it takes that makes no difference to the client.
func (ch *channel) original(command string) {
	answer := ch.ask(protocols.Action{Record: record.Record{Kind: record.KindCommand, Stream: ch.number, Name: []byte("env"),
		Text: []byte("SSH_ORIGINAL_COMMAND=" + command)}})
	result := record.Record{Kind: record.KindResult, Of: answer.Seq, Stream: ch.number, Outcome: record.OutcomeDone}
	if answer.Verdict != record.VerdictAllow {
		result.Outcome, result.Message = record.OutcomeRefused, []byte(sentence(answer.Refusal))
	} else {
		ch.far.SendRequest("env", false, ssh.Marshal(envRequest{"SSH_ORIGINAL_COMMAND", command}))
	}
	ch.r.tell(result)
}
