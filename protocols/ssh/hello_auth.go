package ssh

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// What fails a proof. x/crypto tells none of it to the client, whom every failure looks alike.
var (
	errPassword   = errors.New("wrong user or password")
	errCode       = errors.New("wrong code")
	errKey        = errors.New("a key that is not the user's")
	errRevoked    = errors.New("a key that is revoked")
	errHalf       = errors.New("the password was right, and no code came")
	errUnanswered = errors.New("left without an answer")
)

// asker answers x/crypto's questions about one client. It keeps nothing between them but what failed: a callback runs for a key
// that is only asked about, too, so that who was proved is in the connection's permissions alone.
type asker struct {
	auth  protocols.Authenticator
	wrong []error // at most maxTries and the half ones between
}

// note counts what failed; a password without its code counts until the code comes.
func (a *asker) note(_ ssh.ConnMetadata, _ string, err error) {
	var half *ssh.PartialSuccessError
	switch {
	case err == nil, errors.Is(err, ssh.ErrNoAuth), errors.Is(err, errUnanswered), len(a.wrong) > 2*maxTries:
	case errors.As(err, &half):
		a.wrong = append(a.wrong, errHalf)
	default:
		a.wrong = append(a.wrong, err)
	}
}

// proof is who proved themselves and how.
type proof struct {
	login protocols.Login
	err   error  // what Resolve said: told once they are in, since before it would tell who exists
	by    string // for the record
	grant grant
	still func() error // why it proves nobody any more; nil: what it was is not asked again (a password)
}

// proofKey is where permissions have it.
type proofKey struct{}

func (a *asker) proved(meta ssh.ConnMetadata, by string, g grant, still func() error) *ssh.Permissions {
	login, err := a.auth.Resolve(meta.User(), "")
	return &ssh.Permissions{ExtraData: map[any]any{proofKey{}: proof{login, err, by, g, still}}}
}

func proofOf(p *ssh.Permissions) proof {
	found, _ := p.ExtraData[proofKey{}].(proof)
	return found
}

// user is who a login claims to be. An error of the login's other parts comes later.
func (a *asker) user(meta ssh.ConnMetadata) string {
	login, _ := a.auth.Resolve(meta.User(), "")
	return login.User
}

// password is RFC 4252, section 8. Who has a second factor is asked for it next.
func (a *asker) password(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	user := a.user(meta)
	if !a.auth.Verifier(user).Check(password) {
		return nil, errPassword
	}
	if !a.auth.Factor(user) {
		return a.proved(meta, "password", grant{}, nil), nil
	}
	return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{
		KeyboardInteractiveCallback: func(meta ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return a.code(meta, ask)
		},
	}}
}

// interactive is RFC 4256: the password, then a code of who has a second factor. A user that isn't there is asked for a
// password as any other.
func (a *asker) interactive(meta ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	said, err := ask("", "", []string{"Password: "}, []bool{false})
	if err != nil {
		return nil, errors.Join(errUnanswered, err)
	}
	user := a.user(meta)
	if len(said) != 1 || !a.auth.Verifier(user).Check([]byte(said[0])) {
		return nil, errPassword
	}
	if a.auth.Factor(user) {
		return a.code(meta, ask)
	}
	return a.proved(meta, "password", grant{}, nil), nil
}

// code asks for the second factor of a user whose password was right.
func (a *asker) code(meta ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	said, err := ask("", "", []string{"Code: "}, []bool{true})
	if err != nil {
		return nil, errors.Join(errHalf, err)
	}
	if len(said) != 1 || !a.auth.Code(a.user(meta), said[0]) {
		return nil, errCode
	}
	return a.proved(meta, "password and code", grant{}, nil), nil
}

// key is RFC 4252, section 7: it says whether the key would do; x/crypto then has the client sign with it.
func (a *asker) key(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	user := a.user(meta)
	by, g, err := a.judge(user, key)
	if err != nil {
		return nil, err
	}
	p := a.proved(meta, by, g, func() error {
		_, _, err := a.judge(user, key)
		return err
	})
	if cert, ok := key.(*ssh.Certificate); ok {
		if from, ok := cert.CriticalOptions[sourceAddress]; ok {
			p.CriticalOptions = map[string]string{sourceAddress: from}
		}
	}
	return p, nil
}

// judge says what a user's key or certificate grants now, and how a record names it.
func (a *asker) judge(user string, key ssh.PublicKey) (by string, g grant, err error) {
	wire := key.Marshal()
	if a.auth.Revoked(wire) {
		return "", g, fmt.Errorf("%w: %s", errRevoked, ssh.FingerprintSHA256(key))
	}
	if cert, ok := key.(*ssh.Certificate); ok {
		return a.certificate(user, cert)
	}
	for _, known := range a.auth.Keys(user) {
		if bytes.Equal(known, wire) {
			return "publickey " + key.Type() + " " + ssh.FingerprintSHA256(key), g, nil
		}
	}
	return "", g, errKey
}
