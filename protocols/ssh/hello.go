package ssh

import (
	"context"
	"errors"
	"net"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// Hello does the key exchange and finds out who is there. x/crypto tells the client that it is in, so what refuses it
// later is said on its first channel.
func (c *conn) Hello(ctx context.Context, auth protocols.Authenticator) (protocols.Request, error) {
	release := protocols.Guard(ctx, c.origin.Conn)
	defer release()
	config := &ssh.ServerConfig{
		PasswordCallback: func(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			login, err := auth.Resolve(meta.User(), "")
			if !auth.Verifier(login.User).Check(password) || err != nil {
				return nil, errors.New("wrong user or password")
			}
			return proved(login), nil
		},
	}
	for _, k := range c.HostKeys() {
		config.AddHostKey(k)
	}
	nc, channels, requests, err := ssh.NewServerConn(c.origin.Conn.(net.Conn), config)
	if err != nil {
		return protocols.Request{}, protocols.LoginError(ctx, err, "the login took too long")
	}
	if !c.keep(&c.client, &side{nc, channels, requests}) {
		return protocols.Request{}, net.ErrClosed
	}
	return protocols.Request{Login: loginOf(nc.Permissions), App: string(nc.ClientVersion()), TLS: ""}, nil
}

// proved keeps who proved themselves in the connection's permissions: callbacks run for keys that are only asked about, too.
func proved(l protocols.Login) *ssh.Permissions {
	return &ssh.Permissions{Extensions: map[string]string{"user": l.User, "account": l.Account, "target": l.Target}}
}

func loginOf(p *ssh.Permissions) protocols.Login {
	return protocols.Login{User: p.Extensions["user"], Account: p.Extensions["account"], Target: p.Extensions["target"]}
}
