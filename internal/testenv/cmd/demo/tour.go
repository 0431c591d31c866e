package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatefold/gatefold/internal/testenv"
)

//go:embed tour.sql
var tourSQL []byte

const binName = "bin/gatefold"

// tour runs real clients through the gateway and then looks at the record as an investigator does. What must come
// out is checked: a tour that shows the wrong thing fails.
func (d *demo) tour(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.program, d.psql, d.search, d.replay, d.atMariaDB, d.atOpenSSH, d.verify} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.heading("That was the tour")
	return nil
}

// program runs a statement with parameters, as programs do.
func (d *demo) program(ctx context.Context) error {
	d.heading("A program (Go, pgx) runs a statement with a parameter")
	const sql = "SELECT name, city FROM customers WHERE id = $1"
	d.command("%s   -- $1 = 3", sql)
	conn, err := pgx.Connect(ctx, d.gate.DSN(login, d.password, database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var name, city string
	if err := conn.QueryRow(ctx, sql, 3).Scan(&name, &city); err != nil {
		return err
	}
	d.say("%s, %s", name, city)
	return conn.Close(ctx)
}

func (d *demo) psql(ctx context.Context) error {
	d.heading("alice works with psql; she has no password of the server")
	script := filepath.Join(d.gate.Dir, "tour.sql")
	if err := os.WriteFile(script, tourSQL, 0o600); err != nil {
		return err
	}
	if err := d.writePgpass(); err != nil {
		return err
	}
	psql, err := testenv.Binary("psql")
	if err != nil {
		return err
	}
	d.command("%s -e -f .demo/tour.sql", d.psqlLine())
	cmd := exec.CommandContext(ctx, psql, "-X", "-e", "-P", "pager=off", "-f", ".demo/tour.sql")
	cmd.Env = d.gate.Env(login, d.password, database)
	said, err := d.capture(cmd)
	if err != nil {
		return err
	}
	return wants("psql", said, "42501", "no-salaries", "still here", "COMMIT", "clock")
}

// writePgpass keeps alice's password where psql looks, so that no line to paste holds it.
func (d *demo) writePgpass() error {
	host, port, err := net.SplitHostPort(d.gate.Listen)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%s:%s:*:%s:%s\n", host, port, login, d.password)
	return os.WriteFile(filepath.Join(d.gate.Dir, "pgpass"), []byte(line), 0o600)
}

// psqlLine is psql through the gateway, to paste in the module's root.
func (d *demo) psqlLine() string {
	host, port, _ := net.SplitHostPort(d.gate.Listen)
	return fmt.Sprintf("PGPASSFILE=.demo/pgpass psql 'host=%s port=%s user=%s dbname=%s sslmode=verify-full sslrootcert=.demo/state/tls.crt'",
		host, port, login, database)
}

func (d *demo) search(ctx context.Context) error {
	d.heading("An investigator finds it")
	if err := d.awaitArchive(ctx, `"still here"`, "still here"); err != nil {
		return err
	}
	for _, q := range []struct{ query, want string }{
		{"user:alice table:customers", "Delft"},
		{"verdict:deny", "salaries"},
	} {
		d.command("%s search -c .demo/gatefold.yaml '%s'", binName, q.query)
		said, err := d.capture(d.gate.Command(ctx, "search", q.query))
		if err != nil {
			return err
		}
		if err := wants("search "+q.query, said, q.want); err != nil {
			return err
		}
	}
	return nil
}

// awaitArchive waits until the last of a client's statements can be found: within a second of its end.
func (d *demo) awaitArchive(ctx context.Context, query, word string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		said, err := d.gate.Command(ctx, "search", query).CombinedOutput()
		if bytes.Contains(said, []byte(word)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("find the client's last statement: search says %q (%v)", said, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (d *demo) replay(ctx context.Context) error {
	d.heading("She replays the session")
	d.command("%s replay -c .demo/gatefold.yaml last", binName)
	said, err := d.capture(d.gate.Command(ctx, "replay", "last"))
	if err != nil {
		return err
	}
	return wants("replay", said, "alice", "COMMIT", "salaries")
}

func (d *demo) verify(ctx context.Context) error {
	d.heading("And proves that the record is whole")
	d.command("%s verify -c .demo/gatefold.yaml", binName)
	return d.run(d.gate.Command(ctx, "verify"))
}

// invite prints lines to paste.
func (d *demo) invite() {
	d.heading("It is all still up. Paste, in another terminal:")
	for _, line := range []string{
		d.psqlLine(),
		mariadbLine,
		sshLine + "   # a shell; end it, and play it with: " + binName + " replay -c .demo/gatefold.yaml last",
		binName + " search -c .demo/gatefold.yaml 'user:alice since:10m'",
		binName + " replay -c .demo/gatefold.yaml last",
		binName + " check -c .demo/gatefold.yaml --user alice --target orders 'DELETE FROM orders'",
		"curl -s http://" + d.gate.Admin + "/metrics",
	} {
		fmt.Fprintf(d.out, "  %s\n", line)
	}
	fmt.Fprintln(d.out, "\nCtrl-C ends it.")
}

func wants(what string, said []byte, words ...string) error {
	for _, w := range words {
		if !bytes.Contains(said, []byte(w)) {
			return fmt.Errorf("%s should have said %q", what, w)
		}
	}
	return nil
}

// capture runs a command, showing and returning what it says.
func (d *demo) capture(cmd *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	w := io.MultiWriter(d.out, &said)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		return said.Bytes(), fmt.Errorf("run %s: %w", filepath.Base(cmd.Path)+" "+strings.Join(cmd.Args[1:], " "), err)
	}
	return said.Bytes(), nil
}

func (d *demo) run(cmd *exec.Cmd) error {
	_, err := d.capture(cmd)
	return err
}

func (d *demo) heading(text string) {
	if d.colour {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Fprintf(d.out, "\n== %s\n", text)
}

func (d *demo) command(format string, args ...any) {
	text := fmt.Sprintf("$ "+format, args...)
	if d.colour {
		text = "\x1b[36m" + text + "\x1b[0m"
	}
	fmt.Fprintf(d.out, "\n%s\n", text)
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, format+"\n", args...)
}
