package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"github.com/gatefold/gatefold/internal/testenv"
)

// env is what .bed/env says: NAME=value lines that a shell reads. Values hold no character special to a shell, but
// for paths, which are quoted where they need it.
type env map[string]string

func (e env) String() string {
	var b strings.Builder
	b.WriteString("# gatefold's bed; made by `make bed`. Read it with: set -a; . .bed/env\n")
	for _, name := range slices.Sorted(maps.Keys(e)) {
		fmt.Fprintf(&b, "%s=%s\n", name, quote(e[name]))
	}
	return b.String()
}

const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+="

func quote(s string) string {
	if strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '\'' {
		return s
	}
	return strings.ReplaceAll(s[1:len(s)-1], `'\''`, "'")
}

func readEnv(path string) (env, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	e := env{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			e[name] = unquote(value)
		}
	}
	return e, nil
}

func (e env) address(way string) string { return net.JoinHostPort(e[way+"HOST"], e[way+"PORT"]) }

// The ways to each server.
var (
	postgresWays = []string{"PG_DIRECT_", "PG_GATE_"}
	mysqlWays    = []string{"MYSQL_DIRECT_", "MYSQL_GATE_"}
	sshWays      = []string{"SSH_DIRECT_", "SSH_GATE_"}
)

// check asks each server for its port both ways: .bed/env must be true before anyone builds on it.
func (e env) check(ctx context.Context) error {
	for _, way := range postgresWays {
		if err := e.askPostgres(ctx, way); err != nil {
			return fmt.Errorf("check the bed by %sHOST: %w", way, err)
		}
	}
	for _, way := range mysqlWays {
		if err := e.askMariaDB(ctx, way); err != nil {
			return fmt.Errorf("check the bed by %sHOST: %w", way, err)
		}
	}
	for _, way := range sshWays {
		if err := e.askSSH(ctx, way); err != nil {
			return fmt.Errorf("check the bed by %sHOST: %w", way, err)
		}
	}
	return nil
}

func (e env) askPostgres(ctx context.Context, way string) error {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s sslmode=verify-full sslrootcert='%s'",
		e[way+"HOST"], e[way+"PORT"], e[way+"USER"], e[way+"PASSWORD"], e[way+"DB"], e[way+"CA"]))
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var port string
	if err := conn.QueryRow(ctx, "SELECT current_setting('port')").Scan(&port); err != nil {
		return err
	}
	return is(port, e["PG_DIRECT_PORT"])
}

func (e env) askMariaDB(ctx context.Context, way string) error {
	port, err := strconv.Atoi(e[way+"PORT"])
	if err != nil {
		return err
	}
	l := testenv.MySQLLogin{Host: e[way+"HOST"], Port: port, User: e[way+"USER"], Password: e[way+"PASSWORD"], CA: e[way+"CA"]}
	config, err := l.Config(e[way+"DATABASE"])
	if err != nil {
		return err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, "SELECT @@port").Scan(&said); err != nil {
		return err
	}
	return is(said, e["MYSQL_DIRECT_PORT"])
}

// askSSH asks a program at the server which port it was reached at (ssh(1), SSH_CONNECTION).
func (e env) askSSH(ctx context.Context, way string) error {
	ssh, err := testenv.SSHBinary("ssh")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, ssh, "-F", e[way+"CONFIG"], "target", `echo "$SSH_CONNECTION"`)
	cmd.Env = testenv.CleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	f := strings.Fields(string(out))
	if len(f) != 4 {
		return fmt.Errorf("it says %q", out)
	}
	return is(f[3], e["SSH_DIRECT_PORT"])
}

func is(port, want string) error {
	if port != want {
		return fmt.Errorf("it is another server, of port %s", port)
	}
	return nil
}
