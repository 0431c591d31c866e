package mysql

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

func TestMain(m *testing.M) {
	// database/sql's pools that the server's own set-up used end a moment after they are closed.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// testGate is the least that a Protocol needs around it: a listener, users, one target, and a tape that remembers.
type testGate struct {
	addr string
	port int
	ca   string // path of the certificate that clients trust
	log  *lockedBuffer

	protocol  *Protocol
	cert      testenv.Cert
	tls       *tls.Config
	plaintext bool
	own       string // the listener's own target
	announce  string
	timeout   time.Duration
	route     protocols.Route
	secret    string // the target's password
	login     string // the target's user

	mu      sync.Mutex
	errs    []error // of Hello, Join and Relay, in the order they ended
	reqs    []protocols.Request
	joins   []protocols.Joined
	tapes   []*gateTape
	kills   []context.CancelCauseFunc // of sessions, as an operator would
	dials   int                       // for a greeting
	proving gateAuth
	wg      sync.WaitGroup
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
		timeout: 20 * time.Second, login: user, secret: password, plaintext: true, own: "shop",
	}
	if err := os.WriteFile(g.ca, cert.CA, 0o644); err != nil {
		t.Fatal(err)
	}
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	g.route = protocols.Route{Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
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
	g.port = l.Addr().(*net.TCPAddr).Port
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

// origin is a connection as the gate's listener hands it on.
func (g *testGate) origin(nc net.Conn) protocols.Origin {
	o := protocols.Origin{Conn: nc, TLS: g.tls, Plaintext: g.plaintext, Target: g.own, Announce: g.announce}
	o.Client, _ = netip.ParseAddrPort(nc.RemoteAddr().String())
	if g.own != "" {
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			g.mu.Lock()
			g.dials++
			g.mu.Unlock()
			return g.route.Dial(ctx)
		}
	}
	return o
}

// serve is the life of a connection, as protocols tells it.
func (g *testGate) serve(ctx context.Context, nc net.Conn) {
	defer nc.Close()
	c := g.protocol.Accept(g.origin(nc))
	defer c.Close()
	for {
		err := g.session(ctx, c)
		g.mu.Lock()
		g.errs = append(g.errs, err)
		g.mu.Unlock()
		if !errors.Is(err, protocols.ErrAgain) {
			return
		}
	}
}

func (g *testGate) session(ctx context.Context, c protocols.Conn) error {
	limited, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	req, err := c.Hello(limited, g.proving)
	g.mu.Lock()
	g.reqs = append(g.reqs, req)
	g.mu.Unlock()
	if err != nil {
		c.Refuse(err)
		return err
	}
	route := g.route
	route.Database = req.Database
	route.Credential = &vault.Credential{User: g.login, Secret: []byte(g.secret)}
	joined, err := c.Join(limited, route)
	route.Credential.Wipe()
	if err != nil {
		c.Refuse(err)
		return err
	}
	ended := make(chan error, 1)
	relayed, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	tape := &gateTape{}
	g.mu.Lock()
	g.joins, g.tapes, g.kills = append(g.joins, joined), append(g.tapes, tape), append(g.kills, kill)
	g.mu.Unlock()
	c.Relay(relayed, tape, func(err error) { ended <- err })
	return <-ended
}

// waitErr waits for the nth session, from 0, to end, and returns its error.
func (g *testGate) waitErr(t *testing.T, n int) error {
	t.Helper()
	var err error
	testenv.Eventually(t, "a session to end", func() bool {
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

// joined is what the target of the nth session, from 0, said of itself. Its client knows sooner than Join returns.
func (g *testGate) joined(t *testing.T, n int) (j protocols.Joined) {
	t.Helper()
	testenv.Eventually(t, "a session to have joined", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.joins) > n {
			j = g.joins[n]
		}
		return len(g.joins) > n
	})
	return j
}

// request is what the last client asked for.
func (g *testGate) request() protocols.Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reqs[len(g.reqs)-1]
}

// as is a client's login at the gate.
func (g *testGate) as(user, password string) testenv.MySQLLogin {
	return testenv.MySQLLogin{Host: "127.0.0.1", Port: g.port, User: user, Password: password, CA: g.ca}
}

// certify has the gate believe certificates of an authority: they prove user.
func (g *testGate) certify(authority *testenv.Authority, user string) {
	g.proving.certified = user
	g.tls.ClientAuth, g.tls.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
	g.tls.ClientCAs.AppendCertsFromPEM(authority.CA)
}

// clientTLS is a client's configuration that trusts the gate.
func (g *testGate) clientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(g.cert.CA)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// gateAuth knows alice, and bob, whose target is unknown.
type gateAuth struct {
	native    bool   // a verifier for mysql_native_password is kept of alice
	certified string // who may come by certificate
}

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

func (a gateAuth) Native(user string) []byte {
	if !a.native || user != gateUser {
		return nil
	}
	once := sha1.Sum([]byte(gatePassword))
	twice := sha1.Sum(once[:])
	return twice[:]
}

func (a gateAuth) Certified(user string, _ [][]*x509.Certificate) bool {
	return user != "" && user == a.certified
}

func (gateAuth) Verifier(user string) scram.Verifier {
	v := gateVerifier()
	if user != gateUser && user != "bob" {
		v.StoredKey[0] ^= 1 // invented: as a real one but that nothing fits
	}
	return v
}

// gateTape allows all and remembers notices.
type gateTape struct {
	mu      sync.Mutex
	seq     uint64
	notices []string
}

func (s *gateTape) Ask(protocols.Action) protocols.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	return protocols.Answer{Verdict: record.VerdictAllow, Seq: s.seq}
}

func (s *gateTape) Tell(r record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	if r.Kind == record.KindNotice {
		s.notices = append(s.notices, string(r.Message))
	}
	return nil
}

func (s *gateTape) Sync() error { return nil }

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

// mariaGate is a gate to the real MariaDB, which logs in by the plugin via.
func mariaGate(t *testing.T, via string, change func(*testGate)) (*testGate, *testenv.MariaDBServer) {
	t.Helper()
	server := testenv.MariaDBForTest(t)
	user, password := server.CreateUser(t, via, "ALL ON *.*")
	g := newGate(t, net.JoinHostPort(server.Host, strconv.Itoa(server.Port)), user, password, func(g *testGate) {
		g.route.TLS = targetTLS(t, server.CA)
		if change != nil {
			change(g)
		}
	})
	return g, server
}

// targetTLS trusts the authority in a file.
func targetTLS(t *testing.T, ca string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

func (gateAuth) Keys(string) [][]byte     { return nil }
func (gateAuth) Authorities() [][]byte    { return nil }
func (gateAuth) Revoked([]byte) bool      { return false }
func (gateAuth) Factor(string) bool       { return false }
func (gateAuth) Code(string, string) bool { return false }
