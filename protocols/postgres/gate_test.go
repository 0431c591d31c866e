package postgres

import (
	"fmt"
	"testing"

	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// testGate is a gate of this protocol.
type testGate struct {
	*protocoltest.Gate
	protocol *Protocol
}

// newGate starts a gate to a target at address; change changes it before it starts.
func newGate(t *testing.T, address, user, password string, change func(*testGate)) *testGate {
	t.Helper()
	g := &testGate{Gate: protocoltest.NewGate(t, address, user, password)}
	g.Route.Floor = "scram-sha-256"
	g.protocol = New(Options{Log: g.Logger()})
	g.Protocol = g.protocol
	if change != nil {
		change(g)
	}
	g.Start(t)
	return g
}

// uri is a connection string for the gate's user.
func (g *testGate) uri(user, database, more string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?%s", user, g.Addr, database, more)
}
