package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/gatefold/gatefold/internal/testenv"
)

// mysqlList is MySQL's and MariaDB's own software, and drivers.
var mysqlList = list{protocol: "mysql", start: mysqlTwins.start, programs: append([]program{
	{name: "sysbench", quick: true, run: sysbench},
	{name: "mariadb-dump", quick: true, run: dumpRestore},
	{name: "load-data", quick: true, run: loadData},
	{name: "mariadb-tools", quick: true, run: tools},
	{name: "mariadb-ctrl-c", quick: true, run: interrupt},
	{name: "go-sql-driver", quick: true, run: goDriver},
}, drivers...)}

// mysqlEnd is a server of MariaDB, reached one way.
type mysqlEnd struct {
	login     testenv.MySQLLogin // may do everything; its account on the server is root either way
	careful   testenv.MySQLLogin // on the gateway somebody whom the policy that gatefold comes with holds; directly, as login
	certified testenv.MySQLLogin // login with a certificate, which proves the user to the gateway; no password is needed
	cnf       string             // login's option file, for MariaDB's programs
	server    *testenv.MariaDBServer
}

func (e mysqlEnd) port() string { return strconv.Itoa(e.login.Port) }

// database is the one that programs find, empty.
const database = "compat"

// fresh gives the server an empty database and the accounts and settings that it began with, past the gateway.
func (e mysqlEnd) fresh(ctx context.Context) error {
	return e.server.Exec(ctx, "", "DROP DATABASE IF EXISTS "+database+"; CREATE DATABASE "+database+" CHARACTER SET utf8mb4")
}

// Users of the gateway. The first has the name of the account on the server, so that a login is the same both ways.
const (
	rootUser    = testenv.MariaDBSuperuser
	carefulUser = "careful"
)

// policy lets root do everything, and careful what a text tells: default deny holds for the rest, load_local among it.
const policy = `@id("root")
permit (principal == User::"` + rootUser + `", action, resource);

@id("careful")
permit (
    principal == User::"` + carefulUser + `",
    action in [Action::"connect", Action::"read", Action::"write", Action::"session", Action::"show", Action::"ddl"],
    resource
);
`

// twins are what two servers have in common, of which one stands behind a gateway.
type twins struct {
	settings map[string]string
	setUp    func(context.Context, *testenv.MariaDBServer) error
}

// mysqlTwins have room for sysbench's tables, and for values of more than one packet.
var mysqlTwins = twins{settings: map[string]string{
	"innodb_buffer_pool_size": "128M", "innodb_log_file_size": "96M", "max_allowed_packet": "256M", "local_infile": "ON",
}}

// start starts the twins, and a gateway before the second.
func (w twins) start(ctx context.Context, root, dir string) (direct, through *way, end func() error, err error) {
	g := &testenv.Gateway{Bin: filepath.Join(root, "bin", "gatefold"), Dir: filepath.Join(dir, "gate")}
	var servers []*testenv.MariaDBServer
	stop := func() error {
		err := g.Stop()
		for _, s := range servers {
			err = errors.Join(err, s.Close())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	for _, name := range []string{"direct", "through"} {
		s, err := testenv.MariaDB(ctx, testenv.Options{Dir: filepath.Join(dir, name), TLS: true, Owned: true, Settings: w.settings})
		if err != nil {
			return nil, nil, nil, err
		}
		servers = append(servers, s)
		if w.setUp == nil {
			continue
		}
		if err := w.setUp(ctx, s); err != nil {
			return nil, nil, nil, err
		}
	}
	d, t := mysqlEnd{server: servers[0]}, mysqlEnd{server: servers[1]}
	d.login, d.careful = servers[0].Login(), servers[0].Login()
	if t.login, t.careful, err = gateMySQL(ctx, g, servers[1]); err != nil {
		return nil, nil, nil, err
	}
	d.certified = d.login
	d.certified.Password = "" // an account that the suite finds has none
	if t.certified, err = certified(t.login, servers[1].Authority, filepath.Join(dir, "client")); err != nil {
		return nil, nil, nil, err
	}
	npm := filepath.Join(dir, "npm")
	direct, through = &way{name: "direct", root: root, npm: npm, mysql: d}, &way{name: "through", root: root, npm: npm, mysql: t}
	for _, w := range []*way{direct, through} {
		w.server, w.hidden = filepath.Join(w.mysql.server.Dir, "run"), []string{w.mysql.port(), "PORT", w.mysql.login.Password, "PASSWORD"}
		w.mysql.cnf = filepath.Join(dir, w.name+".cnf")
		w.login = w.mysql.cnf
		if err := os.WriteFile(w.mysql.cnf, w.mysql.login.OptionFile(), 0o600); err != nil {
			return nil, nil, nil, err
		}
	}
	return direct, through, stop, nil
}

// certified is a login with a certificate of its user's name. The gateway takes it for proof.
func certified(l testenv.MySQLLogin, a *testenv.Authority, path string) (testenv.MySQLLogin, error) {
	cert, err := a.Client(l.User)
	if err != nil {
		return l, err
	}
	l.Password, l.Cert, l.Key = "", path+".crt", path+".key"
	return l, errors.Join(os.WriteFile(l.Cert, cert.Cert, 0o644), os.WriteFile(l.Key, cert.Key, 0o600))
}

// gateMySQL starts the gateway and returns the logins of its users.
func gateMySQL(ctx context.Context, g *testenv.Gateway, s *testenv.MariaDBServer) (login, careful testenv.MySQLLogin, err error) {
	err = errors.Join(g.Stop(), os.RemoveAll(g.Dir), os.MkdirAll(g.Dir, 0o700), g.PickAddresses(0, 0, 0, 0))
	if err != nil {
		return login, careful, err
	}
	ca := filepath.Join(g.Dir, "clients.pem")
	if err := os.WriteFile(ca, s.Authority.CA, 0o600); err != nil {
		return login, careful, err
	}
	t := testenv.FrontTarget{Name: "compat", Own: true, Server: &s.Server, Database: "", Account: "root"}
	err = g.WriteConfig("compat", testenv.Front{
		Targets: []testenv.FrontTarget{t}, Groups: "{}", MaxStatement: "64MiB", MySQLClientCA: ca,
		Policies: map[string][]byte{"compat.cedar": []byte(policy)},
	})
	if err != nil {
		return login, careful, err
	}
	if err := g.Run(ctx, s.Password+"\n", "secret", "add", t.Secret(), "--user", s.Superuser); err != nil {
		return login, careful, err
	}
	for _, u := range []struct {
		name  string
		login *testenv.MySQLLogin
	}{{rootUser, &login}, {carefulUser, &careful}} {
		password := testenv.NewPassword()
		if err := g.Run(ctx, password+"\n", "user", "add", u.name, "--password-stdin", "--mysql-native"); err != nil {
			return login, careful, err
		}
		if *u.login, err = g.MySQLLogin(u.name, password); err != nil {
			return login, careful, err
		}
	}
	return login, careful, g.Start(ctx)
}

// mysqlTool is one of MariaDB's programs with the login's option file.
func (a *attempt) mysqlTool(ctx context.Context, name string, args ...string) *exec.Cmd {
	path, err := testenv.MariaDBBinary(name)
	if err != nil {
		path = name // running it says that it is missing
	}
	return a.command(ctx, path, append([]string{"--defaults-file=" + a.mysql.cnf}, args...)...)
}
