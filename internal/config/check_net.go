package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (v *checker) listeners() {
	taken := make(map[string]string) // address -> listener
	for _, name := range slices.Sorted(maps.Keys(v.c.Listeners)) {
		l := v.c.Listeners[name]
		if v.address(l.Address, "listeners", name, "address") {
			if other, ok := taken[listenKey(l.Address)]; ok && !portZero(l.Address) {
				v.report(fmt.Sprintf("listener %s has the address of %s", name, other), "give each its own port",
					"listeners", name, "address")
			}
			taken[listenKey(l.Address)] = name
		}
		if l.Target != "" {
			v.listenerTarget(name, l)
		}
		v.ofMySQL(name, l)
		v.sshListener(name, l)
	}
	if a := v.c.Admin.Listen; a != "" && v.address(a, "admin", "listen") {
		if !loopback(a) {
			v.report("admin.listen must be a loopback address: it knows no passwords",
				"write 127.0.0.1:9187, and put a proxy of your own in front of it", "admin", "listen")
		}
		if other, ok := taken[listenKey(a)]; ok && !portZero(a) {
			v.report(fmt.Sprintf("admin.listen has the address of listener %s", other), "give each its own port", "admin", "listen")
		}
	}
}

func (v *checker) listenerTarget(name string, l Listener) {
	t, ok := v.c.Targets[l.Target]
	if !ok {
		hint := "add it below targets, or leave target empty: the login then names one"
		if near := nearest(l.Target, slices.Sorted(maps.Keys(v.c.Targets))); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		v.report(fmt.Sprintf("listener %s names an unknown target %q", name, showable(l.Target)), hint, "listeners", name, "target")
		return
	}
	if t.Protocol != l.Protocol {
		v.report(fmt.Sprintf("listener %s speaks %s and its target %s speaks %s", name, l.Protocol, l.Target, t.Protocol), "",
			"listeners", name, "target")
	}
}

// versionRule is what clients of MySQL's protocol can make sense of: three numbers, and a word or two.
var versionRule = regexp.MustCompile(`^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}[!-~]{0,48}$`)

// ofMySQL checks the keys that only MySQL's protocol has a use for.
func (v *checker) ofMySQL(name string, l Listener) {
	at := func(key string) []string { return []string{"listeners", name, key} }
	if l.Protocol != "mysql" {
		for key, value := range map[string]string{"client_ca": l.ClientCA, "server_version": l.ServerVersion} {
			if value != "" {
				v.report(fmt.Sprintf("%s is for listeners that speak mysql, and %s speaks %s", key, name, l.Protocol), "remove it", at(key)...)
			}
		}
		return
	}
	v.exists(l.ClientCA, at("client_ca")...)
	switch {
	case l.ServerVersion == "":
	case l.Target != "":
		v.report("server_version is for a listener without a target: this one says what its target says", "remove it", at("server_version")...)
	case !versionRule.MatchString(l.ServerVersion):
		v.report(fmt.Sprintf("%q is no server version", showable(l.ServerVersion)), `write one as a server says it, for example "8.0.36" or "10.11.8-MariaDB"`,
			at("server_version")...)
	}
}

func (v *checker) targets() {
	for _, name := range slices.Sorted(maps.Keys(v.c.Targets)) {
		t := v.c.Targets[name]
		at := []string{"targets", name}
		local := v.targetAddress(t, append(at, "address"))
		v.targetAuth(t, local, append(at, "auth"))
		for account, a := range t.Accounts {
			v.name("account", account, append(at, "accounts", account)...)
			if a.Secret == "" {
				v.report(fmt.Sprintf("account %s names no secret", account), "store one with `gatefold secret add NAME --user LOGIN` and name it here",
					append(at, "accounts", account)...)
				continue
			}
			v.name("secret", a.Secret, append(at, "accounts", account, "secret")...)
		}
		v.accounts(name, t)
		v.sshTarget(name, t)
		v.sessions(t.Limits.MaxSessions, t.Limits.MaxSessionsPerUser, append(at, "limits")...)
	}
}

func (v *checker) accounts(name string, t Target) {
	if len(t.Accounts) == 0 {
		v.report(fmt.Sprintf("target %s has no accounts", name), "write accounts: {app: {secret: NAME}}", "targets", name)
		return
	}
	if _, ok := t.Accounts[t.DefaultAccount]; t.DefaultAccount != "" && !ok {
		v.report(fmt.Sprintf("default_account %q is no account of target %s", showable(t.DefaultAccount), name),
			"it is one of: "+strings.Join(slices.Sorted(maps.Keys(t.Accounts)), ", "), "targets", name, "default_account")
	}
}

// targetAddress checks the way to a target and reports whether it stays on this machine.
func (v *checker) targetAddress(t Target, at []string) (local bool) {
	tlsAt := append(slices.Clone(at[:len(at)-1]), "tls")
	if filepath.IsAbs(t.Address) {
		if t.TLS.Mode == "verify" && t.Protocol != "ssh" {
			v.report("a unix socket has no TLS", "write tls: {mode: off}", tlsAt...)
		}
		return true
	}
	if !v.address(t.Address, at...) {
		return false
	}
	if host, _, _ := net.SplitHostPort(t.Address); host == "" {
		v.report("address has no host", "write host:port", at...)
	}
	if portZero(t.Address) {
		v.report("a target's port can't be 0", "write host:port", at...)
	}
	return loopback(t.Address)
}

// address checks host:port and reports whether it is one.
func (v *checker) address(s string, at ...string) bool {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err == nil && strings.ContainsAny(host, "@/ \t") {
		err = fmt.Errorf("host %q", host)
	}
	if err == nil {
		return true
	}
	if s == "" {
		v.report("address is missing", `write host:port, for example "127.0.0.1:6432"`, at...)
		return false
	}
	v.report(fmt.Sprintf("%q is no address", showable(s)), `write host:port, for example "127.0.0.1:6432" or "[::1]:6432"`, at...)
	return false
}

// listenKey is the same for addresses that can't both be listened on.
func listenKey(address string) string {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = ""
	}
	return host + ":" + strconv.Itoa(n)
}

// portZero says that the system chooses a port.
func portZero(address string) bool {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return n == 0
}

func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
