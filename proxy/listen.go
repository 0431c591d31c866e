package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/gatefold/gatefold/protocols"
)

// Listener is an address that clients connect to.
type Listener struct {
	Name      string
	Listen    net.Listener
	Protocol  protocols.Protocol
	Speaks    string             // the protocol's name
	Target    string             // its own target; empty: the login names one
	Plaintext string             // never, loopback or anywhere: who may go on without TLS
	Proxies   []netip.Prefix     // load balancers whose PROXY protocol header is believed, and required
	TLS       func() *tls.Config // server side; asked for each connection, so that a renewed certificate is used at once
	// Certificates: a client certificate that TLS verified proves the user whom its common name names.
	Certificates bool
	Keys         bool // SSH: keys and certificates alone let people in, no passwords
	// Typed: people type their password while they are connected, so that a login may take Limits.LoginGrace.
	Typed bool
	// Authorities are the SSH public keys, in wire form, whose certificates prove the users that they name. Asked for each
	// connection. nil: there are none.
	Authorities func() [][]byte
	Revoked     func(key []byte) bool // whether an SSH key or certificate, in wire form, proves nobody any more. nil: none is
	Announce    string                // server version that is said where the target isn't known yet; empty: the protocol's own choice
}

// Serve accepts on l until ctx ends.
func (g *Gateway) Serve(ctx context.Context, l *Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Listen.Close() })
	defer stop()
	in := l.proxied()
	var waiting waiting
	for {
		nc, err := in.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on listener %s: %w", l.Name, err)
		case err != nil: // out of descriptors: others will close theirs
			g.Log.Error("accept", "listener", l.Name, "err", err)
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		login, stop := context.WithCancel(ctx)
		proved, dropOldest := waiting.enter(func() { stop(); nc.Close() })
		if dropOldest != nil {
			g.Log.Warn("too many connections are logging in: the oldest is dropped", "listener", l.Name)
			dropOldest()
		}
		if !g.begin() {
			stop()
			nc.Close()
			return nil
		}
		go func() {
			defer g.wg.Done()
			defer stop()
			g.serve(ctx, login, l, nc, proved)
		}()
	}
}

// proxied wraps the listener so that the header of a trusted load balancer names the client. A header from anyone
// else is refused by the protocol as the garbage that it is there.
func (l *Listener) proxied() net.Listener {
	if len(l.Proxies) == 0 {
		return l.Listen
	}
	return &proxyproto.Listener{
		Listener:          l.Listen,
		ReadHeaderTimeout: 5 * time.Second,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if a := addrOf(o.Upstream).Addr(); a.IsValid() {
				for _, p := range l.Proxies {
					if p.Contains(a) {
						return proxyproto.REQUIRE, nil
					}
				}
			}
			return proxyproto.SKIP, nil
		},
	}
}

func (l *Listener) plaintextFrom(a netip.Addr) bool {
	return l.Plaintext == "anywhere" || l.Plaintext == "loopback" && a.IsLoopback()
}

// addrOf is the address and port of a TCP peer; of a unix socket's it is loopback's.
func addrOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
}
