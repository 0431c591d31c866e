package ssh

import (
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// refuseTime is how long a client that goes no further has to open a channel, and to hang up once it was told why.
const refuseTime = 5 * time.Second

// Refuse tells why on each channel that the client opens (RFC 4254, section 5.1) until it hangs up: to close the connection
// before it has read the reason would lose that. A client that failed to prove itself has been told by x/crypto.
func (c *conn) Refuse(err error) {
	c.mu.Lock()
	client := c.client
	c.mu.Unlock()
	if client == nil {
		return
	}
	e := protocols.AsError(err)
	why := sentence(e)
	if e.Hint != "" {
		why += ". " + printable(e.Hint)
	}
	late := time.AfterFunc(refuseTime, func() { client.Close() })
	defer late.Stop()
	go ssh.DiscardRequests(client.requests)
	for n := range client.channels { // ends with the connection
		n.Reject(ssh.Prohibited, why)
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
