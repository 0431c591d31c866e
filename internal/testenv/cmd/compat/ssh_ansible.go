package main

import (
	"context"
	"fmt"
	"os"
)

// ansible runs a playbook, with pipelining and without.
func ansible(ctx context.Context, a *attempt) error {
	remote, err := a.remote()
	if err != nil {
		return err
	}
	sockets, err := os.MkdirTemp("/tmp", "gf-") // paths of sockets must be short
	if err != nil {
		return err
	}
	defer os.RemoveAll(sockets)
	a.hide(`/tmp/gf-[0-9]+`, "SOCKETS")
	a.hide(`jid=j[0-9.]+`, "jid=JID")
	inventory := fmt.Sprintf("target ansible_ssh_common_args='-F %s' ansible_python_interpreter=/usr/bin/python3\n", a.login)
	if err := os.WriteFile(a.file("inventory"), []byte(inventory), 0o600); err != nil {
		return err
	}
	for _, with := range []struct{ pipelining, transfer string }{{"False", "sftp"}, {"True", "sftp"}, {"False", "scp"}, {"False", "piped"}} {
		a.sayf("== pipelining %s, transfer by %s", with.pipelining, with.transfer)
		if err := os.RemoveAll(remote + "/made"); err != nil {
			return err
		}
		cmd := a.command(ctx, "ansible-playbook", "-i", a.file("inventory"), "-e", "folder="+remote+"/made", "-e", "here="+a.dir, a.script("ssh/ansible/play.yml"))
		cmd.Env = append(cmd.Env, "ANSIBLE_NOCOLOR=1", "ANSIBLE_NOCOWS=1", "ANSIBLE_SSH_CONTROL_PATH_DIR="+sockets, "ANSIBLE_PIPELINING="+with.pipelining,
			"ANSIBLE_SSH_TRANSFER_METHOD="+with.transfer, "ANSIBLE_LOCAL_TEMP="+a.file("tmp"), "ANSIBLE_HOME="+a.file("home"), "ANSIBLE_RETRY_FILES_ENABLED=0")
		if err := a.mustTell(cmd); err != nil {
			return err
		}
		// The connection that it leaves open is the next run's too, else.
		a.tell(a.command(ctx, "sh", "-c", "for s in "+sockets+"/*; do [ ! -S $s ] || ssh -F "+a.login+" -S $s -O exit target >/dev/null 2>&1; done"))
	}
	a.note = "pipelining on and off; files by sftp, scp, piped"
	return a.list(remote + "/made")
}
