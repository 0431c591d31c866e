package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatefold/gatefold/internal/testenv"
)

//go:embed shop.sql
var shopSQL string

//go:embed salaries.cedar
var salariesCedar []byte

// starterPath is the policy that gatefold comes with, from the module's root.
const starterPath = "internal/policy/starter.cedar"

const (
	database = "shop"
	login    = "alice@orders"
)

// demo is one run.
type demo struct {
	out      io.Writer
	colour   bool
	server   *testenv.PostgresServer
	mariadb  *testenv.MariaDBServer
	ssh      *testenv.SSHServer
	gate     *testenv.Gateway
	password string // alice's
	secret   string // of the account app on each server; alice never sees it
}

// setUp starts the servers and the gateway, telling what it does.
func (d *demo) setUp(ctx context.Context) (err error) {
	d.heading("A throwaway PostgreSQL, with SCRAM and TLS")
	d.server, err = testenv.Postgres(ctx, testenv.Options{Dir: filepath.Join(d.gate.Dir, "postgres"), TLS: true, LogStatements: true})
	if err != nil {
		return err
	}
	d.secret, d.password = testenv.NewPassword(), testenv.NewPassword()
	if err := d.makeShop(ctx); err != nil {
		return err
	}
	d.say("listening on %s, in .demo/postgres; tables customers, orders, salaries; login app, with a generated password", d.server.Address())
	f := testenv.Front{
		Targets: []testenv.FrontTarget{{Name: "orders", Server: &d.server.Server, Database: database, Account: "app"}},
		Groups:  "{dba: [alice], operator: [alice]}",
	}
	if err := d.gate.PickAddresses(6432, 3307, 2222, 9187); err != nil {
		return err
	}
	if err := d.startMariaDB(ctx, &f); err != nil {
		return err
	}
	if err := d.startOpenSSH(ctx, &f); err != nil {
		return err
	}
	return d.startGateway(ctx, f)
}

func (d *demo) startGateway(ctx context.Context, f testenv.Front) error {
	d.heading("A gateway in front of them")
	if err := d.configure(f); err != nil {
		return err
	}
	databases, host := f.Targets[:2], f.Targets[2]
	for _, target := range databases {
		if err := d.verb(ctx, d.secret+"\n", "the generated password", "secret", "add", target.Secret(), "--user", "app"); err != nil {
			return err
		}
	}
	if err := d.verb(ctx, d.password+"\n", "alice's password", "user", "add", "alice", "--password-stdin"); err != nil {
		return err
	}
	if err := d.addKeys(ctx, host); err != nil {
		return err
	}
	d.command("%s serve -c .demo/gatefold.yaml &", binName)
	if err := d.gate.Start(ctx); err != nil {
		return err
	}
	d.say("listening on %s; http://%s/healthz says ok", d.gate.Listen+", "+d.gate.MySQL+" and "+d.gate.SSH, d.gate.Admin)
	return nil
}

func (d *demo) makeShop(ctx context.Context) error {
	role := fmt.Sprintf("CREATE ROLE app LOGIN PASSWORD '%s'", d.secret)
	for _, sql := range []string{role, "CREATE DATABASE " + database + " OWNER app"} {
		if err := d.server.Exec(ctx, testenv.Superuser, sql); err != nil {
			return err
		}
	}
	return d.server.Exec(ctx, database, "SET ROLE app; "+shopSQL)
}

// configure writes configuration and policies: what gatefold comes with, and one rule more.
func (d *demo) configure(f testenv.Front) error {
	starter, err := os.ReadFile(starterPath)
	if err != nil {
		return fmt.Errorf("read the starter policy (run this in the module's root): %w", err)
	}
	f.Policies = map[string][]byte{"starter.cedar": starter, "salaries.cedar": salariesCedar}
	return d.gate.WriteConfig("demo", f)
}

// verb shows and runs a verb of gatefold that reads a secret from its input.
func (d *demo) verb(ctx context.Context, stdin, from string, args ...string) error {
	d.command("%s %s -c .demo/gatefold.yaml    # reads %s from its input", binName, strings.Join(args, " "), from)
	cmd := d.gate.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return d.run(cmd)
}
