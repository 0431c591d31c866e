package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gatefold/gatefold/protocols"
)

// targetError is an ERR of the target in the gateway's login ("ERR_Packet").
type targetError struct {
	code    uint16
	state   string // empty: it said none, as before the login
	message string
}

func (e *targetError) Error() string {
	return fmt.Sprintf("target: %s (%d %s)", e.message, e.code, e.state)
}

// parseError parses an ERR.
func parseError(payload []byte) *targetError {
	r := body{b: payload}
	r.byte()
	e := &targetError{code: r.uint16()}
	if len(r.b) >= 6 && r.b[0] == '#' {
		e.state = string(r.take(6)[1:])
	}
	e.message = string(r.rest())
	if len(e.message) > maxMessage {
		e.message = e.message[:maxMessage]
	}
	e.message = printable(e.message)
	return e
}

// printable makes what a stranger said fit for a log and for a client.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// tellable reports whether the client may be shown the code: what it asked for itself, or the target's state, and
// nothing about the login.
func (e *targetError) tellable() bool {
	switch e.code {
	case 1044, // ER_DBACCESS_DENIED_ERROR: what the servers say of an unknown database to who may not know
		1049, // ER_BAD_DB_ERROR
		1231, // ER_WRONG_VALUE_FOR_VAR: the client's character set
		1300, // ER_INVALID_CHARACTER_STRING: its database's name
		1040, // ER_CON_COUNT_ERROR
		1053: // ER_SERVER_SHUTDOWN
		return true
	}
	return false
}

// refusedBy is what the client is told when the target refuses the login. The target's own words name its user, so
// they go to the log only. What the servers say of the database that the client asked for is said in their words.
func refusedBy(e *targetError, database string) error {
	refusal := &protocols.Error{Class: protocols.ClassTarget, Message: "the target refused the gateway's login", Cause: e,
		Hint: "Ask whoever runs the gateway: its log names the cause."}
	switch e.code {
	case 1044:
		refusal.Message, refusal.Hint = "Access denied to database '"+database+"'", ""
	case 1049:
		refusal.Message, refusal.Hint = "Unknown database '"+database+"'", ""
	case 1231, 1300:
		refusal.Message, refusal.Hint = e.message, ""
	case 1040:
		refusal.Message, refusal.Hint = "Too many connections", ""
	case 1053:
		refusal.Message, refusal.Hint = "the target is shutting down", ""
	}
	return refusal
}

// loginCode is the code of a refusal before the client is in.
func loginCode(e *protocols.Error) refused {
	var by *targetError
	switch {
	case errors.As(e.Cause, &by) && by.tellable():
		return refused{by.code, map[uint16]string{1044: "42000", 1049: "42000", 1231: "42000", 1300: "HY000", 1040: "08004", 1053: "08S01"}[by.code]}
	case errors.Is(e, errPlaintext):
		return refused{3159, "HY000"} // ER_SECURE_TRANSPORT_REQUIRED
	case e.Class == protocols.ClassDenied:
		return refused{1044, "42000"} // ER_DBACCESS_DENIED_ERROR
	case e.Class == protocols.ClassBadRequest:
		return refused{1043, "08S01"} // ER_HANDSHAKE_ERROR
	case e.Class == protocols.ClassTime:
		return refused{1159, "08S01"} // ER_NET_READ_INTERRUPTED
	case e.Class == protocols.ClassUnsupported:
		return refused{1251, "08004"} // ER_NOT_SUPPORTED_AUTH_MODE
	}
	return codeOf(e)
}

// loginRefusal is the payload of an ERR before the client is in. A client that was not greeted knows no SQLSTATE yet.
func loginRefusal(e *protocols.Error, greeted bool) []byte {
	code := loginCode(e)
	b := appendError(nil, e)
	text := b[9:]
	for len(text) > 0 && !utf8.Valid(text) { // cut within a letter
		text = text[:len(text)-1]
	}
	out := binary.LittleEndian.AppendUint16([]byte{answerError}, code.code)
	if greeted {
		out = append(append(out, '#'), code.state...)
	}
	return append(out, printable(string(text))...)
}
