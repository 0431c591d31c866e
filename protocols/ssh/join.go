package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// Join reaches the target, holds it to its host key and logs in to it. Of the credential nothing is kept; what x/crypto
// made of it while it logged in is the garbage collector's.
func (c *conn) Join(ctx context.Context, route protocols.Route) (protocols.Joined, error) {
	nc, err := route.Dial(ctx)
	if err != nil {
		return protocols.Joined{}, targetError(ctx, "the target can't be reached", err)
	}
	release := protocols.Guard(ctx, nc)
	defer release()
	pins := &pins{route: &route.SSH}
	config, err := clientConfig(&route, pins)
	if err != nil {
		nc.Close()
		return protocols.Joined{}, err
	}
	metered := &meter{Conn: newSender(nc)}
	tc, channels, requests, err := ssh.NewClientConn(metered, "", config)
	if err != nil {
		nc.Close()
		return protocols.Joined{}, joinError(ctx, err, pins, route.Credential.User)
	}
	if !c.keep(&c.target, &side{tc, channels, requests, metered}) {
		return protocols.Joined{}, net.ErrClosed
	}
	c.route = route.SSH
	return protocols.Joined{Peer: nc.RemoteAddr().String(), PID: sourcePort(nc), Version: string(tc.ServerVersion()), TLS: named(tc)}, nil
}

// clientConfig prefers what the gateway has with clients, and takes what else is not broken: a target is as old as it is.
func clientConfig(route *protocols.Route, pins *pins) (*ssh.ClientConfig, error) {
	auth, err := authOf(route)
	if err != nil {
		return nil, err
	}
	known := ssh.SupportedAlgorithms()
	config := &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: firstOf(keyExchanges, known.KeyExchanges),
			Ciphers:      firstOf(ciphers, known.Ciphers),
			MACs:         slices.DeleteFunc(firstOf(macs, known.MACs), func(name string) bool { return name == ssh.HMACSHA1 }),
		},
		User:              route.Credential.User,
		Auth:              auth,
		ClientVersion:     versionLine,
		HostKeyCallback:   pins.check,
		HostKeyAlgorithms: pins.algorithms(),
	}
	return config, nil
}

// firstOf is all, with those of first before the others.
func firstOf(first, all []string) []string {
	list := slices.Clone(first)
	for _, name := range all {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// sourcePort is what sshd's log knows the session by; 0 over a unix socket.
func sourcePort(nc net.Conn) uint64 {
	if a, ok := nc.LocalAddr().(*net.TCPAddr); ok {
		return uint64(a.Port)
	}
	return 0
}

// joinError is why a target that was reached let nobody in.
func joinError(ctx context.Context, err error, pins *pins, login string) error {
	var e *protocols.Error
	switch text := err.Error(); {
	case pins.refused != nil:
		return pins.refused
	case errors.As(err, &e):
		return e
	case strings.Contains(text, "no common algorithm for host key"):
		return pins.otherTypes(err)
	case strings.Contains(text, "no common algorithm"):
		return targetError(ctx, "the target and the gateway have no algorithm in common", err)
	case strings.Contains(text, "unable to authenticate"):
		return targetError(ctx, fmt.Sprintf("the target does not let %q in with the credential that the vault has", login), err)
	}
	return targetError(ctx, "the login to the target failed", err)
}

func targetError(ctx context.Context, message string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		message = "the target took too long to answer"
	} else if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return &protocols.Error{Class: protocols.ClassTarget, Message: message, Hint: "ask whoever runs the gateway; its log names the cause", Cause: err}
}
