package mysql

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"

	"github.com/gatefold/gatefold/protocols"
)

// method is a way to log in to a target, weakest first. Each tells a server that only pretends to be the target less
// than the one before: that it is let in unproved, all of the password, a hash to replay, a hash to guess at.
type method int

const (
	methodNone method = iota
	methodClear
	methodNative
	methodSHA2 // and client_ed25519
)

var methodNames = [...]string{"trust", pluginClear, pluginNative, pluginSHA2}

func (m method) String() string { return methodNames[m] }

// parseMethod reads a floor. Empty is mysql_native_password, which MariaDB has for all that don't ask for better; none is
// another word for trust, and client_ed25519 as strong as caching_sha2_password.
func parseMethod(s string) (method, error) {
	switch s {
	case "":
		return methodNative, nil
	case "none":
		return methodNone, nil
	case pluginEd25519:
		return methodSHA2, nil
	}
	for m, name := range methodNames {
		if s == name {
			return method(m), nil
		}
	}
	return 0, fmt.Errorf("read floor of authentication: %q is none of %v", s, methodNames)
}

// maxSwitches is how often a target may ask for another plugin: MariaDB has accounts with several, and tries each.
const maxSwitches = 4

// exchange answers a target's demands for authentication, none of which is answered that is weaker than floor. It does
// no I/O.
type exchange struct {
	floor    method
	secret   []byte // the route's
	private  bool   // nobody but the target hears what it is told: TLS, or a unix socket
	plugin   string // asked for last
	scramble []byte
	switches int
	askedKey bool
	sent     bool // the password
}

// begin answers the greeting, by the plugin that it names where that will do, else by the best that there is: the target
// asks for the one that the account has.
func (x *exchange) begin(g *greeting) (plugin string, answer []byte, err error) {
	x.plugin, x.scramble = g.plugin, g.scramble
	if m, known := methodOf(g.plugin); !known || m < x.floor || m == methodClear || g.plugin == pluginEd25519 {
		x.plugin = pluginSHA2
	}
	answer, err = x.answer()
	return x.plugin, answer, err
}

func methodOf(plugin string) (m method, known bool) {
	switch plugin {
	case pluginSHA2, pluginEd25519:
		return methodSHA2, true
	case pluginNative:
		return methodNative, true
	case pluginClear:
		return methodClear, true
	}
	return 0, false
}

// take takes a packet of the target's before its OK and returns what to answer, which the caller overwrites when it is
// sent; nil: nothing.
func (x *exchange) take(payload []byte) (answer []byte, err error) {
	switch payload[0] {
	case answerEOF:
		return x.change(payload[1:])
	case answerAuth:
		if x.plugin == pluginSHA2 {
			return x.more(payload[1:])
		}
	}
	return nil, brokeProtocol(fmt.Errorf("a packet of type %#x in the login", payload[0]))
}

// change takes an AuthSwitchRequest. One without a plugin's name is of a server that wants the hash of before 4.1, which
// anybody could undo.
func (x *exchange) change(payload []byte) ([]byte, error) {
	if x.switches++; x.switches > maxSwitches || x.askedKey || x.sent {
		return nil, brokeProtocol(errors.New("it asks for authentication again and again"))
	}
	plugin, data, ok := bytes.Cut(payload, []byte{0})
	if !ok {
		return nil, unknownMethod("mysql_old_password")
	}
	x.plugin, x.scramble = string(plugin), bytes.Clone(data)
	if x.plugin != pluginEd25519 { // whose scramble is of 32 bytes, none of which ends it
		x.scramble = bytes.TrimSuffix(x.scramble, []byte{0})
	}
	return x.answer()
}

// answer is what the plugin asked for last wants to know first.
func (x *exchange) answer() ([]byte, error) {
	m, known := methodOf(x.plugin)
	if !known {
		return nil, unknownMethod(x.plugin)
	}
	if len(x.secret) == 0 {
		if x.floor > methodNone {
			return nil, tooWeak(methodNone, x.floor)
		}
		return []byte{}, nil
	}
	if m < x.floor {
		return nil, tooWeak(m, x.floor)
	}
	want := scrambleSize
	switch x.plugin {
	case pluginClear:
		return x.clear()
	case pluginEd25519:
		want = 32
	}
	if len(x.scramble) != want {
		return nil, brokeProtocol(fmt.Errorf("a scramble of %d bytes for %s", len(x.scramble), x.plugin))
	}
	switch x.plugin {
	case pluginEd25519:
		return proveEd25519(x.secret, x.scramble)
	case pluginNative:
		return proveNative(x.secret, x.scramble), nil
	}
	return proveSHA2(x.secret, x.scramble), nil
}

// clear is the password as it is, and NUL.
func (x *exchange) clear() ([]byte, error) {
	if !x.private {
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the target asks for the password in clear outside of TLS",
			Hint: "Turn TLS on for this target in the gateway's configuration."}
	}
	x.sent = true
	return append(append(make([]byte, 0, len(x.secret)+1), x.secret...), 0), nil
}

// more takes what caching_sha2_password says after the scramble. Outside of TLS the password goes encrypted for a key that
// whoever answers may have made: it is safe from who listens and from nobody who answers in the target's place. That is no
// worse than plaintext, which the route has by configuration.
func (x *exchange) more(payload []byte) ([]byte, error) {
	switch {
	case x.sent:
	case x.askedKey:
		return x.encrypt(payload)
	case len(payload) == 1 && payload[0] == sha2FastOK:
		x.sent = true // nothing more will be
		return nil, nil
	case len(payload) == 1 && payload[0] == sha2AskClear && len(x.secret) > 0:
		if x.private {
			return x.clear()
		}
		x.askedKey = true
		return []byte{sha2AskKey}, nil
	}
	return nil, brokeProtocol(errors.New("caching_sha2_password out of turn"))
}

// encrypt is the password, XORed with the scramble and encrypted for the target's key.
func (x *exchange) encrypt(key []byte) ([]byte, error) {
	public, err := parsePublicKey(key)
	if err != nil {
		return nil, brokeProtocol(err)
	}
	x.sent = true
	password := append(append(make([]byte, 0, len(x.secret)+1), x.secret...), 0)
	defer clear(password)
	xorScramble(password, x.scramble)
	answer, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, password, nil)
	if err != nil {
		return nil, fmt.Errorf("encrypt the password: %w", err)
	}
	return answer, nil
}

// finish takes OK. What the target was satisfied with was looked at when it was answered.
func (x *exchange) finish() error {
	if x.askedKey && !x.sent {
		return brokeProtocol(errors.New("OK in place of its public key"))
	}
	return nil
}

func tooWeak(m, floor method) error {
	return &protocols.Error{Class: protocols.ClassTarget, Message: "the target asks for a weaker login than the gateway may give",
		Hint:  "Have its account use " + floor.String() + ", or have the target's auth lowered in the gateway's configuration.",
		Cause: fmt.Errorf("it asks for %s, the floor is %s", m, floor)}
}

func unknownMethod(plugin string) error {
	if len(plugin) > maxName {
		plugin = plugin[:maxName]
	}
	return &protocols.Error{Class: protocols.ClassTarget, Message: "the target asks for a way to log in that the gateway does not know",
		Cause: fmt.Errorf("authentication plugin %q", plugin)}
}
