package postgres

import (
	"bufio"
	"bytes"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/protocols"
)

// login is the gateway's login to a target, until the target is ready.
type login struct {
	route   protocols.Route
	startup *startup
	conn    net.Conn
	r       *bufio.Reader // of conn
	buf     []byte        // the last message read
	out     target
	auth    exchange
}

// run sends the StartupMessage and reads until ReadyForQuery. Both the number of messages and their bytes are bounded:
// the target isn't trusted before it has proved itself, and not much after.
func (l *login) run() (*target, error) {
	floor, err := parseMethod(l.route.Floor)
	if err != nil {
		return nil, err
	}
	l.auth = exchange{floor: floor, credential: l.route.Credential, binding: peerBinding(l.conn)}
	l.out.settings = map[string]string{}
	hello, err := l.asStartup().Encode(nil)
	if err != nil {
		return nil, fmt.Errorf("encode startup message: %w", err)
	}
	if _, err := l.conn.Write(hello); err != nil {
		return nil, targetIO("send the startup message", err)
	}
	for range maxMessages {
		kind, body, buf, err := readMessage(l.r, l.buf, maxAnswer)
		l.buf = buf
		if err != nil {
			return nil, targetIO("read the target's greeting", err)
		}
		ready, err := l.take(kind, body)
		if err != nil {
			return nil, err
		}
		if ready {
			return &l.out, nil
		}
	}
	return nil, l.broke("it is not ready after %d messages", maxMessages)
}

// take takes one message of the target (PostgreSQL's documentation, section 55.2.1).
func (l *login) take(kind byte, body []byte) (ready bool, err error) {
	switch {
	case kind == 'E':
		return false, l.refused(body)
	case kind == 'N' && l.auth.ok:
		return false, l.keep(kind, body)
	case kind == 'N', kind == 'v': // who says it is not proved; a lower protocol version is what we then speak
		return false, nil
	case kind == 'R' && !l.auth.ok:
		answer, err := l.auth.take(body)
		defer clear(answer)
		if err != nil || answer == nil {
			return false, err
		}
		if _, err := l.conn.Write(answer); err != nil {
			return false, targetIO("send authentication", err)
		}
		return false, nil
	case !l.auth.ok:
		return false, l.broke("message %q before the login was done", kind)
	}
	return l.greet(kind, body)
}

// greet takes a message of the target after AuthenticationOk.
func (l *login) greet(kind byte, body []byte) (ready bool, err error) {
	switch kind {
	case 'S':
		var m pgproto3.ParameterStatus
		if err := m.Decode(body); err != nil {
			return false, l.broke("%v", err)
		}
		l.out.settings[m.Name] = m.Value
		return false, l.keep(kind, body)
	case 'K':
		var m pgproto3.BackendKeyData
		if err := m.Decode(body); err != nil {
			return false, l.broke("%v", err)
		}
		if len(m.SecretKey) > maxCancelKey {
			return false, l.broke("a cancel key of %d bytes", len(m.SecretKey))
		}
		l.out.pid, l.out.key = m.ProcessID, bytes.Clone(m.SecretKey)
		return false, nil
	case 'Z':
		return true, nil
	}
	return false, l.broke("message %q in its greeting", kind)
}

// keep keeps a message for the client.
func (l *login) keep(kind byte, body []byte) error {
	if len(l.out.welcome)+5+len(body) > maxWelcome {
		return l.broke("settings and notices of more than %d bytes", maxWelcome)
	}
	n := uint32(len(body) + 4)
	l.out.welcome = append(l.out.welcome, kind, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	l.out.welcome = append(l.out.welcome, body...)
	return nil
}

// refused decodes an ErrorResponse.
func (l *login) refused(body []byte) error {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		return l.broke("%v", err)
	}
	return refusedBy(&targetError{code: m.Code, message: m.Message, loggedIn: l.auth.ok})
}

// broke is what the client is told of a target that does not speak the protocol.
func (l *login) broke(format string, args ...any) error {
	return brokeProtocol(fmt.Errorf(format, args...))
}

func brokeProtocol(cause error) error {
	return &protocols.Error{Class: protocols.ClassTarget, Message: "the target does not speak the Postgres protocol as it should", Cause: cause}
}

// rest is what was read from the target behind its greeting; nil: nothing.
func (l *login) rest() []byte {
	n := l.r.Buffered()
	if n == 0 {
		return nil
	}
	b, _ := l.r.Peek(n)
	return bytes.Clone(b)
}

// wipe overwrites what was kept of the credential.
func (l *login) wipe() {
	l.auth.wipe()
	clear(l.buf)
}
