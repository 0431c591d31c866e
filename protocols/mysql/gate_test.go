package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

func TestMain(m *testing.M) {
	// database/sql's pools that the server's own set-up used end a moment after they are closed.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// testGate is a gate of this protocol, whose listener has a target of its own.
type testGate struct {
	*protocoltest.Gate
	protocol *Protocol
}

// newGate starts a gate to a target at address; change changes it before it starts.
func newGate(t *testing.T, address, user, password string, change func(*testGate)) *testGate {
	t.Helper()
	g := &testGate{Gate: protocoltest.NewGate(t, address, user, password)}
	g.Origin.Target = "shop"
	g.protocol = New(Options{Log: g.Logger()})
	g.Protocol = g.protocol
	if change != nil {
		change(g)
	}
	g.Start(t)
	return g
}

// as is a client's login at the gate.
func (g *testGate) as(user, password string) testenv.MySQLLogin {
	return testenv.MySQLLogin{Host: "127.0.0.1", Port: g.Addr.Port, User: user, Password: password, CA: g.CA}
}

// certify has the gate believe certificates of an authority: they prove user.
func (g *testGate) certify(authority *testenv.Authority, user string) {
	g.Auth.ByCert = user
	g.Origin.TLS.ClientAuth, g.Origin.TLS.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
	g.Origin.TLS.ClientCAs.AppendCertsFromPEM(authority.CA)
}

// mariaGate is a gate to the real MariaDB, which logs in by the plugin via.
func mariaGate(t *testing.T, via string, change func(*testGate)) (*testGate, *testenv.MariaDBServer) {
	t.Helper()
	server := testenv.MariaDBForTest(t)
	user, password := server.CreateUser(t, via, "ALL ON *.*")
	g := newGate(t, net.JoinHostPort(server.Host, strconv.Itoa(server.Port)), user, password, func(g *testGate) {
		g.Route.TLS = protocoltest.TrustFile(t, server.CA)
		if change != nil {
			change(g)
		}
	})
	return g, server
}
