package ssh

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// relayGate is the least that a relay needs around it: a listener that lets everybody in, a way to one target, and a tape for
// each session that remembers.
type relayGate struct {
	addr   string
	key    ssh.Signer
	dial   func() (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, *meter, error) // to the target
	alive  time.Duration
	forget bool  // tapes keep nothing
	limit  int64 // of the client's meter
	route  protocols.SSHRoute
	grant  grant
	still  func() error
	change func(*ssh.Config) // of the client's side

	mu    sync.Mutex
	tapes []*tape
	kills []context.CancelCauseFunc
	ends  []error
	conns []*lossy // of clients
	wg    sync.WaitGroup
}

// newRelayGate starts a gate to a real server.
func newRelayGate(t *testing.T, change func(*relayGate)) (*relayGate, *testenv.SSHServer) {
	t.Helper()
	server := testenv.SSHForTest(t)
	return gateTo(t, server, change), server
}

func gateTo(t testing.TB, server *testenv.SSHServer, change func(*relayGate)) *relayGate {
	t.Helper()
	config, err := server.Login().ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	return startRelayGate(t, server.Login().Address(), config, change)
}

// startRelayGate starts a gate to whatever listens at address.
func startRelayGate(t testing.TB, address string, config *ssh.ClientConfig, change func(*relayGate)) *relayGate {
	t.Helper()
	g := &relayGate{key: newSigner(t), route: protocols.SSHRoute{Env: []string{"LANG", "GF_*"}}}
	g.dial = func() (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, *meter, error) {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		metered := &meter{Conn: nc}
		c, channels, requests, err := ssh.NewClientConn(metered, address, config)
		return c, channels, requests, metered, err
	}
	if change != nil {
		change(g)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = l.Addr().String()
	g.wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.serve(t, nc) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		g.mu.Lock()
		for _, kill := range g.kills {
			kill(&protocols.Error{Class: protocols.ClassShutdown, Message: "the test is over"})
		}
		g.mu.Unlock()
		g.wg.Wait() // hangs where a relay leaves a goroutine
		for _, tape := range g.tapes {
			if tape.fault != "" {
				t.Error(tape.fault)
			}
		}
	})
	return g
}

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// serve is the life of a connection, as protocols tells it, without its proofs.
func (g *relayGate) serve(t testing.TB, accepted net.Conn) {
	defer accepted.Close()
	nc := &lossy{meter: &meter{Conn: accepted, limit: g.limit}}
	c := &conn{Options: Options{Log: slog.New(slog.DiscardHandler), KeepAlive: g.alive}, socket: nc, route: g.route, grant: g.grant, still: g.still}
	defer c.Close()
	config := &ssh.ServerConfig{NoClientAuth: true}
	if g.change != nil {
		g.change(&config.Config)
	}
	config.AddHostKey(g.key)
	client, channels, requests, err := ssh.NewServerConn(nc, config)
	if err != nil {
		return
	}
	c.keep(&c.client, &side{client, channels, requests, nc.meter})
	target, channels, requests, metered, err := g.dial()
	if err != nil {
		t.Error(err)
		return
	}
	c.keep(&c.target, &side{target, channels, requests, metered})
	ctx, kill := context.WithCancelCause(context.Background())
	tape := newTape()
	tape.forgetful = g.forget
	g.mu.Lock()
	g.tapes, g.kills, g.conns = append(g.tapes, tape), append(g.kills, kill), append(g.conns, nc)
	g.mu.Unlock()
	ended := make(chan error, 1)
	c.Relay(ctx, tape, func(err error) { ended <- err })
	err = <-ended
	tape.mu.Lock()
	tape.ended = true
	tape.mu.Unlock()
	g.mu.Lock()
	g.ends = append(g.ends, err)
	g.mu.Unlock()
}

// tape is the tape of the session that began as the i-th, when it has begun.
func (g *relayGate) tape(t *testing.T, i int) *tape {
	t.Helper()
	testenv.Eventually(t, "session "+strconv.Itoa(i), func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.tapes) > i
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tapes[i]
}

// ended waits for the i-th session to end, and returns what of.
func (g *relayGate) ended(t *testing.T, i int) error {
	t.Helper()
	testenv.Eventually(t, "the end of session "+strconv.Itoa(i), func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.ends) > i
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ends[i]
}

func (g *relayGate) kill(i int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kills[i](err)
}

// freeze loses all that the i-th session's client sends from now on.
func (g *relayGate) freeze(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[i].lost.Store(true)
}

// lossy is a connection whose other side may seem to be silent.
type lossy struct {
	*meter
	lost atomic.Bool
}

func (l *lossy) Read(p []byte) (int, error) {
	n, err := l.meter.Read(p)
	for l.lost.Load() && err == nil {
		n, err = l.meter.Read(p)
	}
	return n, err
}

// login is the gate as OpenSSH's programs know it.
func (g *relayGate) login() testenv.SSHLogin {
	host, port, _ := net.SplitHostPort(g.addr)
	n, _ := strconv.Atoi(port)
	return testenv.SSHLogin{Host: host, Port: n, User: "alice", Key: "/nonexistent",
		HostKeys: []string{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(g.key.PublicKey())))}}
}

// ssh is the real client.
func (g *relayGate) ssh(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return g.login().Program(t, "ssh", args...)
}

// run runs the real client to its end.
func (g *relayGate) run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := g.ssh(t, args...)
	return runCommand(t, cmd, stdin)
}

func runCommand(t *testing.T, cmd *exec.Cmd, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// client is x/crypto's, for what OpenSSH's never does.
func (g *relayGate) client(t *testing.T) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", g.addr, &ssh.ClientConfig{User: "alice", HostKeyCallback: ssh.FixedHostKey(g.key.PublicKey())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// session opens a channel whose requests are discarded.
func session(t *testing.T, c *ssh.Client) ssh.Channel {
	t.Helper()
	ch, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	return ch
}

func request(t *testing.T, ch ssh.Channel, kind string, payload any) bool {
	t.Helper()
	var p []byte
	if payload != nil {
		p = ssh.Marshal(payload)
	}
	ok, err := ch.SendRequest(kind, true, p)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return ok
}
