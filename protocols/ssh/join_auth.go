package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// A certificate is for one login, which takes seconds; the minute before is for clocks that differ.
const (
	certFrom = time.Minute
	certFor  = 5 * time.Minute
)

// authOf is how the credential logs in.
func authOf(route *protocols.Route) ([]ssh.AuthMethod, error) {
	cred := route.Credential
	if cred.Kind() == vault.Password {
		return []ssh.AuthMethod{
			ssh.PasswordCallback(func() (string, error) { return string(cred.Secret), nil }),
			ssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
				return answer(string(cred.Secret), questions, echos)
			}),
		}, nil
	}
	signer, err := ssh.ParsePrivateKey(cred.PEM())
	if err == nil {
		signer, err = modern(signer)
	}
	if err == nil && cred.Kind() == vault.SSHAuthority {
		signer, err = signed(signer, route, time.Now())
	}
	if err != nil { // never err itself where it could quote what was read
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the credential for the target can't be used",
			Hint: "ask whoever runs the gateway; its log names the cause", Cause: fmt.Errorf("read the private key of %s: %T", cred.User, err)}
	}
	return []ssh.AuthMethod{ssh.PublicKeys(signer)}, nil
}

var errQuestions = errors.New("the target asks for more than a password")

// answer answers the one question of a server that asks for the password itself (RFC 4256). Anything else is none of what the
// vault has: a code, or a new password.
func answer(password string, questions []string, echos []bool) ([]string, error) {
	switch {
	case len(questions) == 0:
		return nil, nil
	case len(questions) == 1 && !echos[0]:
		return []string{password}, nil
	}
	return nil, errQuestions
}

// signed is a key made for this session, with a certificate of the authority's that names who uses it: sshd's log then tells
// whose session it is (PROTOCOL.certkeys).
func signed(authority ssh.Signer, route *protocols.Route, now time.Time) (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	cert := &ssh.Certificate{
		Key:             key.PublicKey(),
		CertType:        ssh.UserCert,
		Serial:          binary.BigEndian.Uint64(route.Session[8:]),
		KeyId:           "gatefold " + route.SSH.User + " " + route.Session.String(),
		ValidPrincipals: []string{route.Credential.User},
		ValidAfter:      uint64(now.Add(-certFrom).Unix()),
		ValidBefore:     uint64(now.Add(certFor).Unix()),
		Permissions:     ssh.Permissions{Extensions: map[string]string{permitPTY: "", "permit-user-rc": ""}},
	}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		return nil, err
	}
	return ssh.NewCertSigner(cert, key)
}
