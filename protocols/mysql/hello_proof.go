package mysql

import (
	"crypto/tls"
	"fmt"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols"
)

// Authentication plugins, by the names of their client's side.
const (
	pluginNative  = "mysql_native_password"
	pluginSHA2    = "caching_sha2_password"
	pluginClear   = "mysql_clear_password"
	pluginEd25519 = "client_ed25519"
)

// What caching_sha2_password says ("Caching_sha2_password information").
const (
	sha2AskKey   = 2 // client: send the public key
	sha2FastOK   = 3 // server: the scramble was enough
	sha2AskClear = 4 // server: send the password
)

const maxProof = 1 << 10 // 1 KiB: of a client's packet in its authentication; the servers take passwords of 256 bytes

// prove has the client prove that it is user. OK is not sent yet: the client isn't in before the target let us in. What a
// stranger sees depends on the client, and not on whether there is such a user: but for one of whom a verifier for
// mysql_native_password is kept, who is recognised by not being asked for better.
func (c *conn) prove(auth protocols.Authenticator, user string) error {
	if c.certified(auth, user) {
		return c.believe()
	}
	verifier := auth.Verifier(user)
	plugin := c.hello.plugin
	native := []byte(nil)
	if plugin == pluginNative {
		native = auth.Native(user)
	}
	if (plugin != pluginNative || native == nil) && (plugin != pluginClear || !c.private()) {
		plugin = pluginSHA2
	}
	answer := c.hello.auth
	// A client whose plugin isn't the greeting's keeps its answer until it is asked with a scramble for that.
	if plugin != c.hello.plugin || answer == nil || len(answer) == 0 && plugin != pluginSHA2 {
		var err error
		if answer, err = c.fresh(plugin); err != nil {
			return err
		}
		defer clear(answer)
	}
	switch plugin {
	case pluginNative:
		return c.verdict(checkNative(answer, c.scramble, native), len(answer) > 0)
	case pluginClear:
		return c.checkClear(verifier, answer)
	}
	return c.checkSHA2(user, verifier, answer)
}

// certified reports whether the client's certificate is proof enough.
func (c *conn) certified(auth protocols.Authenticator, user string) bool {
	t, ok := c.client.(*tls.Conn)
	if !ok {
		return false
	}
	chains := t.ConnectionState().VerifiedChains
	return len(chains) > 0 && auth.Certified(user, chains)
}

// believe takes a client at its certificate's word, and ends what its plugin has begun: one that sent a scramble waits to
// hear of it.
func (c *conn) believe() error {
	if c.hello.plugin != pluginSHA2 || emptyPassword(c.hello.auth) {
		return nil
	}
	return c.packets.write([]byte{answerAuth, sha2FastOK})
}

// private reports whether nobody else hears what the client says.
func (c *conn) private() bool {
	return protocols.TLSName(c.client) != "" || c.client.RemoteAddr().Network() == "unix"
}

// emptyPassword reports whether an answer of caching_sha2_password is that of a client without a password.
func emptyPassword(answer []byte) bool {
	return len(answer) == 0 || len(answer) == 1 && answer[0] == 0
}

// checkSHA2 is caching_sha2_password: the scramble, where the password was seen before, else the password.
func (c *conn) checkSHA2(user string, v scram.Verifier, answer []byte) error {
	if emptyPassword(answer) {
		return c.verdict(false, false)
	}
	if c.protocol.proofs.check(user, v, answer, c.scramble) {
		return c.packets.write([]byte{answerAuth, sha2FastOK})
	}
	sent, err := c.ask([]byte{answerAuth, sha2AskClear})
	if err != nil {
		return err
	}
	defer clear(sent)
	if !c.private() {
		return c.checkEncrypted(user, v, sent)
	}
	return c.checkPassword(user, v, sent)
}

// checkEncrypted is the rest of caching_sha2_password without TLS: the password comes encrypted for a key that the client has
// or asks for. That keeps it from who only listens; a client that minds more does not ask, and no password goes in clear.
func (c *conn) checkEncrypted(user string, v scram.Verifier, sent []byte) error {
	key := loginKey()
	if len(sent) == 1 && sent[0] == sha2AskKey {
		var err error
		if sent, err = c.ask(append([]byte{answerAuth}, key.public...)); err != nil {
			return err
		}
	}
	return c.checkPassword(user, v, key.decrypt(sent, c.scramble))
}

// checkPassword checks a password that ends with NUL, and remembers what the scramble of one that fits can be checked by.
func (c *conn) checkPassword(user string, v scram.Verifier, sent []byte) error {
	defer clear(sent)
	password, whole := withoutNUL(sent)
	fits := v.Check(password) && whole && len(password) > 0
	if fits {
		c.protocol.proofs.keep(user, v, password)
	}
	return c.verdict(fits, len(sent) != 1) // one byte is the NUL of no password
}

// checkClear is mysql_clear_password.
func (c *conn) checkClear(v scram.Verifier, answer []byte) error {
	password, whole := withoutNUL(answer)
	return c.verdict(v.Check(password) && whole && len(password) > 0, len(answer) > 1)
}

// verdict is what the client is told of its proof, in the servers' words. A wrong user and a wrong password look alike.
func (c *conn) verdict(fits, gavePassword bool) error {
	if fits {
		return nil
	}
	using := "NO"
	if gavePassword {
		using = "YES"
	}
	return &protocols.Error{Class: protocols.ClassLogin, Cause: scram.ErrProof,
		Message: fmt.Sprintf("Access denied for user '%s'@'%s' (using password: %s)", c.hello.user, c.origin.Client.Addr(), using)}
}
