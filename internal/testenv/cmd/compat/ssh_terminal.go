package main

import "context"

// sshTerminal is somebody at a terminal: a shell, its window changed, Ctrl-C, Ctrl-D, programs that draw.
func sshTerminal(ctx context.Context, a *attempt) error {
	a.hide(`\[1\] [0-9]+`, "[1] PID")
	a.note = "a shell at a terminal"
	return a.mustTell(a.command(ctx, "/usr/bin/python3", a.script("ssh/python/terminal.py"), a.login))
}
