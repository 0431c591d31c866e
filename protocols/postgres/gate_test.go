package postgres

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// testGate is the least that a Protocol needs around it: a listener, users, one target, and a tape that remembers.
type testGate struct {
	addr string
	port string
	ca   string // path of the certificate that clients trust
	log  *lockedBuffer

	protocol  *Protocol
	cert      testenv.Cert
	tls       *tls.Config
	plaintext bool
	timeout   time.Duration
	route     protocols.Route
	secret    string // the target's password
	login     string // the target's user

	mu    sync.Mutex
	errs  []error // of Hello, Join and Relay, in the order they ended
	reqs  []protocols.Request
	tapes []*gateTape
	wg    sync.WaitGroup
}

const (
	gateUser     = "alice"
	gatePassword = "correct horse"
)

// newGate starts a gate to a target at address; change changes it before it starts.
func newGate(t *testing.T, address, user, password string, change func(*testGate)) *testGate {
	t.Helper()
	cert, err := testenv.NewCert()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert.Cert, cert.Key)
	if err != nil {
		t.Fatal(err)
	}
	g := &testGate{
		ca: filepath.Join(t.TempDir(), "ca.pem"), log: &lockedBuffer{}, cert: *cert,
		tls:     &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		timeout: 20 * time.Second, login: user, secret: password, plaintext: true,
	}
	if err := os.WriteFile(g.ca, cert.CA, 0o644); err != nil {
		t.Fatal(err)
	}
	g.route = protocols.Route{Floor: "scram-sha-256", Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}}
	g.protocol = New(Options{Log: slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if change != nil {
		change(g)
	}
	g.start(t)
	return g
}

func (g *testGate) start(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = l.Addr().String()
	_, g.port, _ = net.SplitHostPort(g.addr)
	ctx, cancel := context.WithCancelCause(context.Background())
	g.wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.serve(ctx, nc) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel(&protocols.Error{Class: protocols.ClassShutdown, Message: "the test is over"})
		g.wg.Wait() // hangs where a relay leaves a goroutine
	})
}

// serve is the life of a connection, as protocols tells it.
func (g *testGate) serve(ctx context.Context, nc net.Conn) {
	defer nc.Close()
	c := g.protocol.Accept(protocols.Origin{Conn: nc, TLS: g.tls, Plaintext: g.plaintext,
		Client: netip.MustParseAddrPort(nc.RemoteAddr().String())})
	defer c.Close()
	err := g.session(ctx, c)
	g.mu.Lock()
	g.errs = append(g.errs, err)
	g.mu.Unlock()
}

func (g *testGate) session(ctx context.Context, c protocols.Conn) error {
	limited, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	req, err := c.Hello(limited, gateAuth{})
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
	route := g.route
	route.Database = req.Database
	route.Credential = &vault.Credential{User: g.login, Secret: []byte(g.secret)}
	_, err = c.Join(limited, route)
	route.Credential.Wipe()
	if err != nil {
		c.Refuse(err)
		return err
	}
	tape := &gateTape{}
	g.mu.Lock()
	g.tapes = append(g.tapes, tape)
	g.mu.Unlock()
	ended := make(chan error, 1)
	c.Relay(ctx, tape, func(err error) { ended <- err })
	return <-ended
}

// waitErr waits for the nth connection, from 0, to end, and returns its error.
func (g *testGate) waitErr(t *testing.T, n int) error {
	t.Helper()
	var err error
	testenv.Eventually(t, "a connection to end", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.errs) <= n {
			return false
		}
		err = g.errs[n]
		return true
	})
	return err
}

// tape is the nth session's.
func (g *testGate) tape(n int) *gateTape {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tapes[n]
}

// uri is a connection string for the gate's user.
func (g *testGate) uri(user, database, more string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?%s", user, g.addr, database, more)
}

// clientTLS is a client's configuration that trusts the gate.
func (g *testGate) clientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(g.cert.CA)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// gateAuth knows alice, and bob, whose target is unknown.
type gateAuth struct{}

var gateVerifier = sync.OnceValue(func() scram.Verifier {
	v, err := scram.NewVerifier([]byte(gatePassword), 0)
	if err != nil {
		panic(err)
	}
	return v
})

func (gateAuth) Resolve(login, database string) (protocols.Login, error) {
	user, target, _ := strings.Cut(login, "@")
	l := protocols.Login{User: user, Target: target, Database: database}
	if user == "bob" {
		return l, &protocols.Error{Class: protocols.ClassTarget, Message: "unknown target"}
	}
	return l, nil
}

func (gateAuth) Native(string) []byte                         { return nil }
func (gateAuth) Certified(string, [][]*x509.Certificate) bool { return false }

func (gateAuth) Verifier(user string) scram.Verifier {
	v := gateVerifier()
	if user != gateUser && user != "bob" {
		v.StoredKey[0] ^= 1 // invented: as a real one but that nothing fits
	}
	return v
}

// gateTape allows all and remembers the kinds of what it was asked and told.
type gateTape struct {
	mu      sync.Mutex
	seq     uint64
	asked   []record.Kind
	results []record.Record
	deny    bool // everything
	wait    chan protocols.Answer
}

func (s *gateTape) Ask(a protocols.Action) protocols.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.asked = append(s.asked, a.Record.Kind)
	if s.wait != nil && a.Record.Kind == record.KindCancel {
		return protocols.Answer{Verdict: record.VerdictWait, Ready: s.wait}
	}
	if s.deny {
		return protocols.Answer{Verdict: record.VerdictDeny, Seq: s.seq, Refusal: &protocols.Error{Class: protocols.ClassDenied, Message: "no"}}
	}
	return protocols.Answer{Verdict: record.VerdictAllow, Seq: s.seq}
}

func (s *gateTape) Tell(r record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	if r.Kind == record.KindResult {
		s.results = append(s.results, record.Record{Of: r.Of, Outcome: r.Outcome})
	}
	return nil
}

func (s *gateTape) Sync() error { return nil }

// count is how often a kind was asked.
func (s *gateTape) count(k record.Kind) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		if asked == k {
			n++
		}
	}
	return n
}

// lockedBuffer is a buffer for several writers.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (gateAuth) Keys(string) [][]byte     { return nil }
func (gateAuth) Authorities() [][]byte    { return nil }
func (gateAuth) Revoked([]byte) bool      { return false }
func (gateAuth) Factor(string) bool       { return false }
func (gateAuth) Code(string, string) bool { return false }
