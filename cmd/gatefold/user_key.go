package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/identity"
)

func (m *Main) userKeyCmd() *cobra.Command {
	return group("key", "Manage the public keys that prove a user over SSH", "",
		&cobra.Command{
			Use: "add NAME", Short: "Let public keys prove a user",
			Long: `Let public keys prove a user over SSH. They are read from standard input, one a line as in a .pub file: ed25519, RSA of 2048
bits and more, ECDSA, and security keys of the first and the last. A second factor is not asked for after a key.`,
			Example: "  gatefold user key add alice < id_ed25519.pub\n  ssh-add -L | gatefold user key add alice",
			Args:    exactArgs(1),
			RunE:    func(cmd *cobra.Command, args []string) error { return m.userKeyAdd(cmd.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "list NAME", Short: "List a user's keys", Args: exactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return m.userKeyList(args[0]) },
		},
		&cobra.Command{
			Use: "remove NAME KEY", Short: "Take a key from a user, by its fingerprint or its comment",
			Args: exactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				return m.userKeyRemove(cmd.Context(), args[0], args[1])
			},
		},
	)
}

func (m *Main) userKeyAdd(ctx context.Context, name string) error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	if _, typed := m.terminal(); typed {
		fmt.Fprintln(m.Stderr, "paste public keys, one a line, and end with Ctrl-D:")
	}
	keys, err := m.readKeys()
	if err != nil {
		return usageError{err}
	}
	users, err := identity.Open(cfg.State)
	if err != nil {
		return err
	}
	var done []string
	for _, key := range keys {
		if err := users.AddKey(name, key); err != nil {
			return userHint(err)
		}
		done = append(done, fmt.Sprintf("user %s may log in with %s %s", name, key.Type, key.Fingerprint))
	}
	return m.changed(ctx, cfg, strings.Join(done, "\n"))
}

// readKeys reads public keys from standard input: all of them are good, or none is returned.
func (m *Main) readKeys() (keys []identity.Key, err error) {
	const longest = 1 << 20 // 1 MiB
	text, err := io.ReadAll(io.LimitReader(m.Stdin, longest+1))
	if err != nil || len(text) > longest {
		return nil, errors.Join(err, fmt.Errorf("read keys: standard input has more than %d bytes", longest))
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, err := identity.ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("read keys: line %d: %w", n, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, hintError{errors.New("read keys: standard input has none"), "gatefold user key add NAME < FILE.pub"}
	}
	return keys, nil
}

func (m *Main) userKeyList(name string) error {
	_, users, err := m.openUsers()
	if err != nil {
		return err
	}
	u, ok := users.Snapshot().Lookup(name)
	if !ok {
		return userHint(fmt.Errorf("list keys: %w: %s", identity.ErrUnknown, name))
	}
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TYPE\tFINGERPRINT\tADDED\tCOMMENT")
	for _, k := range u.Keys {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Type, k.Fingerprint, k.Added.Format(time.DateOnly), k.Comment)
	}
	return w.Flush()
}

func (m *Main) userKeyRemove(ctx context.Context, name, which string) error {
	cfg, users, err := m.openUsers()
	if err != nil {
		return err
	}
	key, err := users.RemoveKey(name, which)
	if err != nil {
		return userHint(err)
	}
	return m.changed(ctx, cfg, fmt.Sprintf("user %s may no longer log in with %s %s", name, key.Type, key.Fingerprint))
}
