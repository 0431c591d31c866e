package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/identity"
)

// dsnFlags of dsn.
type dsnFlags struct{ account, database, listener, host, format string }

func (m *Main) dsnCmd() *cobra.Command {
	var f dsnFlags
	cmd := &cobra.Command{
		Use:   "dsn USER TARGET",
		Short: "Print ready connection strings for a user and a target",
		Long: `Print what USER types or pastes to reach TARGET through the gateway: for psql, as a URI, and for JDBC; and where the
target speaks mysql, for MariaDB's client, for MySQL's, whose options differ, as a URI, for JDBC (MariaDB's Connector/J) and
for Go; where it speaks ssh, for ssh, scp, sftp, rsync and git. None holds a password; clients ask for the user's own.`,
		Example: "  gatefold dsn alice orders\n  gatefold dsn alice orders --account app --database shop\n  psql \"$(gatefold dsn alice orders --format uri)\"",
		Args:    exactArgs(2),
		RunE:    func(_ *cobra.Command, args []string) error { return m.dsn(args[0], args[1], f) },
	}
	cmd.Flags().StringVar(&f.account, "account", "", "account of the target (default: the target's default)")
	cmd.Flags().StringVar(&f.database, "database", "", "database (default: the target's default)")
	cmd.Flags().StringVar(&f.listener, "listener", "", "listener to go through (default: one of the target's own, else any)")
	cmd.Flags().StringVar(&f.host, "host", "", "the gateway's host as clients name it (default: the listener's)")
	cmd.Flags().StringVar(&f.format, "format", "all", "psql, uri, jdbc, all; of a mysql target: mariadb, mysql, uri, jdbc, go, all; of an ssh target: ssh, scp, sftp, rsync, git, uri, all")
	return cmd
}

func (m *Main) dsn(user, target string, f dsnFlags) error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	c, err := connectionTo(cfg, user, target, f)
	if err != nil {
		return err
	}
	forms, note := c.forms(), tlsNote(cfg)
	switch cfg.Targets[target].Protocol {
	case "ssh":
		if f.database != "" {
			return usageError{errors.New("an SSH server has no databases")}
		}
		forms, note = sshConnection{c}.forms(), sshNote
	case "mysql":
		mc := mysqlConnection{connection: c}
		if cert, _, own := cfg.Certificate(); own {
			mc.ca = cert
		}
		forms, note = mc.forms(), mc.note()
	}
	if f.format == "all" {
		return m.allForms(forms, note)
	}
	var known []string
	for _, form := range forms {
		switch {
		case form.name == f.format && form.text == "":
			return usageError{hintError{fmt.Errorf("%s has no way to name the database %q", form.label, f.database), "choose another format, or connect without a database"}}
		case form.name == f.format:
			fmt.Fprintln(m.Stdout, form.text)
			return nil
		}
		known = append(known, form.name)
	}
	return usageError{hintError{fmt.Errorf("no format %q", f.format), "it is one of: " + strings.Join(append(known, "all"), ", ")}}
}

// allForms prints what can be said, one below the other.
func (m *Main) allForms(forms []form, note string) error {
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 3, ' ', 0)
	for _, form := range forms {
		if form.text != "" {
			fmt.Fprintf(w, "%s\t%s\n", form.label, form.text)
		}
	}
	fmt.Fprintf(w, "\n%s\n", note)
	return w.Flush()
}

// tlsNote says what the strings' sslmode proves.
func tlsNote(cfg *config.Config) string {
	cert, _, own := cfg.Certificate()
	if own {
		return "sslmode=require: the gateway's certificate is its own. To prove the gateway too, copy " + cert +
			"\nto the client and write sslmode=verify-full sslrootcert=FILE."
	}
	return "sslmode=verify-full: add sslrootcert=FILE (PostgreSQL 16: sslrootcert=system) with the authority of " + cert + "."
}

// connectionTo says how user reaches target.
func connectionTo(cfg *config.Config, user, target string, f dsnFlags) (connection, error) {
	t, ok := cfg.Targets[target]
	if !ok {
		return connection{}, usageError{hintError{fmt.Errorf("no target %q", target), "targets: " + list(sortedKeys(cfg.Targets))}}
	}
	if _, ok := t.Accounts[f.account]; f.account != "" && !ok {
		return connection{}, usageError{hintError{fmt.Errorf("target %s has no account %q", target, f.account), "accounts: " + list(sortedKeys(t.Accounts))}}
	}
	user, err := identity.NormalName(user)
	if err != nil {
		return connection{}, usageError{err}
	}
	l, err := pickListener(cfg, target, f.listener)
	if err != nil {
		return connection{}, err
	}
	isTarget := func(name string) bool { _, ok := cfg.Targets[name]; return ok }
	login, database, err := identity.Login{User: user, Account: f.account, Target: target, Database: f.database}.Compose(l.Target, isTarget)
	if err != nil {
		return connection{}, usageError{err}
	}
	host, port, err := reachable(l.Address, f.host)
	if err != nil {
		return connection{}, err
	}
	mode := "require"
	if _, _, own := cfg.Certificate(); !own {
		mode = "verify-full"
	}
	return connection{host: host, port: port, user: login, database: database, sslmode: mode}, nil
}

// pickListener finds the way to a target: a listener of its own before one that any login may use.
func pickListener(cfg *config.Config, target, name string) (config.Listener, error) {
	speaks := cfg.Targets[target].Protocol
	var own, shared []config.Listener
	for _, each := range sortedKeys(cfg.Listeners) {
		l := cfg.Listeners[each]
		switch {
		case name != "" && each != name || l.Protocol != speaks:
		case l.Target == target:
			own = append(own, l)
		case l.Target == "":
			shared = append(shared, l)
		}
	}
	if both := slices.Concat(own, shared); len(both) > 0 {
		return both[0], nil
	}
	err := fmt.Errorf("no listener leads to %s", target)
	if name != "" {
		err = fmt.Errorf("no listener %q leads to %s", name, target)
	}
	return config.Listener{}, usageError{hintError{err, "add one to the configuration's listeners"}}
}

// reachable is an address as clients name it.
func reachable(address, host string) (string, string, error) {
	bound, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", fmt.Errorf("read listener's address: %w", err)
	}
	if strings.Trim(port, "0") == "" {
		return "", "", usageError{hintError{fmt.Errorf("the listener's port is chosen when the gateway starts"), "give it a port of its own"}}
	}
	if ip, err := netip.ParseAddr(bound); bound == "" || err == nil && ip.IsUnspecified() {
		name, err := os.Hostname()
		if err != nil {
			return "", "", hintError{fmt.Errorf("find this machine's name: %w", err), "add --host"}
		}
		bound = name
	}
	return cmp.Or(host, bound), port, nil
}
