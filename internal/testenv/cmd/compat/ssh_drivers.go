package main

import (
	"context"
	"strconv"
)

// sshDriver is a script that talks by somebody's library and prints what it sees.
type sshDriver struct {
	program []string
	script  string // below testdata/ssh
}

func (d sshDriver) run(ctx context.Context, a *attempt) error {
	remote, err := a.remote()
	if err != nil {
		return err
	}
	args := append(append([]string{}, d.program[1:]...), a.script("ssh/"+d.script))
	cmd := a.command(ctx, d.program[0], args...)
	l := a.ssh.login
	cmd.Env = append(cmd.Env, "COMPAT_HOST="+l.Host, "COMPAT_PORT="+strconv.Itoa(l.Port), "COMPAT_USER="+l.User, "COMPAT_KEY="+l.Key,
		"COMPAT_KNOWN_HOSTS="+a.knownHosts(), "COMPAT_REMOTE="+remote, "COMPAT_LOCAL="+a.dir, "NODE_PATH="+a.npm+"/node_modules", "PYTHONWARNINGS=ignore")
	if err := a.mustTell(cmd); err != nil {
		return err
	}
	return a.list(remote)
}
