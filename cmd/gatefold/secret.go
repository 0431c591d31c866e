package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/vault"
)

func (m *Main) secretCmd() *cobra.Command {
	return group("secret", "Manage the credentials that the gateway logs in to targets with", `Manage the credentials that the gateway logs in to targets with. They are sealed in the state folder under a master key,
which vault.key of the configuration names and the first use makes. No verb shows a secret. A change is in force for the
next session, in a running gateway too.`,
		m.secretAddCmd(),
		&cobra.Command{
			Use: "list", Short: "List secrets, without what they hide", Args: exactArgs(0),
			RunE: func(*cobra.Command, []string) error { return m.secretList() },
		},
		m.secretVerb("disable", "Keep a secret and let no session use it", func(v *vault.Sealed, name string) error { return v.SetDisabled(name, true) }),
		m.secretVerb("enable", "Undo disable", func(v *vault.Sealed, name string) error { return v.SetDisabled(name, false) }),
		m.secretVerb("remove", "Forget a secret", (*vault.Sealed).Remove),
	)
}

// secretFlags of secret add.
type secretFlags struct {
	user              string
	generate, replace bool
	sshKey, sshCA     bool
}

func (m *Main) secretAddCmd() *cobra.Command {
	var f secretFlags
	cmd := &cobra.Command{
		Use:   "add NAME --user LOGIN",
		Short: "Add a secret, or with --replace rotate one",
		Long: `Add the secret that an account of the configuration names: a login name of the target and its password. The password is
asked for twice on the terminal, or is one line of standard input. It is never an argument.

With --generate it is made up and shown to nobody: what is printed is the statement that sets it on the target, which
holds a verifier and not the password. With --replace the old password is then no longer used.

An SSH server can be logged in to with more than a password. With --ssh-key the secret is a private key, which is the whole
of standard input or made by --generate; what is printed is its public key, for the login's ~/.ssh/authorized_keys there.
With --ssh-ca that key is an authority's: for each session it signs a certificate for some minutes, which names the user
and the session. What is printed then goes into the file that TrustedUserCAKeys of sshd_config names.`,
		Example: "  gatefold secret add orders-app --user app\n  gatefold secret add orders-app --user app < file\n" +
			"  gatefold secret add orders-app --user app --generate | psql ... # as the target's superuser\n" +
			"  gatefold secret add web1-root --user root --ssh-key < key\n  gatefold secret add web1-root --user root --ssh-ca --generate",
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return m.secretAdd(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVarP(&f.user, "user", "u", "", "the login name on the target")
	cmd.Flags().BoolVar(&f.generate, "generate", false, "make up a password and print the statement that sets it; or a key, and print its public part")
	cmd.Flags().BoolVar(&f.sshKey, "ssh-key", false, "the secret is an SSH private key")
	cmd.Flags().BoolVar(&f.sshCA, "ssh-ca", false, "the secret is the private key of an SSH authority, which signs certificates")
	cmd.MarkFlagsMutuallyExclusive("ssh-key", "ssh-ca")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "replace a secret that exists")
	return cmd
}

// secretVerb is a verb that changes one secret.
func (m *Main) secretVerb(verb, short string, change func(*vault.Sealed, string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := m.loadConfig()
			if err != nil {
				return err
			}
			v, err := m.openVault(cfg)
			if err != nil {
				return err
			}
			defer v.Close()
			if err := change(v, args[0]); err != nil {
				return secretHint(err)
			}
			return m.changed(cmd.Context(), cfg, fmt.Sprintf("secret %s %sd", args[0], verb))
		},
	}
}

func (m *Main) secretAdd(ctx context.Context, name string, f secretFlags) error {
	if f.user == "" {
		return usageError{hintError{errors.New("secret add needs the login name on the target"), "add --user LOGIN"}}
	}
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	v, err := m.openVault(cfg)
	if err != nil {
		return err
	}
	defer v.Close()
	if exists, err := has(v, name); err != nil || exists && !f.replace {
		if err == nil {
			err = hintError{fmt.Errorf("secret %s exists", name), "to rotate it add --replace"}
		}
		return err
	}
	var secret []byte
	var public string
	if f.sshKey || f.sshCA {
		secret, public, err = m.sshSecret(name, f)
	} else {
		secret, err = m.newSecret(ctx, name, f)
	}
	if err != nil {
		return err
	}
	defer clear(secret)
	entry, err := v.Put(name, &vault.Credential{User: f.user, Secret: secret})
	if err != nil {
		return secretHint(err)
	}
	done := fmt.Sprintf("secret %s stored, version %s", name, entry.Version)
	if public != "" {
		fmt.Fprintln(m.Stdout, public)
		return m.changedAs(ctx, cfg, "# ", done)
	}
	if !f.generate {
		return m.changed(ctx, cfg, done)
	}
	statement, err := alterRole(f.user, secret)
	if err != nil {
		return err
	}
	fmt.Fprintln(m.Stdout, statement)
	return m.changedAs(ctx, cfg, "-- ", done)
}

