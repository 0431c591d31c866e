package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// realGate is a gate to a role of its own on the shared real server, with TLS to it, verified.
func realGate(t *testing.T, change func(*testGate)) (*testGate, *testenv.PostgresServer) {
	t.Helper()
	server := testenv.ForTest(t)
	user, password := server.CreateRole(t, "")
	g := newGate(t, server.Address(), user, password, func(g *testGate) {
		g.route.TLS = targetTLS(t, server)
		if change != nil {
			change(g)
		}
	})
	return g, server
}

func targetTLS(t *testing.T, server *testenv.PostgresServer) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(server.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// psql runs real psql against the gate.
func psql(t *testing.T, g *testGate, user, password, options, sql string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(testenv.Tool(t, "psql"), "-XAtw", "-v", "ON_ERROR_STOP=1", "-d",
		"host=127.0.0.1 port="+g.port+" user="+user+" dbname=postgres "+options, "-c", sql)
	cmd.Env = testenv.CleanEnv(append(env, "PGPASSWORD="+password)...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestPSQL(t *testing.T) {
	g, server := realGate(t, nil)
	for _, tt := range []struct{ name, options, tls string }{
		{"plaintext", "sslmode=disable", ""},
		{"TLS", "sslmode=require", "TLS1.3 "},
		{"TLS, verified", "sslmode=verify-full sslrootcert=" + g.ca, "TLS1.3 "},
		{"channel binding", "sslmode=verify-full channel_binding=require sslrootcert=" + g.ca, "TLS1.3 "},
		{"TLS without channel binding", "sslmode=require channel_binding=disable", "TLS1.3 "},
		{"TLS 1.2", "sslmode=require ssl_max_protocol_version=TLSv1.2", "TLS1.2 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := psql(t, g, gateUser+"@orders", gatePassword, tt.options+" application_name=ledger",
				`SELECT current_user, application_name, pid = pg_backend_pid(), (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())
				 FROM pg_stat_activity WHERE pid = pg_backend_pid()`)
			if want := g.login + "|ledger|t|t"; err != nil || got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			req := g.reqs[len(g.reqs)-1]
			if req.App != "ledger" || req.User != "alice" || req.Target != "orders" || !strings.HasPrefix(req.TLS, tt.tls) || (tt.tls == "") != (req.TLS == "") {
				t.Errorf("request %+v", req)
			}
		})
	}
	if log, err := os.ReadFile(server.LogPath); err != nil || strings.Contains(string(log), gatePassword) {
		t.Errorf("the client's password reached the target (%v)", err)
	}
}

func TestPSQLIsRefused(t *testing.T) {
	g, _ := realGate(t, func(g *testGate) { g.plaintext = false })
	for _, tt := range []struct{ name, user, password, options, env, says string }{
		{"wrong password", "alice", "wrong", "sslmode=require", "", `FATAL:  password authentication failed for user "alice"`},
		{"wrong user", "mallory", gatePassword, "sslmode=require", "", `FATAL:  password authentication failed for user "mallory"`},
		{"plaintext", "alice", gatePassword, "sslmode=disable", "", "this listener takes no unencrypted connections"},
		{"unknown target", "bob@nosuch", gatePassword, "sslmode=require", "", "FATAL:  unknown target"},
		{"role", "alice", gatePassword, "sslmode=require options='-c role=postgres'", "", `does not pass on startup parameter "role"`},
		{"search_path", "alice", gatePassword, "sslmode=require", "PGOPTIONS=-c search_path=x", `HINT:  Set it after login with SET search_path`},
		{"replication", "alice", gatePassword, "sslmode=require replication=database", "", "does not support replication"},
		{"a time zone that does not exist", "alice", gatePassword, "sslmode=require", "PGTZ=Mars/Olympus", `invalid value for parameter "TimeZone"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := psql(t, g, tt.user, tt.password, tt.options, "SELECT 1", tt.env)
			if err == nil || !strings.Contains(got, tt.says) {
				t.Errorf("%q, %v; want ...%s...", got, err, tt.says)
			}
		})
	}
}

func TestDatabaseThatDoesNotExist(t *testing.T) {
	g, _ := realGate(t, nil)
	_, err := connect(t, g, "nosuch", "sslmode=disable")
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "3D000" {
		t.Errorf("%v, want 3D000", err)
	}
}

func TestStartupSettingsReachTheTarget(t *testing.T) {
	g, _ := realGate(t, nil)
	got, err := psql(t, g, "alice", gatePassword, "sslmode=disable",
		"SELECT current_setting('statement_timeout'), current_setting('geqo'), current_setting('timezone'), current_setting('intervalstyle')",
		"PGOPTIONS=-c statement_timeout=7s --intervalstyle=iso_8601", "PGGEQO=off", "PGTZ=Asia/Tokyo")
	if want := "7s|off|Asia/Tokyo|iso_8601"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func connect(t *testing.T, g *testGate, database, options string) (*pgx.Conn, error) {
	t.Helper()
	config, err := pgx.ParseConfig(g.uri("alice", database, options))
	if err != nil {
		t.Fatal(err)
	}
	config.Password = gatePassword
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err == nil {
		t.Cleanup(func() { conn.Close(context.Background()) })
	}
	return conn, err
}

// Every way that the real server can ask for a login, against a floor below, at and above it.
func TestRealMethodsAndFloors(t *testing.T) {
	server := testenv.NewForTest(t, testenv.Options{TLS: true, Settings: map[string]string{"password_encryption": "md5"}, HBA: []string{
		"hostssl all r_trust 127.0.0.1/32 trust",
		"hostssl all r_password 127.0.0.1/32 password",
		"hostssl all r_md5 127.0.0.1/32 md5",
		"hostssl all r_scram 127.0.0.1/32 scram-sha-256",
	}})
	server.MustExec(t, testenv.Superuser, `
		CREATE ROLE r_trust LOGIN; CREATE ROLE r_password LOGIN PASSWORD 'geheim'; CREATE ROLE r_md5 LOGIN PASSWORD 'geheim';
		SET password_encryption = 'scram-sha-256'; CREATE ROLE r_scram LOGIN PASSWORD 'gehe'' ½ Å im'`)
	for i, role := range []string{"r_trust", "r_password", "r_md5", "r_scram"} {
		for floor, name := range methodNames {
			for _, inTLS := range []bool{true, false} {
				if !inTLS && role != "r_scram" {
					continue // the lines above are for TLS
				}
				strength := method(i)
				if method(i) == methodSCRAM && inTLS {
					strength = methodSCRAMPlus
				}
				g := newGate(t, server.Address(), role, "geheim", func(g *testGate) {
					g.route.Floor = name
					if role == "r_scram" {
						g.secret = "gehe' 1\u20442 A\u030a im" // as SASLprep makes it, spelled otherwise
					}
					if inTLS {
						g.route.TLS = targetTLS(t, server)
					}
				})
				conn, err := connect(t, g, "postgres", "sslmode=disable")
				if in := err == nil; in != (strength >= method(floor)) {
					t.Errorf("%s, TLS %t, floor %s: in %t, %v", role, inTLS, name, in, err)
				}
				if err == nil {
					var user string
					if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&user); err != nil || user != role {
						t.Errorf("%s: %q, %v", role, user, err)
					}
				}
			}
		}
	}
}

// A verifier made here lets into PostgreSQL, and PostgreSQL's own is read and checked here.
func TestVerifiersAreInterchangeable(t *testing.T) {
	server := testenv.ForTest(t)
	for _, password := range []string{"geheim", "\u2168 A\u030angstr\u00f6m \u00bd", "\u06271", "\U0001f511"} {
		role, _ := server.CreateRole(t, "")
		v, err := scram.NewVerifier([]byte(password), 5000)
		if err != nil {
			t.Fatal(err)
		}
		server.MustExec(t, testenv.Superuser, "ALTER ROLE "+role+" PASSWORD '"+v.String()+"'")
		out, err := exec.Command(testenv.Tool(t, "psql"), "-XAt", "-c", "SELECT 1", server.UserDSN(role, password, "postgres")).CombinedOutput()
		if err != nil {
			t.Errorf("%q: psql is not let in by our verifier: %s", password, out)
		}
		admin, err := pgx.Connect(t.Context(), server.DSN("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close(context.Background())
		var theirs string
		if _, err = admin.Exec(t.Context(), "ALTER ROLE "+role+" PASSWORD '"+password+"'"); err == nil {
			err = admin.QueryRow(t.Context(), "SELECT rolpassword FROM pg_authid WHERE rolname = $1", role).Scan(&theirs)
		}
		if err != nil {
			t.Fatal(err)
		}
		if v, err = scram.Parse(theirs); err != nil || !v.Check([]byte(password)) || v.Check([]byte("another")) {
			t.Errorf("%q: PostgreSQL's verifier %s: %v", password, theirs, err)
		}
	}
}

func TestTargetCertificateIsVerified(t *testing.T) {
	for name, change := range map[string]func(*tls.Config){
		"unknown authority": func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
		"another name":      func(c *tls.Config) { c.ServerName = "db.elsewhere" },
	} {
		g, server := realGate(t, func(g *testGate) { change(g.route.TLS) })
		_, err := connect(t, g, "postgres", "sslmode=disable")
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "57P03" || !strings.Contains(e.Message, "TLS handshake with the target failed") {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(e.Message+e.Hint, server.Address()) {
			t.Errorf("%s: the client is told the address: %v", name, e)
		}
	}
}

// The driver that reads what the gate says most strictly, in protocols 3.0 and 3.2.
func TestPGX(t *testing.T) {
	g, _ := realGate(t, nil)
	for _, options := range []string{"sslmode=disable", "sslmode=verify-full&sslrootcert=" + g.ca,
		"sslmode=disable&max_protocol_version=3.2", "sslmode=disable&max_protocol_version=latest"} {
		conn, err := connect(t, g, "postgres", options)
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		pid := 0
		if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid() WHERE $1 = 'x'", "x").Scan(&pid); err != nil {
			t.Errorf("%s: %v", options, err)
		}
		if told := int(conn.PgConn().PID()); told != pid {
			t.Errorf("%s: told pid %d, it is %d", options, told, pid)
		}
		if v := conn.PgConn().ParameterStatus("server_version"); v == "" {
			t.Errorf("%s: no server_version", options)
		}
		size := map[bool]int{true: cancelKey32, false: cancelKey30}[strings.Contains(options, "max_protocol")]
		if n := len(conn.PgConn().SecretKey()); n != size {
			t.Errorf("%s: a cancel key of %d bytes, want %d", options, n, size)
		}
	}
}

// A client that is in and then is shut out is told so, in the protocol's words, and nothing is left running.
func TestSessionIsEnded(t *testing.T) {
	g, _ := realGate(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	client, server := net.Pipe()
	c := g.protocol.Accept(protocols.Origin{Conn: server, TLS: g.tls, Plaintext: true})
	defer c.Close()
	ended := make(chan error, 1)
	go func() { ended <- g.session(ctx, c) }()
	raw := &rawClient{t, client}
	raw.send(packet(version30, startupBody("user", "alice", "database", "postgres")))
	raw.login(gatePassword)
	for {
		kind, _, _, err := readMessage(raw, nil, maxAnswer)
		if err != nil {
			t.Fatal(err)
		}
		if kind == 'Z' {
			break
		}
	}
	testenv.Eventually(t, "the session to relay", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.tapes) == 1 })
	cancel(&protocols.Error{Class: protocols.ClassShutdown, Message: "killed"})
	kind, body, _, err := readMessage(raw, nil, maxAnswer)
	if err != nil || kind != 'E' || !strings.Contains(string(body), "57P01") || !strings.Contains(string(body), "killed") {
		t.Errorf("%q %q, %v", kind, body, err)
	}
	var e *protocols.Error
	if err := <-ended; !errors.As(err, &e) || e.Message != "killed" {
		t.Errorf("ended with %v", err)
	}
}
