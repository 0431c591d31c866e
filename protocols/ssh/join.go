package ssh

import (
	"bytes"
	"context"
	"errors"
	"net"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

var errHostKey = errors.New("the target's host key is not the one that it may have")

// Join reaches the target and logs in to it.
func (c *conn) Join(ctx context.Context, route protocols.Route) (protocols.Joined, error) {
	nc, err := route.Dial(ctx)
	if err != nil {
		return protocols.Joined{}, &protocols.Error{Class: protocols.ClassTarget, Message: "the target can't be reached", Cause: err}
	}
	release := protocols.Guard(ctx, nc)
	defer release()
	config := &ssh.ClientConfig{
		User: route.Credential.User,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			for _, pinned := range route.SSH.HostKeys {
				if bytes.Equal(pinned, key.Marshal()) {
					return nil
				}
			}
			return errHostKey
		},
	}
	if pem := route.Credential.PEM(); pem != nil {
		signer, err := ssh.ParsePrivateKey(pem)
		if err != nil {
			nc.Close()
			return protocols.Joined{}, &protocols.Error{Class: protocols.ClassTarget, Message: "the login to the target failed", Cause: err}
		}
		config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	} else {
		config.Auth = []ssh.AuthMethod{ssh.Password(string(route.Credential.Secret))}
	}
	tc, channels, requests, err := ssh.NewClientConn(nc, "", config)
	if err != nil {
		nc.Close()
		return protocols.Joined{}, &protocols.Error{Class: protocols.ClassTarget, Message: "the login to the target failed", Cause: err}
	}
	if !c.keep(&c.target, &side{tc, channels, requests}) {
		return protocols.Joined{}, net.ErrClosed
	}
	c.route = route.SSH
	return protocols.Joined{Peer: nc.RemoteAddr().String(), Version: string(tc.ServerVersion())}, nil
}
