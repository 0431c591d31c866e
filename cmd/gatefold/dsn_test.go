package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/testenv"
)

// pasted are the logins that every client form below must carry: with and without account and database, with names that
// need quoting in one form or another, at a listener of the target's own and at a shared one.
var pasted = []struct {
	own  string
	want identity.Login
}{
	{"orders", identity.Login{User: "alice", Target: "orders"}},
	{"orders", identity.Login{User: "alice", Account: "app", Target: "orders", Database: "shopdb"}},
	{"orders", identity.Login{User: "alice@example.org", Target: "orders", Database: "alice"}},
	{"orders", identity.Login{User: "alice", Target: "orders", Database: "alice"}},
	{"orders", identity.Login{User: "alice@shop", Account: "app", Target: "orders"}},
	{"", identity.Login{User: "alice", Target: "orders"}},
	{"", identity.Login{User: "alice@example.org", Account: "app", Target: "orders", Database: "shopdb"}},
	{"", identity.Login{User: "build+ci", Target: "shop", Database: `a b+c'd"e\f%20&g=h?i#j`}},
	{"", identity.Login{User: "Zo\u00eb", Target: "shop", Database: "caf\u00e9/bar"}},
	{"", identity.Login{User: "alice", Target: "shop", Database: "orders/x"}},
}

func knownTarget(name string) bool { return name == "orders" || name == "shop" }

// paste makes the strings for one login and an address.
func paste(t *testing.T, i int, address string) connection {
	t.Helper()
	login, database, err := pasted[i].want.Compose(pasted[i].own, knownTarget)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return connection{host: host, port: port, user: login, database: database, sslmode: "disable"}
}

func checkPasted(t *testing.T, i int, user, database string) {
	t.Helper()
	if database == user { // that is what these clients send where they were given none
		database = ""
	}
	got, err := identity.Split(user, database, pasted[i].own, knownTarget)
	if err != nil || got != pasted[i].want {
		t.Errorf("the client sent user %q, database %q, which is %+v, %v; want %+v", user, database, got, err, pasted[i].want)
	}
}

// libpq itself reads what dsn prints: as a line for the shell, and as a URI.
func TestPastedIntoPsql(t *testing.T) {
	psql := testenv.Tool(t, "psql")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range pasted {
		c := paste(t, i, l.Addr().String())
		user, database := startupOf(t, l, "sh", "-c", strings.Replace(c.psql(), "psql ", psql+" -X -w ", 1))
		checkPasted(t, i, user, database)
		user, database = startupOf(t, l, psql, "-X", "-w", c.uri())
		checkPasted(t, i, user, database)
	}
}

// startupOf runs a client and returns the user and database of its startup packet (PostgreSQL documentation, section
// 55.7, StartupMessage).
func startupOf(t *testing.T, l net.Listener, client ...string) (user, database string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), client[0], client[1:]...)
	cmd.Env = testenv.CleanEnv()
	var out strings.Builder
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // a client that never connects must not hold the test
		cmd.Wait()
		close(ended)
	}()
	conn := accept(t, l, ended, &out)
	defer func() { <-ended }()
	defer conn.Close()
	params, err := readStartup(conn)
	if err != nil {
		t.Fatalf("%v: %v", client, err)
	}
	return params["user"], params["database"]
}

func accept(t *testing.T, l net.Listener, ended chan struct{}, out fmt.Stringer) net.Conn {
	t.Helper()
	type accepted struct {
		conn net.Conn
		err  error
	}
	in := make(chan accepted, 1)
	go func() {
		conn, err := l.Accept()
		in <- accepted{conn, err}
	}()
	select {
	case a := <-in:
		if a.err != nil {
			t.Fatal(a.err)
		}
		return a.conn
	case <-ended:
		select {
		case a := <-in: // it connected and gave up at once
			if a.err == nil {
				return a.conn
			}
		default:
		}
		t.Fatalf("the client never connected: %s", out)
	}
	return nil
}

