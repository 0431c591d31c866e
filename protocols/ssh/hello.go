package ssh

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

const (
	versionLine = "SSH-2.0-gatefold"
	maxTries    = 6                // proofs that fail on one connection, as sshd's MaxAuthTries
	kexTime     = 15 * time.Second // until a client asks to log in: programs do all of that
)

// Hello does the key exchange and finds out who is there. x/crypto tells the client that it is in, so what refuses it
// later is said on its first channel (Refuse).
func (c *conn) Hello(ctx context.Context, auth protocols.Authenticator) (protocols.Request, error) {
	leave, err := c.startups.enter(c.origin.Client.Addr())
	if err != nil {
		c.tooMany()
		return protocols.Request{}, err
	}
	defer leave()
	release := protocols.Guard(ctx, c.origin.Conn)
	defer release()
	in := newInbound(c.origin.Conn, c.origin.Client)
	hurry(ctx, in, kexTime)
	a := &asker{auth: auth}
	config, err := c.serverConfig(a)
	if err != nil {
		return protocols.Request{}, err
	}
	metered := &meter{Conn: newSender(in)}
	config.PreAuthConnCallback = func(ssh.ServerPreAuthConn) { hurry(ctx, in, 0) }
	nc, channels, requests, err := ssh.NewServerConn(metered, config)
	if err != nil {
		return protocols.Request{}, a.failed(ctx, err)
	}
	in.proved()
	if !c.keep(&c.client, &side{nc, channels, requests, metered}) {
		return protocols.Request{}, net.ErrClosed
	}
	p := proofOf(nc.Permissions)
	c.grant, c.still = p.grant, p.still
	request := protocols.Request{Login: p.login, App: string(nc.ClientVersion()), TLS: named(nc.Conn), Proof: p.by}
	return request, p.err
}

// tooMany says, before the server's version (RFC 4253, section 4.2), why there will be none.
func (c *conn) tooMany() {
	c.origin.Conn.SetDeadline(time.Now().Add(time.Second))
	io.WriteString(c.origin.Conn, "gatefold: "+errStartups.Message+"\r\n")
}

// hurry sets a deadline that comes before that of ctx; 0: that of ctx.
func hurry(ctx context.Context, nc net.Conn, within time.Duration) {
	at, ok := ctx.Deadline()
	if soon := time.Now().Add(within); within > 0 && (!ok || soon.Before(at)) {
		at, ok = soon, true
	}
	if ok && ctx.Err() == nil {
		nc.SetDeadline(at)
	}
}

func (c *conn) serverConfig(a *asker) (*ssh.ServerConfig, error) {
	config := &ssh.ServerConfig{
		Config:                  transport(),
		ServerVersion:           versionLine,
		MaxAuthTries:            maxTries,
		PublicKeyAuthAlgorithms: userKeys,
		PublicKeyCallback:       a.key,
		AuthLogCallback:         a.note,
	}
	if !c.origin.Keys {
		config.PasswordCallback, config.KeyboardInteractiveCallback = a.password, a.interactive
	}
	if c.Banner != nil {
		config.BannerCallback = func(ssh.ConnMetadata) string { return c.Banner() }
	}
	for _, k := range c.HostKeys() {
		k, err := modern(k)
		if err != nil {
			return nil, err
		}
		config.AddHostKey(k)
	}
	return config, nil
}

// failed is what a login that did not come about is called. Whoever tried to prove something has failed at that, however the
// connection ended: a guesser who resets it must not go uncounted.
func (a *asker) failed(ctx context.Context, err error) error {
	if len(a.wrong) > 0 {
		return &protocols.Error{Class: protocols.ClassLogin, Message: "the login failed", Cause: errors.Join(append(a.wrong, endedBy(err))...)}
	}
	return helloError(ctx, err)
}

// endedBy is what err says beside the failures that x/crypto lists in it.
func endedBy(err error) error {
	if tried := (*ssh.ServerAuthError)(nil); errors.As(err, &tried) {
		return nil
	}
	return err
}

// helloError is what a connection that ended before anybody tried to prove anything is called.
func helloError(ctx context.Context, err error) error {
	var looked *ssh.ServerAuthError // a scanner, or a client that went to ask for a key
	var e *protocols.Error
	switch {
	case errors.As(err, &e), context.Cause(ctx) != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return protocols.LoginError(ctx, err, "the login took too long")
	case errors.As(err, &looked), strings.HasPrefix(err.Error(), "ssh: disconnect, reason "), errors.Is(err, io.EOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return errors.Join(io.EOF, err)
	case strings.Contains(err.Error(), "no common algorithm"):
		return &protocols.Error{Class: protocols.ClassUnsupported, Message: "the client and the gateway have no algorithm in common",
			Hint: "the client is too old: it needs curve25519-sha256, AES-GCM or AES-CTR, and ssh-ed25519 or rsa-sha2", Cause: err}
	}
	return &protocols.Error{Class: protocols.ClassBadRequest, Message: "the client broke the protocol", Cause: err}
}
