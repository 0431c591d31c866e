package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
)

// defaultConfig is read where neither --config nor GATEFOLD_CONFIG says otherwise.
const defaultConfig = "gatefold.yaml"

func (m *Main) configCmd() *cobra.Command {
	return group("config", "Check the configuration, or print an annotated one", "",
		&cobra.Command{
			Use:   "check",
			Short: "Read the configuration and name every mistake in it",
			Long: `Read the configuration as the gateway would and name every mistake in it by file, line and hint. Exit code 2 when
there is one.`,
			Args: exactArgs(0),
			RunE: func(*cobra.Command, []string) error { return m.configCheck() },
		},
		&cobra.Command{
			Use:   "example",
			Short: "Print an annotated configuration with every key",
			Long: `Print an annotated configuration with every key and its default. To begin with:

  gatefold config example > gatefold.yaml`,
			Args: exactArgs(0),
			RunE: func(*cobra.Command, []string) error {
				_, err := m.Stdout.Write(config.Example)
				return err
			},
		},
	)
}

// loadConfig reads the configuration; what is wrong with it is the user's to mend.
func (m *Main) loadConfig() (*config.Config, error) {
	path := m.config
	if path == "" {
		path = defaultConfig
	}
	cfg, err := config.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = hintError{err, "name one with --config or GATEFOLD_CONFIG, or begin with: gatefold config example > gatefold.yaml"}
	}
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

func (m *Main) configCheck() error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "%s is good: %s, %s, %s\n", m.config, count(len(cfg.Listeners), "listener"),
		count(len(cfg.Targets), "target"), count(len(cfg.PolicyFiles), "policy file"))
	if len(cfg.Listeners) == 0 {
		fmt.Fprintln(m.Stdout, "note: without a listener nobody can connect")
	}
	if len(cfg.PolicyFiles) == 0 {
		fmt.Fprintln(m.Stdout, "note: without a policy everything is refused")
	}
	return nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// group is a verb that only has verbs below it.
func group(use, short, long string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.ArbitraryArgs, RunE: onlyVerbs}
	cmd.AddCommand(verbs...)
	return cmd
}

// onlyVerbs runs a command that only has verbs below it: help, or a hint where the verb is mistyped.
func onlyVerbs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, v := range cmd.Commands() {
		if v.IsAvailableCommand() {
			names = append(names, v.Name())
		}
	}
	return usageError{hintError{fmt.Errorf("%s has no verb %q", cmd.CommandPath(), args[0]), "verbs: " + list(names)}}
}

// exactArgs takes n arguments. Its error never repeats them: one may be a password.
func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		err := fmt.Errorf("%s takes %s, not %d", cmd.CommandPath(), count(n, "argument"), len(args))
		hint := "usage: " + cmd.UseLine()
		if len(args) > n && slices.Contains([]string{"user", "secret"}, cmd.Parent().Name()) {
			hint = "a password is never an argument: others on this machine can read it there; see " + cmd.CommandPath() + " --help"
		}
		return usageError{hintError{err, hint}}
	}
}

// changed tells the user what was done, and a running gateway that it was.
func (m *Main) changed(ctx context.Context, cfg *config.Config, what string) error {
	return m.changedAs(ctx, cfg, "", what)
}

// changedAs is changed with each of its lines begun by a comment's mark, where the output is for another program too.
func (m *Main) changedAs(ctx context.Context, cfg *config.Config, comment, what string) error {
	fmt.Fprintln(m.Stdout, comment+what)
	running, err := notify(ctx, cfg)
	if err != nil {
		return hintError{fmt.Errorf("the change is stored, but the running gateway has not taken it: %w", err),
			"it goes on as before; mend the cause and send it a SIGHUP"}
	}
	if running {
		fmt.Fprintln(m.Stdout, comment+"in force in the running gateway")
	}
	return nil
}
