package ssh

import (
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// Refuse tells why on the first channel that the client opens.
func (c *conn) Refuse(err error) {
	if c.client == nil {
		return
	}
	go ssh.DiscardRequests(c.client.requests)
	if n, ok := <-c.client.channels; ok {
		n.Reject(ssh.Prohibited, protocols.AsError(err).Message)
	}
}

// sentence is a refusal in one line.
func sentence(e *protocols.Error) string {
	s := e.Message
	if e.Rule != "" && !strings.Contains(s, e.Rule) {
		s += " (rule " + e.Rule + ")"
	}
	return printable(s)
}

// words is a refusal as a program's stderr tells it, line by line.
func words(e *protocols.Error, newline string) []byte {
	var b strings.Builder
	for _, line := range []string{sentence(e), printable(e.Detail), printable(e.Hint)} {
		if line != "" {
			b.WriteString("gatefold: " + line + newline)
		}
	}
	return []byte(b.String())
}

// printable makes what a stranger said fit for a log and for a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// brief bounds what a stranger said.
func brief(s string) string { return s[:min(len(s), maxWords)] }

const maxWords = 1 << 10 // 1 KiB
