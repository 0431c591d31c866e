package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	gossh "golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/config"
)

// sshConfigFlags of ssh-config.
type sshConfigFlags struct {
	listener, host string
	known          bool
}

func (m *Main) sshConfigCmd() *cobra.Command {
	var f sshConfigFlags
	cmd := &cobra.Command{
		Use:   "ssh-config USER [TARGET]",
		Short: "Print what to put in ~/.ssh/config to reach targets through the gateway",
		Long: `Print a Host for each target that speaks ssh, or for one, so that USER types "ssh web1", "scp file web1:", "rsync -a dir web1:"
or "git clone web1:repository". Where a target has several accounts, "ssh web1=deploy" is for one that isn't the default.
With --known-hosts print the gateway's host keys instead, as ~/.ssh/known_hosts has them: with them a client knows that it
talks to this gateway from the first time on.`,
		Example: "  gatefold ssh-config alice >> ~/.ssh/config\n  gatefold ssh-config --known-hosts >> ~/.ssh/known_hosts",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if f.known {
				return m.knownHosts(args, f)
			}
			if len(args) == 0 {
				return usageError{hintError{errors.New("ssh-config needs a user"), "usage: gatefold ssh-config USER [TARGET]"}}
			}
			return m.sshConfig(args[0], args[1:], f)
		},
	}
	cmd.Flags().StringVar(&f.listener, "listener", "", "listener to go through (default: one of the target's own, else any)")
	cmd.Flags().StringVar(&f.host, "host", "", "the gateway's host as clients name it (default: the listener's)")
	cmd.Flags().BoolVar(&f.known, "known-hosts", false, "print the gateway's host keys")
	return cmd
}

func (m *Main) sshConfig(user string, targets []string, f sshConfigFlags) error {
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		targets = sshTargets(cfg)
	} else if cfg.Targets[targets[0]].Protocol != "ssh" {
		return usageError{hintError{fmt.Errorf("no SSH target %q", targets[0]), "SSH targets: " + list(sshTargets(cfg))}}
	}
	var out strings.Builder
	for _, target := range targets {
		t := cfg.Targets[target]
		for _, account := range sortedKeys(t.Accounts) {
			host := target + "=" + account
			if account == t.DefaultAccount {
				host, account = target, ""
			}
			c, err := connectionTo(cfg, user, target, dsnFlags{account: account, listener: f.listener, host: f.host})
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, sshHost, host, c.host, c.port, c.user)
		}
	}
	_, err = m.Stdout.Write([]byte(out.String()))
	return err
}

// sshHost asks for no forwards, which the gateway refuses by name: a client then has nothing to complain about. AES-GCM takes
// a third of the CPU that chacha20 does, which OpenSSH would choose by itself.
const sshHost = `Host %s
  HostName %s
  Port %s
  User %s
  Ciphers ^aes128-gcm@openssh.com,aes256-gcm@openssh.com
  ForwardAgent no
  ForwardX11 no

`

func sshTargets(cfg *config.Config) (names []string) {
	for _, name := range sortedKeys(cfg.Targets) {
		if cfg.Targets[name].Protocol == "ssh" {
			names = append(names, name)
		}
	}
	return names
}

// knownHosts prints a line for each of the gateway's keys, or for the authority of its certificates, for each address that
// SSH is spoken at (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
func (m *Main) knownHosts(args []string, f sshConfigFlags) error {
	if len(args) > 0 {
		return usageError{errors.New("ssh-config --known-hosts takes no arguments: the gateway's keys are the same for everybody")}
	}
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	keys, err := hostKeys(cfg)
	if err != nil {
		return err
	}
	found := false
	for _, name := range sortedKeys(cfg.Listeners) {
		l := cfg.Listeners[name]
		if l.Protocol != "ssh" || f.listener != "" && f.listener != name {
			continue
		}
		host, port, err := reachable(l.Address, f.host)
		if err != nil {
			return err
		}
		found = true
		for _, line := range knownLines(knownHost(host, port), keys) {
			fmt.Fprintln(m.Stdout, line)
		}
	}
	if !found {
		return usageError{hintError{errors.New("no listener speaks ssh"), "add one to the configuration's listeners"}}
	}
	return nil
}

func knownHost(host, port string) string {
	if port == "22" {
		return host
	}
	return "[" + host + "]:" + port
}

func knownLines(host string, keys []gossh.Signer) (lines []string) {
	for _, k := range keys {
		mark, pub := "", k.PublicKey()
		if cert, ok := pub.(*gossh.Certificate); ok {
			mark, pub = "@cert-authority ", cert.SignatureKey
		}
		line := mark + host + " " + string(bytes.TrimSpace(gossh.MarshalAuthorizedKey(pub)))
		lines = append(lines, line)
	}
	return lines
}
