package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/testenv"
)

const (
	sysbenchRows = 100_000
	idle         = 500 // connections whose memory is measured
)

// mysql measures what a transaction of MySQL's costs whoever stands between, what a large result does, and what a
// connection takes that does nothing.
func mysql(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("mysql", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "how many")
	each := flags.Duration("each", 3*time.Second, "how long one way under one load runs in a round")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newMySQLBed(ctx)
	if errors.Is(err, errAbsent) || errors.Is(err, testenv.ErrMissing) {
		fmt.Fprintf(os.Stderr, "LEFT OUT: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	ways, err := b.mysqlWays(ctx, "")
	if err != nil {
		return err
	}
	var plain, secure []load
	for _, threads := range []int{1, 8, 32} {
		plain = append(plain, b.pointSelect("disable", threads, false), b.pointSelect("auto", threads, false))
		secure = append(secure, b.pointSelect("disable", threads, true), b.pointSelect("auto", threads, true))
	}
	for _, loads := range [][]load{plain, secure, {b.allRows(false), b.allRows(true)}} {
		if err := compare(ctx, "haproxy", loads, ways, *rounds, *each); err != nil {
			return err
		}
		fmt.Println()
	}
	return b.idleConnections(ctx)
}

// mysqlWays starts a haproxy and a gatefold, whose folders' names end in suffix.
func (b *bed) mysqlWays(ctx context.Context, suffix string) ([]way, error) {
	ways, err := b.ways(func() (way, error) { return b.haproxy("haproxy" + suffix) },
		func() (way, error) { return b.gatefold(ctx, "gatefold"+suffix, "{journal: 1GiB}") })
	if err != nil {
		return nil, err
	}
	for i := range ways {
		if ways[i].tls, err = b.pems(ways[i], suffix); err != nil {
			return nil, err
		}
	}
	return ways, nil
}

// newMySQLBed starts a MariaDB with sysbench's table.
func newMySQLBed(ctx context.Context) (*bed, error) {
	return makeBed(ctx, "", func(b *bed) error {
		s, err := testenv.MariaDB(ctx, testenv.Options{Owned: true, TLS: true, Settings: map[string]string{
			"max_connections": strconv.Itoa(2*idle + 100), "innodb_buffer_pool_size": "128M", "max_prepared_stmt_count": "100000"}})
		if err != nil {
			return err
		}
		b.close = append(b.close, s.Close)
		b.server = server{"mysql", s.Address(), s.Superuser, s.Password}
		b.ca, b.authority = s.CA, s.Authority
		if err := s.Exec(ctx, "", "CREATE DATABASE "+database); err != nil {
			return err
		}
		_, err = b.sysbench(ctx, b.direct(), "prepare")
		return err
	})
}

// pems writes a folder with the files that sysbench wants for TLS, by the names that it has for them.
func (b *bed) pems(w way, suffix string) (dir string, err error) {
	dir = filepath.Join(b.dir, "tls-"+w.name+suffix)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	client, err := b.authority.Client("bench")
	if err != nil {
		return "", err
	}
	ca := b.ca
	if w.state != "" {
		ca = filepath.Join(w.state, "tls.crt")
	}
	authority, err := os.ReadFile(ca)
	if err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"cacert.pem": authority, "client-cert.pem": client.Cert, "client-key.pem": client.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// sysbench runs oltp_point_select on a way.
func (b *bed) sysbench(ctx context.Context, w way, verb string, more ...string) (string, error) {
	path, err := find("sysbench")
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(w.address)
	if err != nil {
		return "", err
	}
	args := append([]string{"oltp_point_select", "--db-driver=mysql", "--mysql-host=" + host, "--mysql-port=" + port, "--mysql-user=" + w.user,
		"--mysql-password=" + w.password, "--mysql-db=" + database, "--table-size=" + strconv.Itoa(sysbenchRows)}, more...)
	cmd := exec.CommandContext(ctx, path, append(args, verb)...)
	cmd.Env, cmd.Dir = testenv.CleanEnv(), w.tls
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("sysbench %s on %s: %w\n%s", verb, w.name, err, out)
	}
	return string(out), nil
}

var sysbenchDid = regexp.MustCompile(`transactions: +(\d+) +\(([0-9.]+) per sec\.\)`)

// pointSelect reads one row by its key, again and again. prepared: sysbench's db-ps-mode.
func (b *bed) pointSelect(prepared string, threads int, secure bool) load {
	name := map[string]string{"auto": "prepared", "disable": "text"}[prepared] + "-" + strconv.Itoa(threads)
	ssl := "off"
	if secure {
		name, ssl = name+" TLS", "on"
	}
	return load{name, func(ctx context.Context, w way, each time.Duration) (n int, tps float64, err error) {
		out, err := b.sysbench(ctx, w, "run", "--threads="+strconv.Itoa(threads), "--db-ps-mode="+prepared, "--time="+seconds(each), "--mysql-ssl="+ssl)
		if err != nil {
			return 0, 0, err
		}
		m := sysbenchDid.FindStringSubmatch(out)
		if m == nil {
			return 0, 0, fmt.Errorf("sysbench said something unexpected:\n%s", out)
		}
		n, _ = strconv.Atoi(m[1])
		tps, _ = strconv.ParseFloat(m[2], 64)
		return n, tps, nil
	}}
}

// open makes connections of go-sql-driver's on a way.
func (b *bed) open(w way, secure bool) (*sql.DB, error) {
	host, port, err := net.SplitHostPort(w.address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	l := testenv.MySQLLogin{Host: host, Port: n, User: w.user, Password: w.password}
	if secure {
		l.CA = filepath.Join(w.tls, "cacert.pem")
	}
	cfg, err := l.Config(database)
	if err != nil {
		return nil, err
	}
	c, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// allRows reads the whole table, 19 MB in one result.
func (b *bed) allRows(secure bool) load {
	name := strconv.Itoa(sysbenchRows) + " rows"
	if secure {
		name += " TLS"
	}
	return load{name, func(ctx context.Context, w way, each time.Duration) (n int, tps float64, err error) {
		db, err := b.open(w, secure)
		if err != nil {
			return 0, 0, err
		}
		defer db.Close()
		start := time.Now()
		for ; time.Since(start) < each; n++ {
			if err := readAll(ctx, db); err != nil {
				return 0, 0, err
			}
		}
		return n, float64(n) / time.Since(start).Seconds(), nil
	}}
}

func readAll(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "SELECT * FROM sbtest1")
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	if n != sysbenchRows && rows.Err() == nil {
		return fmt.Errorf("%d rows, want %d", n, sysbenchRows)
	}
	return rows.Err()
}

// idleConnections prints what a connection that does nothing takes of the memory of a proxy that has done nothing else:
// first some without TLS, then as many more with it.
func (b *bed) idleConnections(ctx context.Context) error {
	ways, err := b.mysqlWays(ctx, "-idle")
	if err != nil {
		return err
	}
	fmt.Printf("| KiB of anonymous memory for each of %d idle connections | plain | TLS |\n|---|---|---|\n", idle)
	for _, w := range ways[1:] {
		plain, end, err := b.perConnection(ctx, w, false)
		if err != nil {
			return err
		}
		secure, endSecure, err := b.perConnection(ctx, w, true)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.1f | %.1f |\n", w.name, plain, secure)
		if err := errors.Join(end(), endSecure()); err != nil {
			return err
		}
	}
	return nil
}

// perConnection opens connections, which end closes, and returns how the proxy grew for each.
func (b *bed) perConnection(ctx context.Context, w way, secure bool) (kib float64, end func() error, err error) {
	_, before, err := resident(w.pid)
	if err != nil {
		return 0, nil, err
	}
	db, err := b.open(w, secure)
	if err != nil {
		return 0, nil, err
	}
	var all []*sql.Conn
	end = func() error {
		for _, c := range all {
			c.Close()
		}
		return db.Close()
	}
	for range idle {
		c, err := db.Conn(ctx)
		if err != nil {
			return 0, nil, errors.Join(err, end())
		}
		all = append(all, c)
		if _, err := c.ExecContext(ctx, "DO 1"); err != nil {
			return 0, nil, errors.Join(err, end())
		}
	}
	_, after, err := resident(w.pid)
	return float64(after-before) / idle, end, err
}
