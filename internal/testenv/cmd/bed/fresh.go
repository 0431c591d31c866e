package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/internal/testenv"
)

const (
	user     = "bed" // gatefold's user; it acts as each server's superuser
	database = "bed" // one to begin with; any other works too
)

// allowAllPath is a policy that refuses nothing, not even what can't be understood, from the module's root.
const allowAllPath = "internal/policy/allow-all.cedar"

// targets are the bed's servers.
type targets struct {
	postgres *testenv.PostgresServer
	mariadb  *testenv.MariaDBServer
	ssh      *testenv.SSHServer
}

// fresh starts new servers and a gateway with a new configuration and state, and writes .bed/env.
func (b *bed) fresh(ctx context.Context) (env, error) {
	if err := b.down(); err != nil {
		return nil, err
	}
	if err := remove(filepath.Join(b.dir, "state"), filepath.Join(b.dir, "master.key")); err != nil {
		return nil, err
	}
	t, err := b.startTargets(ctx)
	if err != nil {
		return nil, err
	}
	l, err := b.configure(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := b.gate.Start(ctx); err != nil { // it makes its host keys at its first start
		return nil, err
	}
	return b.writeEnv(t, l)
}

func (b *bed) startTargets(ctx context.Context) (t targets, err error) {
	if t.postgres, err = testenv.Postgres(ctx, testenv.Options{Dir: b.postgresDir(), TLS: true}); err != nil {
		return t, err
	}
	if err := t.postgres.Exec(ctx, testenv.Superuser, "CREATE DATABASE "+database); err != nil {
		return t, err
	}
	// Room for sysbench's tables, and for statements of more than one packet.
	settings := map[string]string{"innodb_buffer_pool_size": "128M", "max_allowed_packet": "256M"}
	if t.mariadb, err = testenv.MariaDB(ctx, testenv.Options{Dir: b.mariadbDir(), TLS: true, Settings: settings}); err != nil {
		return t, err
	}
	if err := t.mariadb.Exec(ctx, "", "CREATE DATABASE "+database); err != nil {
		return t, err
	}
	t.ssh, err = testenv.OpenSSH(ctx, testenv.Options{Dir: b.sshDir()})
	return t, err
}

// logins are what the gateway's user logs in with.
type logins struct{ password, key string }

// configure writes what the gateway goes by and returns what its user, of whom it keeps all that any client can log in with,
// logs in with.
func (b *bed) configure(ctx context.Context, t targets) (l logins, err error) {
	allowAll, err := os.ReadFile(allowAllPath)
	if err != nil {
		return l, fmt.Errorf("read the bed's policy (run this in the module's root): %w", err)
	}
	if err := b.gate.PickAddresses(6433, 3308, 2223, 9188); err != nil {
		return l, err
	}
	databases := []testenv.FrontTarget{
		{Name: "bed", Own: true, Server: &t.postgres.Server, Database: database, Account: "super"},
		{Name: "bed-mysql", Own: true, Server: &t.mariadb.Server, Database: database, Account: "root"},
	}
	host := testenv.FrontTarget{Name: "bed-ssh", Own: true, Server: &t.ssh.Server, Account: "admin", HostKeys: t.ssh.HostKeys, Env: `[LANG, "LC_*", "GF_*"]`}
	f := testenv.Front{Targets: append(databases, host), Groups: "{}", Policies: map[string][]byte{"allow-all.cedar": allowAll}}
	if err := b.gate.WriteConfig("bed", f); err != nil {
		return l, err
	}
	for _, target := range databases {
		s := target.Server
		if err := b.gate.Run(ctx, s.Password+"\n", "secret", "add", target.Secret(), "--user", s.Superuser); err != nil {
			return l, err
		}
	}
	if err := b.gate.AddSSHSecret(ctx, host, t.ssh); err != nil {
		return l, err
	}
	l.password = testenv.NewPassword()
	if err := b.gate.Run(ctx, l.password+"\n", "user", "add", user, "--password-stdin", "--mysql-native"); err != nil {
		return l, err
	}
	l.key, err = b.gate.AddSSHKey(ctx, user)
	return l, err
}

func (b *bed) writeEnv(t targets, l logins) (env, error) {
	host, port, err := net.SplitHostPort(b.gate.Listen)
	if err != nil {
		return nil, err
	}
	pg := t.postgres
	e := env{
		"PG_DIRECT_HOST": pg.Host, "PG_DIRECT_PORT": strconv.Itoa(pg.Port), "PG_DIRECT_USER": pg.Superuser,
		"PG_DIRECT_PASSWORD": pg.Password, "PG_DIRECT_DB": database, "PG_DIRECT_CA": pg.CA,
		"PG_GATE_HOST": host, "PG_GATE_PORT": port, "PG_GATE_USER": user,
		"PG_GATE_PASSWORD": l.password, "PG_GATE_DB": database, "PG_GATE_CA": b.gate.CA(),
		"GATEFOLD_BIN": b.gate.Bin, "GATEFOLD_CONFIG": b.gate.Config(), "GATEFOLD_ADMIN": b.gate.Admin,
	}
	gate, err := b.gate.MySQLLogin(user, l.password)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.addMySQL(e, "MYSQL_DIRECT_", t.mariadb.Login()), b.addMySQL(e, "MYSQL_GATE_", gate)); err != nil {
		return nil, err
	}
	key, err := b.ownKey(t.ssh.Key)
	if err != nil {
		return nil, err
	}
	direct := t.ssh.Login()
	direct.Key = key
	through, err := b.gate.SSHLogin(user, l.key)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.addSSH(e, "SSH_DIRECT_", direct), b.addSSH(e, "SSH_GATE_", through)); err != nil {
		return nil, err
	}
	return e, os.WriteFile(b.envPath(), []byte(e.String()), 0o600)
}

// ownKey copies the key that logs in to the server itself to a place that stays the same.
func (b *bed) ownKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	own := filepath.Join(b.dir, "direct.key")
	if err := remove(own); err != nil { // another's mode would stay
		return "", err
	}
	return own, os.WriteFile(own, text, 0o600)
}

// addSSH adds one way to OpenSSH: what libraries want to know, and a configuration for programs, whose host is target.
func (b *bed) addSSH(e env, way string, l testenv.SSHLogin) error {
	name := strings.ToLower(strings.TrimSuffix(way, "_"))
	config, err := l.Config(b.dir, name, "target")
	if err != nil {
		return err
	}
	maps.Copy(e, env{
		way + "HOST": l.Host, way + "PORT": strconv.Itoa(l.Port), way + "USER": l.User, way + "KEY": l.Key,
		way + "KNOWN_HOSTS": filepath.Join(b.dir, name+".known_hosts"), way + "CONFIG": config,
	})
	return nil
}

// addMySQL adds one way to MariaDB: what drivers want to know, and an option file for programs.
func (b *bed) addMySQL(e env, way string, l testenv.MySQLLogin) error {
	file := filepath.Join(b.dir, strings.ToLower(strings.TrimSuffix(way, "_"))+".cnf")
	maps.Copy(e, env{
		way + "HOST": l.Host, way + "PORT": strconv.Itoa(l.Port), way + "USER": l.User, way + "PASSWORD": l.Password,
		way + "DATABASE": database, way + "CA": l.CA, way + "CNF": file,
	})
	if err := remove(file); err != nil { // another's mode would stay
		return err
	}
	return os.WriteFile(file, l.OptionFile(), 0o600)
}