func readStartup(r io.Reader) (map[string]string, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:4])
	if size < 9 || size > 10000 {
		return nil, fmt.Errorf("a startup packet of %d bytes", size)
	}
	body := make([]byte, size-8)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	words := strings.Split(string(body), "\x00")
	params := make(map[string]string)
	for i := 0; i+1 < len(words) && words[i] != ""; i += 2 {
		params[words[i]] = words[i+1]
	}
	return params, nil
}

// pgx reads libpq's two forms by its own rules; without a database it sends none.
func TestPastedIntoPgx(t *testing.T) {
	for i := range pasted {
		c := paste(t, i, "127.0.0.1:6432")
		for _, text := range []string{c.conninfo(), c.uri()} {
			cfg, err := pgx.ParseConfig(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			checkPasted(t, i, cfg.User, cfg.Database)
		}
	}
}

// The JDBC driver decodes a URL as java.net.URLDecoder does ('+' is a space), and sends the user's name where the URL
// has no database (org.postgresql.Driver, parseURL).
func TestPastedIntoJDBC(t *testing.T) {
	for i := range pasted {
		c := paste(t, i, "127.0.0.1:6432")
		rest, ok := strings.CutPrefix(c.jdbc(), "jdbc:postgresql://127.0.0.1:6432/")
		path, query, ok2 := strings.Cut(rest, "?")
		if !ok || !ok2 {
			t.Fatalf("no JDBC URL: %s", c.jdbc())
		}
		database, err := url.QueryUnescape(path)
		if err != nil {
			t.Fatal(err)
		}
		params := make(map[string]string)
		for _, pair := range strings.Split(query, "&") {
			key, value, _ := strings.Cut(pair, "=")
			if params[key], err = url.QueryUnescape(value); err != nil {
				t.Fatal(err)
			}
		}
		if database == "" {
			database = params["user"]
		}
		checkPasted(t, i, params["user"], database)
		if params["sslmode"] != "disable" {
			t.Errorf("sslmode is %q in %s", params["sslmode"], c.jdbc())
		}
	}
}

func TestTheListenerThatDsnPicks(t *testing.T) {
	cfg := &config.Config{
		State: "/state",
		Targets: map[string]config.Target{
			"orders": {Protocol: "postgres"}, "shop": {Protocol: "postgres"}, "books": {Protocol: "mysql"},
		},
		Listeners: map[string]config.Listener{
			"a": {Protocol: "postgres", Address: "127.0.0.1:1"}, "b": {Protocol: "postgres", Address: "[::]:2", Target: "orders"},
			"c": {Protocol: "postgres", Address: "127.0.0.1:0", Target: "shop"},
		},
	}
	c, err := connectionTo(cfg, "alice", "orders", dsnFlags{host: "gate.example"})
	if err != nil || c != (connection{"gate.example", "2", "alice", "", "require"}) {
		t.Errorf("a listener of the target's own: %+v, %v", c, err)
	}
	if _, err := connectionTo(cfg, "alice", "shop", dsnFlags{}); err == nil {
		t.Error("a port that nobody knows yet was printed")
	}
	if c, err := connectionTo(cfg, "alice", "shop", dsnFlags{listener: "a"}); err != nil || c.user != "alice@shop" || c.port != "1" {
		t.Errorf("a shared listener by name: %+v, %v", c, err)
	}
	if _, err := connectionTo(cfg, "alice", "books", dsnFlags{}); err == nil {
		t.Error("a listener of another protocol was picked")
	}
	cfg.TLS = config.TLS{Certificate: "/c.pem", Key: "/k.pem"}
	if c, err := connectionTo(cfg, "alice", "orders", dsnFlags{}); err != nil || c.sslmode != "verify-full" {
		t.Errorf("with a certificate of an authority: %+v, %v", c, err)
	}
}

// A database named like the login itself can't be told from what clients send when they were given none.
func TestDsnRefusesWhatNoLoginCanSay(t *testing.T) {
	cfg := &config.Config{
		Targets:   map[string]config.Target{"orders": {Protocol: "postgres"}},
		Listeners: map[string]config.Listener{"a": {Protocol: "postgres", Address: "127.0.0.1:1"}},
	}
	if c, err := connectionTo(cfg, "alice", "orders", dsnFlags{database: "alice@orders"}); err == nil {
		t.Errorf("got %+v", c)
	}
}
