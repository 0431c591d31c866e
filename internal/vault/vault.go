// Package vault is where credentials for targets come from. A credential is fetched for a session, used to log in
// and wiped; nothing else of the house keeps one.
package vault

import "context"

// Credential is a name and a secret to log in to a target with.
type Credential struct {
	User    string
	Secret  []byte // wiped by Wipe
	Version string // changes with each rotation; never tells of the secret
}

// Wipe overwrites the secret.
func (c *Credential) Wipe() {
	clear(c.Secret)
	c.Secret = nil
}

// String keeps the secret out of logs.
func (c *Credential) String() string { return "credential of " + c.User }

// GoString keeps the secret out of %#v.
func (c *Credential) GoString() string { return c.String() }

// Source fetches credentials by name. The caller wipes what it got. ErrNotFound where there is none.
type Source interface {
	Fetch(ctx context.Context, name string) (*Credential, error)
}
