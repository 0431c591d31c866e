package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/identity"
)

func (m *Main) userCmd() *cobra.Command {
	return group("user", "Manage the people who may log in to the gateway", `Manage the people who may log in to the gateway. Of a password only a SCRAM-SHA-256 verifier is kept, and
with --mysql-native what clients need that know nothing better. Over SSH, a public key or a certificate proves a user, too,
and who has a second factor is asked for its code after the password. A change is in force at once, in a running gateway
too.`,
		m.userAddCmd(),
		&cobra.Command{
			Use: "list", Short: "List users", Args: exactArgs(0),
			RunE: func(*cobra.Command, []string) error { return m.userList() },
		},
		m.userVerb("disable", "Let a user do nothing more, in open sessions too", (*identity.Users).Disable),
		m.userVerb("enable", "Undo disable", (*identity.Users).Enable),
		m.userVerb("remove", "Forget a user", (*identity.Users).Remove),
		m.userKeyCmd(), m.userTOTPCmd(),
	)
}

// passwordFlags say where a new password comes from, the terminal where neither is set, and what is kept of it.
type passwordFlags struct{ stdin, generate, replace, native bool }

func (f passwordFlags) keep() []identity.Keep {
	if f.native {
		return []identity.Keep{identity.KeepNative}
	}
	return nil
}

func (m *Main) userAddCmd() *cobra.Command {
	var f passwordFlags
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user, or with --replace give one a new password",
		Long: `Add a user. The password is asked for twice on the terminal, or is one line of standard input with --password-stdin, or
is made up and printed once with --generate. It is never an argument. It has eight bytes at least.

MySQL's and MariaDB's clients log in by caching_sha2_password or, inside TLS, mysql_clear_password. For those that know only
mysql_native_password, --mysql-native keeps SHA1(SHA1(password)) as well: it has no salt and is quickly guessed at, so give
such users a long password of their own. A new password without the flag forgets it.`,
		Example: "  gatefold user add alice\n  gatefold user add alice --password-stdin < file\n  gatefold user add build@ci.example --generate",
		Args:    exactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return m.userAdd(cmd.Context(), args[0], f) },
	}
	cmd.Flags().BoolVar(&f.stdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&f.generate, "generate", false, "make up a password and print it once")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "give a user who exists a new password")
	cmd.Flags().BoolVar(&f.native, "mysql-native", false, "also keep what mysql_native_password clients need")
	return cmd
}

// openUsers reads the configuration and the users of its state folder.
func (m *Main) openUsers() (*config.Config, *identity.Users, error) {
	cfg, err := m.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	users, err := identity.Open(cfg.State)
	return cfg, users, err
}

// userVerb is a verb that changes one user.
func (m *Main) userVerb(verb, short string, change func(*identity.Users, string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, users, err := m.openUsers()
			if err != nil {
				return err
			}
			if err := change(users, args[0]); err != nil {
				return userHint(err)
			}
			return m.changed(cmd.Context(), cfg, fmt.Sprintf("user %s %sd", args[0], verb))
		},
	}
}

func (m *Main) userAdd(ctx context.Context, name string, f passwordFlags) error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	if name, err = identity.NormalName(name); err != nil {
		return usageError{err}
	}
	users, err := identity.Open(cfg.State)
	if err != nil {
		return err
	}
	before, exists := users.Snapshot().Lookup(name)
	if exists && !f.replace { // said before a password is typed
		return userHint(fmt.Errorf("add user: %w: %s", identity.ErrExists, name))
	}
	password, err := m.userPassword(ctx, name, f)
	if err != nil {
		return err
	}
	defer clear(password)
	done := "user " + name + " added"
	if exists {
		done = "user " + name + " has a new password"
		if before.Native && !f.native {
			done += ", which mysql_native_password clients can't use (--mysql-native)"
		}
		err = users.SetPassword(name, password, f.keep()...)
	} else {
		_, err = users.Add(name, password, f.keep()...)
	}
	if err != nil {
		return userHint(err)
	}
	if f.generate {
		fmt.Fprintf(m.Stdout, "password: %s\n", password)
	}
	return m.changed(ctx, cfg, done)
}

// userPassword returns a user's new password. The caller wipes it.
func (m *Main) userPassword(ctx context.Context, name string, f passwordFlags) ([]byte, error) {
	switch tty, typed := m.terminal(); {
	case f.generate && f.stdin:
		return nil, usageError{errors.New("--generate and --password-stdin: a password comes from one place")}
	case f.generate:
		return newPassword(), nil
	case f.stdin:
		return m.pipedPassword()
	case typed:
		return m.typedPassword(ctx, tty, "password for "+name)
	}
	return nil, usageError{hintError{errors.New("standard input is no terminal to ask for a password"), "use --password-stdin or --generate"}}
}

func (m *Main) userList() error {
	cfg, users, err := m.openUsers()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USER\tSTATE\tCREATED\tKEPT\tGROUPS")
	for _, u := range users.List() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Name, state(u.Disabled), u.Created.Format(time.DateOnly), kept(u), list(cfg.GroupsOf(u.Name)))
	}
	return w.Flush()
}

// kept says what proves a user.
func kept(u identity.User) string {
	what := "scram"
	if u.Native {
		what += "+native"
	}
	if u.Factor {
		what += "+totp"
	}
	if len(u.Keys) > 0 {
		what += ", " + count(len(u.Keys), "key")
	}
	return what
}

func state(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

// userHint adds what to do to an error about a user.
func userHint(err error) error {
	switch {
	case errors.Is(err, identity.ErrExists):
		return hintError{err, "to give them a new password add --replace"}
	case errors.Is(err, identity.ErrNoKey):
		return hintError{err, "see: gatefold user key list NAME"}
	case errors.Is(err, identity.ErrUnknown):
		return hintError{err, "see: gatefold user list"}
	case errors.Is(err, identity.ErrPassword), errors.Is(err, identity.ErrName), errors.Is(err, identity.ErrKey):
		return usageError{err}
	}
	return err
}
