package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gatefold/gatefold/internal/testenv"
)

// The second target: MariaDB, with tables of its own.
const (
	library      = "library"       // the database
	libraryLogin = "alice@library" // and the target
)

//go:embed library.sql
var librarySQL string

//go:embed library_tour.sql
var libraryTour string

// startMariaDB starts the second server and gives its target to f.
func (d *demo) startMariaDB(ctx context.Context, f *testenv.Front) (err error) {
	d.heading("A throwaway MariaDB, with TLS")
	d.mariadb, err = testenv.MariaDB(ctx, testenv.Options{Dir: filepath.Join(d.gate.Dir, "mariadb"), TLS: true, LogStatements: true})
	if err != nil {
		return err
	}
	for _, sql := range []string{
		"CREATE DATABASE " + library,
		fmt.Sprintf("CREATE USER app IDENTIFIED BY '%s'", d.secret),
		"GRANT ALL ON " + library + ".* TO app",
	} {
		if err := d.mariadb.Exec(ctx, "", sql); err != nil {
			return err
		}
	}
	if err := d.mariadb.Exec(ctx, library, librarySQL); err != nil {
		return err
	}
	d.say("listening on %s, in .demo/mariadb; tables members, loans, salaries; login app, with a generated password", d.mariadb.Address())
	f.Targets = append(f.Targets, testenv.FrontTarget{Name: "library", Server: &d.mariadb.Server, Database: library, Account: "app"})
	return nil
}

// atMariaDB is alice at MariaDB, and what an investigator finds of it.
func (d *demo) atMariaDB(ctx context.Context) error {
	d.heading("alice works with the mariadb client; the same gateway, the same rule")
	if err := d.mariadbClient(ctx); err != nil {
		return err
	}
	if err := d.awaitArchive(ctx, "target:library", "COMMIT"); err != nil {
		return err
	}
	d.command("%s search -c .demo/gatefold.yaml 'target:library verdict:deny'", binName)
	said, err := d.capture(d.gate.Command(ctx, "search", "target:library verdict:deny"))
	if err != nil {
		return err
	}
	if err := wants("search", said, "salaries"); err != nil {
		return err
	}
	d.command("%s replay -c .demo/gatefold.yaml last", binName)
	if said, err = d.capture(d.gate.Command(ctx, "replay", "last")); err != nil {
		return err
	}
	return wants("replay", said, "alice", "Piranesi", "COMMIT", "no-salaries")
}

func (d *demo) mariadbClient(ctx context.Context) error {
	script := filepath.Join(d.gate.Dir, "library_tour.sql")
	if err := os.WriteFile(script, []byte(libraryTour), 0o600); err != nil {
		return err
	}
	l, err := d.gate.MySQLLogin(libraryLogin, d.password)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.gate.Dir, "my.cnf"), l.OptionFile(), 0o600); err != nil {
		return err
	}
	client, err := testenv.MariaDBBinary("mariadb")
	if err != nil {
		return err
	}
	d.command("%s -t -v --force < .demo/library_tour.sql", mariadbLine)
	args := tourArgs(filepath.Join(d.gate.Dir, "my.cnf"))
	cmd := exec.CommandContext(ctx, "stdbuf", append([]string{"-oL", client}, args...)...) // errors stand where they belong
	cmd.Env, cmd.Stdin = testenv.CleanEnv(), strings.NewReader(libraryTour)
	said, err := d.capture(cmd)
	if err != nil {
		return err
	}
	return wants("mariadb", said, "Solaris", "no-salaries", "Piranesi")
}

// tourArgs are the client's: tables, each statement said before its result, and on after an error.
func tourArgs(optionFile string) []string {
	return []string{"--defaults-file=" + optionFile, "-t", "-v", "--force", library}
}

// mariadbLine is the client through the gateway, to paste in the module's root. Its option file holds the password.
const mariadbLine = "mariadb --defaults-file=.demo/my.cnf " + library
