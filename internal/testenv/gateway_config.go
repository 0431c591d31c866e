package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Front is what a gateway stands before and whom it lets through.
type Front struct {
	Targets  []FrontTarget
	Groups   string            // YAML flow mapping: {dba: [alice]}
	Policies map[string][]byte // file name -> Cedar

	MySQLClientCA string // PEM file of the authority whose certificates prove clients of MySQL; empty: none does
	MaxStatement  string // as the configuration has it; empty: the default
}

// FrontTarget is one target, and that the gateway's listener of its protocol leads there.
type FrontTarget struct {
	Name     string
	Server   *Server
	Own      bool   // the listener has this target as its own; else the login names it
	Database string // the target's default
	Account  string // the only one; its secret in the vault is Secret()

	HostKeys []string // of an SSH server: the keys that it may have, as authorized_keys has them
	Env      string   // and what a client may set there, a YAML flow list; empty: the gateway's default
}

// Secret is the name of the account's secret in the vault.
func (t FrontTarget) Secret() string { return t.Name + "-" + t.Account }

const configHead = `# Written by %[1]s; all keys are in: gatefold config example
gateway: %[1]s
state: ./state
admin: {listen: %[2]q}
groups: %[3]s
policy: [policies/*.cedar]
recording: {segment: 16MiB, journal: 1GiB}
limits: {drain_timeout: 5s%[4]s}
listeners:
`

const configTarget = `  %[1]s:
    protocol: %[2]s
    address: %[3]q
    database: %[4]s
    tls: {mode: verify, ca: %[5]q}
    accounts: {%[6]s: {secret: %[7]s}}
`

const configSSHTarget = `  %[1]s:
    protocol: ssh
    address: %[2]q
    host_keys: [%[3]s]%[6]s
    accounts: {%[4]s: {secret: %[5]s}}
`

// config is the target's part of the configuration.
func (t FrontTarget) config() string {
	if t.Server.kind.protocol() != "ssh" {
		return fmt.Sprintf(configTarget, t.Name, t.Server.kind.protocol(), t.Server.Address(), t.Database, t.Server.CA, t.Account, t.Secret())
	}
	var keys []string
	for _, k := range t.HostKeys {
		keys = append(keys, strconv.Quote(k))
	}
	env := ""
	if t.Env != "" {
		env = "\n    env: " + t.Env
	}
	return fmt.Sprintf(configSSHTarget, t.Name, t.Server.Address(), strings.Join(keys, ", "), t.Account, t.Secret(), env)
}

// WriteConfig writes the configuration and the policies, afresh.
func (g *Gateway) WriteConfig(name string, f Front) error {
	policies := filepath.Join(g.Dir, "policies")
	if err := os.RemoveAll(policies); err != nil {
		return err
	}
	if err := os.MkdirAll(policies, 0o700); err != nil {
		return err
	}
	for file, text := range f.Policies {
		if err := os.WriteFile(filepath.Join(policies, file), text, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(g.Config(), []byte(g.config(name, f)), 0o600)
}

func (g *Gateway) config(name string, f Front) string {
	var b strings.Builder
	limits, clientCA := "", ""
	if f.MaxStatement != "" {
		limits = ", max_statement: " + f.MaxStatement
	}
	if f.MySQLClientCA != "" {
		clientCA = fmt.Sprintf(", client_ca: %q", f.MySQLClientCA)
	}
	fmt.Fprintf(&b, configHead, name, g.Admin, f.Groups, limits)
	for _, l := range []struct{ name, protocol, address, more string }{{"pg", "postgres", g.Listen, ""}, {"my", "mysql", g.MySQL, clientCA}, {"ssh", "ssh", g.SSH, ""}} {
		if l.address != "" {
			fmt.Fprintf(&b, "  %s: {protocol: %s, address: %q, target: %q%s}\n", l.name, l.protocol, l.address, f.own(l.protocol), l.more)
		}
	}
	b.WriteString("targets:\n")
	for _, t := range f.Targets {
		b.WriteString(t.config())
	}
	return b.String()
}

// own is the target that a protocol's listener has for its own.
func (f Front) own(protocol string) string {
	for _, t := range f.Targets {
		if t.Own && t.Server.kind.protocol() == protocol {
			return t.Name
		}
	}
	return ""
}
