package main

import (
	"net"
	"strings"
)

// sshConnection is how a client of SSH reaches the gateway.
type sshConnection struct{ connection }

// forms are all forms, by the name that --format has for them.
func (c sshConnection) forms() []form {
	to := shellQuote(c.user + "@" + c.bracketed())
	return []form{
		{"ssh", "ssh", "ssh -p " + c.port + " " + shellQuote(c.user+"@"+c.host)},
		{"scp", "scp", "scp -P " + c.port + " FILE " + to + ":"},
		{"sftp", "sftp", "sftp -P " + c.port + " " + to},
		{"rsync", "rsync", "rsync -a -e 'ssh -p " + c.port + "' FOLDER " + to + ":"},
		{"git", "git", "git clone " + shellQuote(c.uri()+"/~/REPOSITORY")},
		{"uri", "URI", c.uri()},
	}
}

// uri is of the form that git and others read (RFC 3986).
func (c sshConnection) uri() string {
	return "ssh://" + percent(c.user) + "@" + net.JoinHostPort(c.host, c.port)
}

// bracketed is the host where a colon follows it.
func (c sshConnection) bracketed() string {
	if strings.Contains(c.host, ":") {
		return "[" + c.host + "]"
	}
	return c.host
}

const sshNote = "Keys (gatefold user key add) or a password; the client proves the gateway by its known_hosts: gatefold ssh-config --known-hosts"
