package mysql

import (
	"crypto/rand"
	"crypto/rsa"
	"net"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// foreign is a server of MySQL's protocol by other hands: go-mysql's.
type foreign struct {
	addr string
	ca   []byte
}

// foreignHandler answers loginQuery as MySQL 8.0 does.
type foreignHandler struct{ server.EmptyHandler }

func (foreignHandler) UseDB(string) error { return nil }

func (foreignHandler) HandleQuery(text string) (*mysql.Result, error) {
	if text != loginQuery {
		return &mysql.Result{}, nil
	}
	rows, err := mysql.BuildSimpleTextResultset([]string{"a", "b", "c", "d", "e", "f", "g"},
		[][]any{{"8.0.36", "ANSI_QUOTES", "utf8mb4", "shop", 0, 10001, "db1 3306 /data"}})
	return mysql.NewResult(rows), err
}

// newForeign starts a server whose accounts are logged in to by plugin.
func newForeign(t *testing.T, plugin string) *foreign {
	t.Helper()
	config, ca := protocoltest.NewTLS(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	conf := server.NewServer("8.0.36", mysql.DEFAULT_COLLATION_ID, plugin, key, config)
	accounts := server.NewInMemoryAuthenticationHandler(plugin)
	if err := accounts.AddUser("app", targetSecret); err != nil {
		t.Fatal(err)
	}
	addr := protocoltest.Serve(t, func(nc net.Conn) {
		c, err := conf.NewCustomizedConn(nc, accounts, foreignHandler{})
		if err != nil {
			return
		}
		for !c.Closed() && c.HandleCommand() == nil {
		}
	})
	return &foreign{addr: addr.String(), ca: ca}
}

// MySQL's own authentication, against a server that others wrote: there is no MySQL in the distribution.
func TestJoinForeignServer(t *testing.T) {
	for _, plugin := range []string{pluginSHA2, pluginNative} {
		f := newForeign(t, plugin)
		for _, tt := range []struct {
			name, floor, secret string
			tls                 bool
			want                string // of the refusal; empty: in
		}{
			{name: "RSA, asked for its key", secret: targetSecret},
			{name: "a wrong password", secret: "another", tls: true, want: "refused the gateway's login"},
			{name: "TLS", secret: targetSecret, tls: true},
			{name: "TLS, once it was seen", secret: targetSecret, tls: true},
			{name: "in plaintext, once it was seen", secret: targetSecret},
			{name: "a wrong password in plaintext", secret: "another", want: "refused the gateway's login"},
			{name: "floor", floor: pluginSHA2, secret: targetSecret, tls: true, want: map[string]string{pluginNative: "weaker login"}[plugin]},
		} {
			t.Run(plugin+", "+tt.name, func(t *testing.T) {
				g := newGate(t, f.addr, "app", tt.secret, func(g *testGate) {
					g.Route.Floor = tt.floor
					if tt.tls {
						g.Route.TLS = protocoltest.Trust(f.ca)
					}
				})
				c := in(t, g, 0)
				if tt.want != "" {
					if got := c.refused(); !strings.Contains(got.message, tt.want) {
						t.Errorf("%v", got)
					}
					return
				}
				c.want(answerOK)
				if j := g.Joined(t, 0); j.Version != "8.0.36" || (j.TLS != "") != tt.tls {
					t.Errorf("%+v", j)
				}
			})
		}
	}
}

func TestStateOfMySQL(t *testing.T) {
	f := newForeign(t, pluginSHA2)
	g := newGate(t, f.addr, "app", targetSecret, nil)
	s := joinAlone(t, g, 0, "shop").state
	if s.dialect != protocols.DialectMySQL || s.version != 80036 || s.foldNames || string(s.mode) != "ANSI_QUOTES" || string(s.schema) != "shop" {
		t.Errorf("%+v", s)
	}
}
