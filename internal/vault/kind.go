package vault

import (
	"bytes"
	"fmt"
)

// Kind is what a secret is, told by its own shape: a store of others' keeps text and nothing else.
type Kind int

// The kinds.
const (
	Password     Kind = iota
	PrivateKey        // an SSH private key, in PEM as OpenSSH, OpenSSL or PuTTYgen's export write it
	SSHAuthority      // the line "ssh-user-ca" and then a private key, whose owner signs certificates with it
)

// authorityMark is the line before the private key of an authority.
const authorityMark = "ssh-user-ca\n"

// String names a kind as `gatefold secret list` does.
func (k Kind) String() string {
	switch k {
	case PrivateKey:
		return "ssh-key"
	case SSHAuthority:
		return "ssh-ca"
	}
	return "password"
}

// Kind returns what the secret is.
func (c *Credential) Kind() Kind {
	switch {
	case bytes.HasPrefix(c.Secret, []byte(authorityMark)):
		return SSHAuthority
	case bytes.HasPrefix(bytes.TrimLeft(c.Secret, " \r\n\t"), []byte("-----BEGIN ")):
		return PrivateKey
	}
	return Password
}

// PEM returns the private key of a PrivateKey or an SSHAuthority; it is part of the secret, and wiped with it. Of a
// password it is nil.
func (c *Credential) PEM() []byte {
	switch c.Kind() {
	case SSHAuthority:
		return c.Secret[len(authorityMark):]
	case PrivateKey:
		return c.Secret
	}
	return nil
}

// Authority returns the secret that makes of a private key in PEM an authority's. The caller wipes both.
func Authority(pem []byte) ([]byte, error) {
	if c := (&Credential{Secret: pem}); c.Kind() != PrivateKey {
		return nil, fmt.Errorf("%w: an authority is a private key", ErrSecret)
	}
	return append([]byte(authorityMark), pem...), nil
}
