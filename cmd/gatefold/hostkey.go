package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	gossh "golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/protocols/ssh"
)

// fetchTime bounds how long a server may take to show its keys.
const fetchTime = 15 * time.Second

func (m *Main) hostKeyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "host-key TARGET|HOST:PORT",
		Short: "Print an SSH server's host keys, for host_keys of a target",
		Long: `Ask an SSH server for its host keys and print them as host_keys of a target has them, each with its fingerprint. Who answers
is not proved by that: compare the fingerprints on the server itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) and
write one into the configuration.

For a target of the configuration it also says which keys are pinned; the exit code is 3 where the server has none of them.`,
		Example: "  gatefold host-key web1.internal:22\n  gatefold host-key web1",
		Args:    exactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return m.hostKey(cmd.Context(), args[0]) },
	}
}

func (m *Main) hostKey(ctx context.Context, name string) error {
	network, address, pinned, err := m.sshServer(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	keys, err := ssh.FetchHostKeys(ctx, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	})
	if err != nil {
		return fmt.Errorf("fetch the host keys of %s: %w", address, err)
	}
	good := false
	fmt.Fprintln(m.Stdout, "host_keys:")
	for _, key := range keys {
		line := strings.TrimSpace(string(gossh.MarshalAuthorizedKey(key)))
		note := ""
		if slices.ContainsFunc(pinned, func(pin string) bool { return samePublicKey(pin, key) }) {
			note, good = ", pinned", true
		}
		fmt.Fprintf(m.Stdout, "  - %q # %s%s\n", line, gossh.FingerprintSHA256(key), note)
	}
	if pinned != nil && !good {
		fmt.Fprintln(m.Stdout, "# none of them is pinned: sessions on this target are refused")
		return errNo
	}
	return nil
}

// sshServer is where a target is, and its pinned keys; or an address as it stands, which needs no configuration.
func (m *Main) sshServer(name string) (network, address string, pinned []string, err error) {
	if _, _, err := net.SplitHostPort(name); err == nil {
		return "tcp", name, nil, nil
	}
	cfg, err := m.loadConfig()
	if err != nil {
		return "", "", nil, err
	}
	t, ok := cfg.Targets[name]
	if !ok || t.Protocol != "ssh" {
		err := fmt.Errorf("no SSH target %q", name)
		return "", "", nil, usageError{hintError{err, "name a target of the configuration that speaks ssh, or HOST:PORT"}}
	}
	if len(t.HostKeys) == 0 {
		return "", "", nil, usageError{errors.New("the target has no host_keys: its host certificate proves it")}
	}
	if strings.HasPrefix(t.Address, "/") {
		return "unix", t.Address, t.HostKeys, nil
	}
	return "tcp", t.Address, t.HostKeys, nil
}

func samePublicKey(line string, key gossh.PublicKey) bool {
	pin, err := config.ParsePublicKey(line)
	return err == nil && string(pin.Marshal()) == string(key.Marshal())
}
