package ssh

import "golang.org/x/crypto/ssh"

// forced puts the one command of the user's certificate in the place of what q asks for (ssh-keygen(1), force-command; for
// sftp it is "internal-sftp", as sshd has it). What was asked for is on record, and goes to the command as sshd tells it:
// in SSH_ORIGINAL_COMMAND, where the target takes that.
func (ch *channel) forced(q *ssh.Request, p *program) {
	g := ch.r.grant
	if !g.forced {
		return
	}
	ch.notice(q.Type, "the user's certificate has its own command in place of: "+printable(brief(p.text)))
	if p.kind != "shell" {
		ch.far.SendRequest("env", false, ssh.Marshal(envRequest{"SSH_ORIGINAL_COMMAND", p.text}))
	}
	p.kind, p.text = "exec", g.command
	if g.command == "internal-sftp" {
		p.kind, p.text = "subsystem", "sftp"
	}
	q.Type, q.Payload = p.kind, ssh.Marshal(programRequest{p.text})
}
