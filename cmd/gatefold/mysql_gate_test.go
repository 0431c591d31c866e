package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/testenv"
)

// mysqlLogin is a login at the gateway's own listener, or at another address of it.
func (g *gate) mysqlLogin(user, password, address string) testenv.MySQLLogin {
	g.t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		g.t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		g.t.Fatal(err)
	}
	return testenv.MySQLLogin{Host: host, Port: n, User: user, Password: password, CA: filepath.Join(g.dir, "s", "tls.crt")}
}

// alice is her login at the gateway's own listener.
func (g *gate) alice() testenv.MySQLLogin { return g.mysqlLogin("alice", alicePassword, g.addr) }

// mariadb runs MariaDB's client through the gateway and returns what it printed, errors included, and its exit code.
func (g *gate) mariadb(script string, args ...string) (string, int) {
	g.t.Helper()
	return runClient(g.t, g.alice().Client(g.t, append([]string{"-N", "-B"}, args...)...), script)
}

func runClient(t testing.TB, cmd *exec.Cmd, script string) (string, int) {
	t.Helper()
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// mysqlClient is one connection of go-sql-driver's.
type mysqlClient struct {
	*sql.Conn
	thread uint32   // the id that it was greeted with
	raw    net.Conn // below TLS
	db     *sql.DB
	ctx    context.Context
	end    context.CancelFunc
}

// dialMySQL opens a connection; change may be nil.
func dialMySQL(l testenv.MySQLLogin, database string, change func(*mysql.Config)) (*mysqlClient, error) {
	cfg, err := l.Config(database)
	if err != nil {
		return nil, err
	}
	cfg.Logger = &mysql.NopLogger{}
	if change != nil {
		change(cfg)
	}
	c := &mysqlClient{}
	c.ctx, c.end = context.WithTimeout(context.Background(), time.Minute) // a test that hangs is to say where
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c.raw = nc
		return &greeted{Conn: nc, thread: &c.thread}, nil
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	c.db = db
	if c.Conn, err = db.Conn(c.ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}

// greeted reads the connection's id in the greeting that goes by ("Protocol::HandshakeV10").
type greeted struct {
	net.Conn
	once   sync.Once
	thread *uint32
}

func (c *greeted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.once.Do(func() {
		if _, rest, ok := bytes.Cut(p[min(5, n):n], []byte{0}); ok && len(rest) >= 4 {
			*c.thread = binary.LittleEndian.Uint32(rest)
		}
	})
	return n, err
}

// dialMySQL connects through the gateway as alice. It ends with the test.
func (g *gate) dialMySQL(change func(*mysql.Config)) *mysqlClient {
	g.t.Helper()
	return g.dialMySQLAs(g.alice(), g.db, change)
}

func (g *gate) dialMySQLAs(l testenv.MySQLLogin, database string, change func(*mysql.Config)) *mysqlClient {
	g.t.Helper()
	c, err := dialMySQL(l, database, change)
	if err != nil {
		g.t.Fatalf("connect through the gateway: %v", err)
	}
	g.t.Cleanup(func() { c.close() })
	return c
}

// close ends the connection, goodbye and all.
func (c *mysqlClient) close() {
	c.Conn.Close()
	c.db.Close()
	c.end()
}

// exec runs a statement and returns its error's code, 0 where there is none.
func (c *mysqlClient) exec(text string, args ...any) uint16 {
	_, err := c.ExecContext(c.ctx, text, args...)
	return errno(err)
}

// errno is an error's code: 0 of none, 1 of one that isn't the server's.
func errno(err error) uint16 {
	var e *mysql.MySQLError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Number
	}
	return 1
}

// must runs a statement that has to work.
func (c *mysqlClient) must(t testing.TB, text string, args ...any) {
	t.Helper()
	if _, err := c.ExecContext(c.ctx, text, args...); err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
}

// value asks for one value.
func (c *mysqlClient) value(t testing.TB, text string, args ...any) (v string) {
	t.Helper()
	if err := c.QueryRowContext(c.ctx, text, args...).Scan(&v); err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return v
}

// gone reports whether the connection is of no use any more.
func (c *mysqlClient) gone() bool { return c.exec("DO 1") != 0 }

// mysqlSuper is a connection to the target itself.
func (g *gate) mysqlSuper() *mysqlClient {
	g.t.Helper()
	c, err := dialMySQL(g.my.Login(), "", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.close() })
	return c
}

// mysqlDirect asks the target itself for one value.
func (g *gate) mysqlDirect(text string) string {
	g.t.Helper()
	c, err := dialMySQL(g.my.Login(), g.db, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	defer c.close()
	return c.value(g.t, text)
}

// sameRights gives another database of the test's own to account app.
func (g *gate) sameRights(database string) {
	g.t.Helper()
	g.my.MustExec(g.t, "", "GRANT ALL ON "+database+".* TO "+g.app)
}

// multi has packets of several statements.
func multi(c *mysql.Config) { c.MultiStatements = true }

// read returns a file of the gateway's folder.
func (g *gate) read(name string) string {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}