func has(v *vault.Sealed, name string) (bool, error) {
	entries, err := v.List()
	for _, e := range entries {
		if e.Name == name {
			return true, nil
		}
	}
	return false, err
}

// newSecret returns a target's password. The caller wipes it.
func (m *Main) newSecret(ctx context.Context, name string, f secretFlags) ([]byte, error) {
	if f.generate {
		return newPassword(), nil
	}
	if tty, ok := m.terminal(); ok {
		return m.typedPassword(ctx, tty, fmt.Sprintf("password of %s for secret %s", f.user, name))
	}
	return m.pipedPassword()
}

// alterRole sets a password on a PostgreSQL server without telling it to the server's log, the shell's history or the
// screen: by its verifier.
func alterRole(role string, password []byte) (string, error) {
	verifier, err := scram.NewVerifier(password, scram.Iterations)
	if err != nil {
		return "", fmt.Errorf("make verifier: %w", err)
	}
	return fmt.Sprintf(`ALTER ROLE "%s" PASSWORD '%s';`, strings.ReplaceAll(role, `"`, `""`), verifier), nil
}

func (m *Main) secretList() error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	v, err := m.openVault(cfg)
	if err != nil {
		return err
	}
	defer v.Close()
	entries, err := v.List()
	if err != nil {
		return err
	}
	used := secretUses(cfg)
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SECRET\tLOGIN\tKIND\tVERSION\tSTATE\tCREATED\tUSED BY")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.User, e.Kind, e.Version, state(e.Disabled), e.Created.Format(time.DateOnly), list(used[e.Name]))
		delete(used, e.Name)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, name := range sortedKeys(used) {
		fmt.Fprintf(m.Stdout, "missing: %s, which %s needs\n", name, list(used[name]))
	}
	return nil
}

// secretUses tells which accounts name a secret, as account@target.
func secretUses(cfg *config.Config) map[string][]string {
	used := make(map[string][]string)
	for _, target := range sortedKeys(cfg.Targets) {
		for _, account := range sortedKeys(cfg.Targets[target].Accounts) {
			secret := cfg.Targets[target].Accounts[account].Secret
			used[secret] = append(used[secret], account+"@"+target)
		}
	}
	return used
}

// openVault opens the sealed credentials. Where there is neither a vault nor a key file yet, it makes the key.
func (m *Main) openVault(cfg *config.Config) (*vault.Sealed, error) {
	key, err := m.masterKey(cfg)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	v, err := vault.OpenSealed(cfg.VaultFile(), key)
	if errors.Is(err, vault.ErrWrongKey) {
		return nil, hintError{err, "vault.key of the configuration must name the key that it was made with"}
	}
	return v, err
}

// masterKey returns the vault's master key, which the caller wipes.
func (m *Main) masterKey(cfg *config.Config) ([]byte, error) {
	if name := cfg.Vault.Key.Env; name != "" {
		key, err := vault.ParseKey([]byte(m.Getenv(name)))
		if err != nil {
			return nil, usageError{hintError{fmt.Errorf("load master key from the environment's %s: %w", name, err), "to make one: openssl rand -base64 32"}}
		}
		return key, nil
	}
	file := cfg.Vault.Key.File
	key, err := vault.LoadKey(file)
	if !errors.Is(err, vault.ErrNoKey) {
		return key, err
	}
	if _, sealed := os.Stat(cfg.VaultFile()); !errors.Is(sealed, fs.ErrNotExist) {
		return nil, hintError{err, "bring back the key that " + cfg.VaultFile() + " was sealed under; without it nothing opens the vault"}
	}
	if key, err = vault.NewKey(file); errors.Is(err, fs.ErrExist) { // another verb was faster
		return vault.LoadKey(file)
	}
	if err == nil {
		fmt.Fprintf(m.Stderr, "made the master key %s: keep a copy apart from the state folder, without it nothing opens the vault\n", file)
	}
	return key, err
}

// secretHint adds what to do to an error about a secret.
func secretHint(err error) error {
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return hintError{err, "see: gatefold secret list"}
	case errors.Is(err, vault.ErrName), errors.Is(err, vault.ErrSecret):
		return usageError{err}
	}
	return err
}
