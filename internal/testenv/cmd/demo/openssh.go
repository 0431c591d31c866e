package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gatefold/gatefold/internal/testenv"
)

// The third target: a machine with OpenSSH, which is this one.
const (
	machine = "web1"
	sshLine = "ssh -F .demo/alice.conf " + machine // to paste in the module's root
)

// startOpenSSH starts the third server and gives its target to f.
func (d *demo) startOpenSSH(ctx context.Context, f *testenv.Front) (err error) {
	d.heading("A throwaway OpenSSH server")
	if d.ssh, err = testenv.OpenSSH(ctx, testenv.Options{Dir: filepath.Join(d.gate.Dir, "ssh")}); err != nil {
		return err
	}
	d.say("listening on %s, in .demo/ssh; login %s, with a key of its own", d.ssh.Address(), d.ssh.Superuser)
	f.Targets = append(f.Targets, testenv.FrontTarget{Name: machine, Server: &d.ssh.Server, Account: "admin", HostKeys: d.ssh.HostKeys})
	return nil
}

// addKeys gives the vault the server's key, and alice one that only the gateway knows.
func (d *demo) addKeys(ctx context.Context, target testenv.FrontTarget) error {
	d.command("%s secret add %s --user %s --ssh-key -c .demo/gatefold.yaml < KEY", binName, target.Secret(), d.ssh.Superuser)
	if err := d.gate.AddSSHSecret(ctx, target, d.ssh); err != nil {
		return err
	}
	d.command("%s user key add alice -c .demo/gatefold.yaml < .demo/alice.key.pub", binName)
	_, err := d.gate.AddSSHKey(ctx, "alice")
	return err
}

// atOpenSSH is alice at the machine, and what an investigator finds of it.
func (d *demo) atOpenSSH(ctx context.Context) error {
	d.heading("alice works on a machine with her own ssh and scp; the key that opens it she has never seen")
	l, err := d.gate.SSHLogin("alice@"+machine, filepath.Join(d.gate.Dir, "alice.key"))
	if err != nil {
		return err
	}
	config, err := l.Config(d.gate.Dir, "alice", machine)
	if err != nil {
		return err
	}
	notes := filepath.Join(d.gate.Dir, "notes.txt")
	if err := os.WriteFile(notes, []byte("Noor has moved to Delft.\n"), 0o600); err != nil {
		return err
	}
	for _, step := range []struct {
		program string
		args    []string
		shown   string
		fails   bool
		want    string
	}{
		{"ssh", []string{machine, "echo \"here is $(uname -s)\"; ls -d /etc"}, "ssh -F .demo/alice.conf web1 'echo \"here is $(uname -s)\"; ls -d /etc'", false, "here is Linux"},
		{"ssh", []string{machine, "cat /etc/shadow"}, "ssh -F .demo/alice.conf web1 cat /etc/shadow", true, "password-files"},
		{"scp", []string{notes, machine + ":" + d.ssh.Home + "/notes.txt"}, "scp -F .demo/alice.conf .demo/notes.txt web1:.../notes.txt", false, ""},
	} {
		d.command("%s", step.shown)
		path, err := testenv.SSHBinary(step.program)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, path, append([]string{"-F", config}, step.args...)...)
		cmd.Env = testenv.CleanEnv()
		said, err := d.capture(cmd)
		if err != nil && !(step.fails && bytes.Contains(said, []byte(step.want))) {
			return err
		}
		if err := wants(step.program, said, step.want); err != nil {
			return err
		}
	}
	return d.seeOpenSSH(ctx)
}

func (d *demo) seeOpenSSH(ctx context.Context) error {
	if err := d.awaitArchive(ctx, "target:"+machine, "notes.txt"); err != nil {
		return err
	}
	d.command("%s search -c .demo/gatefold.yaml 'target:web1 verdict:deny'", binName)
	said, err := d.capture(d.gate.Command(ctx, "search", "target:"+machine+" verdict:deny"))
	if err != nil {
		return err
	}
	if err := wants("search", said, "cat /etc/shadow", "password-files"); err != nil {
		return err
	}
	d.command("%s replay -c .demo/gatefold.yaml last", binName)
	if said, err = d.capture(d.gate.Command(ctx, "replay", "last")); err != nil {
		return err
	}
	return wants("replay", said, "alice", "notes.txt")
}
