package protocoltest

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// Gate is the least that a Protocol needs around it: a listener, users, one target, and a tape for each session that
// remembers.
type Gate struct {
	Addr *net.TCPAddr // from Start on
	CA   string       // path of the certificate that clients trust
	Log  Buffer

	Protocol protocols.Protocol
	Origin   protocols.Origin // what the listener knows of each connection, but for Conn, Client and Dial
	Auth     Auth
	Timeout  time.Duration // of Hello and Join
	Route    protocols.Route
	Account  string       // the target's user
	Secret   string       // the account's password
	Dials    atomic.Int32 // that a protocol made by Origin.Dial

	mu    sync.Mutex
	errs  []error // of Hello, Join and Relay, in the order they ended
	reqs  []protocols.Request
	joins []protocols.Joined
	tapes []*Tape
	kills []context.CancelCauseFunc // of sessions, as an operator would
}

// NewGate is a gate to a target at address. It wants a Protocol, and then to be started.
func NewGate(t testing.TB, address, account, secret string) *Gate {
	t.Helper()
	config, ca := NewTLS(t)
	g := &Gate{CA: filepath.Join(t.TempDir(), "ca.pem"), Origin: protocols.Origin{TLS: config, Plaintext: true},
		Timeout: 20 * time.Second, Account: account, Secret: secret}
	if err := os.WriteFile(g.CA, ca, 0o644); err != nil {
		t.Fatal(err)
	}
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	g.Route.Dial = func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) }
	return g
}

// Logger logs all into Log.
func (g *Gate) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&g.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Start begins to listen, until the test ends.
func (g *Gate) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	g.Addr = Serve(t, func(nc net.Conn) { g.serve(ctx, nc) })
	t.Cleanup(func() { cancel(&protocols.Error{Class: protocols.ClassShutdown, Message: "the test is over"}) })
}

// Accept has the protocol accept a connection as the listener hands it on.
func (g *Gate) Accept(nc net.Conn) protocols.Conn {
	o := g.Origin
	o.Conn = nc
	o.Client, _ = netip.ParseAddrPort(nc.RemoteAddr().String())
	if o.Target != "" {
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			g.Dials.Add(1)
			return g.Route.Dial(ctx)
		}
	}
	return g.Protocol.Accept(o)
}

// serve is the life of a connection, as protocols tells it.
func (g *Gate) serve(ctx context.Context, nc net.Conn) {
	c := g.Accept(nc)
	defer c.Close()
	for {
		err := g.Session(ctx, c)
		g.mu.Lock()
		g.errs = append(g.errs, err)
		g.mu.Unlock()
		if !errors.Is(err, protocols.ErrAgain) {
			return
		}
	}
}

// Session is the life of one session.
func (g *Gate) Session(ctx context.Context, c protocols.Conn) error {
	limited, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	req, err := c.Hello(limited, g.Auth)
	g.mu.Lock()
	g.reqs = append(g.reqs, req)
	g.mu.Unlock()
	if errors.Is(err, protocols.ErrServed) {
		return err
	}
	if err != nil {
		c.Refuse(err)
		return err
	}
	route := g.Route
	route.Database, route.Credential = req.Database, g.Credential()
	joined, err := c.Join(limited, route)
	route.Credential.Wipe()
	if err != nil {
		c.Refuse(err)
		return err
	}
	ended := make(chan error, 1)
	relayed, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	tape := &Tape{}
	g.mu.Lock()
	g.joins, g.tapes, g.kills = append(g.joins, joined), append(g.tapes, tape), append(g.kills, kill)
	g.mu.Unlock()
	c.Relay(relayed, tape, func(err error) { ended <- err })
	return <-ended
}

// Credential is what the gate logs in to its target with.
func (g *Gate) Credential() *vault.Credential {
	return &vault.Credential{User: g.Account, Secret: []byte(g.Secret)}
}

// Trusted is the configuration of a client that trusts the gate.
func (g *Gate) Trusted(t testing.TB) *tls.Config { return TrustFile(t, g.CA) }

// nth waits for the nth, from 0, of what is in a list of the gate's.
func nth[T any](t testing.TB, g *Gate, what string, list *[]T, n int) (v T) {
	t.Helper()
	testenv.Eventually(t, what, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(*list) <= n {
			return false
		}
		v = (*list)[n]
		return true
	})
	return v
}

// Err waits for the nth session, from 0, to end, and returns its error.
func (g *Gate) Err(t testing.TB, n int) error {
	t.Helper()
	return nth(t, g, "a session to end", &g.errs, n)
}

// Joined is what the target of the nth session, from 0, said of itself. Its client knows sooner than Join returns.
func (g *Gate) Joined(t testing.TB, n int) protocols.Joined {
	t.Helper()
	return nth(t, g, "a session to have joined", &g.joins, n)
}

// Tape is the nth session's, from 0.
func (g *Gate) Tape(t testing.TB, n int) *Tape {
	t.Helper()
	return nth(t, g, "a session to relay", &g.tapes, n)
}

// Kill ends the nth session, from 0.
func (g *Gate) Kill(t testing.TB, n int, cause error) {
	t.Helper()
	nth(t, g, "a session to relay", &g.kills, n)(cause)
}

// Request is what the last client asked for.
func (g *Gate) Request() protocols.Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reqs[len(g.reqs)-1]
}
