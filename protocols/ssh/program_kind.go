package ssh

import (
	"path"
	"strings"
)

// interpreters are programs that run what they are given on their standard input.
var interpreters = map[string]bool{
	"sh": true, "bash": true, "dash": true, "ash": true, "zsh": true, "ksh": true, "mksh": true, "fish": true, "csh": true,
	"tcsh": true, "busybox": true, "pwsh": true, "powershell": true, "python": true, "perl": true, "ruby": true, "node": true,
	"php": true, "lua": true, "awk": true, "gawk": true, "sed": true, "tclsh": true, "expect": true, "psql": true, "mysql": true,
	"mariadb": true, "sqlite3": true, "sqlplus": true, "mongosh": true, "redis-cli": true, "clickhouse-client": true, "at": true,
	"batch": true, "crontab": true, "ed": true, "ex": true, "bc": true, "dc": true, "gdb": true, "su": true, "sudo": true,
	"doas": true, "xargs": true, "parallel": true, "ssh": true, "nsenter": true, "docker": true, "podman": true, "kubectl": true,
	"make": true, "m4": true, "virsh": true, "vtysh": true, "ansible-console": true,
}

// interprets reports whether what the client sends to p may be run: p is a shell, or a program that takes commands, anywhere in
// its command line, or a subsystem of another kind than files. Too much is kept rather than too little: any word will do.
func (p *program) interprets() bool {
	if p.kind != "exec" {
		return true
	}
	words := strings.FieldsFunc(p.text, func(r rune) bool { return strings.ContainsRune(" \t\r\n'\"\\;&|()<>{}`$=", r) })
	for _, word := range words {
		if interpreters[strings.TrimRight(path.Base(word), "0123456789.")] {
			return true
		}
	}
	return false
}
