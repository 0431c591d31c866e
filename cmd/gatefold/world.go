package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"sync/atomic"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/mysql"
	"github.com/gatefold/gatefold/protocols/postgres"
	"github.com/gatefold/gatefold/protocols/ssh"
	"github.com/gatefold/gatefold/proxy"
)

// worlds builds what the gateway goes by from a configuration and the state folder.
type worlds struct {
	rooms     *rooms
	listeners map[string]config.Listener             // those that are bound
	tls       atomic.Pointer[map[string]*tls.Config] // what clients of each see
	ssh       atomic.Pointer[sshFace]                // what SSH clients see
}

func (ws *worlds) build(cfg *config.Config) (*proxy.World, error) {
	set, err := loadPolicy(cfg.PolicyFiles)
	if err != nil {
		return nil, err
	}
	w := &proxy.World{
		Users:   ws.rooms.users.Snapshot(),
		Factors: ws.rooms.factors,
		Groups:  map[string][]string{},
		Policy:  set,
		Targets: map[string]*proxy.Target{},
		Vault:   ws.rooms.vault,
		Limits:  limits(cfg),
		Config:  cfg.Hash(),
	}
	for _, users := range cfg.Groups {
		for _, u := range users {
			w.Groups[u] = cfg.GroupsOf(u)
		}
	}
	for name, t := range cfg.Targets {
		if w.Targets[name], err = target(name, t); err != nil {
			return nil, fmt.Errorf("targets.%s: %w", name, err)
		}
	}
	return w, nil
}

func loadPolicy(files []string) (*policy.Set, error) {
	var sources []policy.Source
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		sources = append(sources, policy.Source{Name: f, Text: text})
	}
	return policy.Load(sources)
}

func limits(cfg *config.Config) proxy.Limits {
	l := cfg.Limits
	return proxy.Limits{
		MaxSessions: l.MaxSessions, MaxSessionsPerUser: l.MaxSessionsPerUser, HelloTimeout: l.HelloTimeout, LoginGrace: l.LoginGrace, JoinTimeout: l.JoinTimeout,
		IdleTimeout: l.IdleTimeout, MaxSession: l.MaxSession, MaxStatement: int(l.MaxStatement), MaxParse: int(l.MaxParse),
		RecordingWait: cfg.Recording.Wait, DrainTimeout: l.DrainTimeout,
	}
}

func target(name string, t config.Target) (*proxy.Target, error) {
	out := &proxy.Target{
		Name: name, Protocol: t.Protocol, Network: "tcp", Address: t.Address, Database: t.Database, Floor: t.Auth,
		Accounts: map[string]string{}, DefaultAccount: t.DefaultAccount, BestEffort: t.Recording == "best_effort",
		Limits: proxy.TargetLimits(t.Limits),
	}
	for account, a := range t.Accounts {
		out.Accounts[account] = a.Secret
	}
	if strings.HasPrefix(t.Address, "/") {
		out.Network = "unix"
	}
	if t.Protocol == "ssh" {
		var err error
		out.SSH, err = sshRoute(t)
		return out, err
	}
	if t.TLS.Mode != "verify" {
		return out, nil
	}
	var err error
	out.TLS, err = targetTLS(t)
	return out, err
}

// targetTLS verifies the target's certificate by the system's authorities or the configured one.
func targetTLS(t config.Target) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.TLS.ServerName}
	if c.ServerName == "" {
		host, _, err := net.SplitHostPort(t.Address)
		if err != nil {
			return nil, fmt.Errorf("tls.server_name: needed where the address is no host:port")
		}
		c.ServerName = host
	}
	if t.TLS.CA == "" {
		return c, nil
	}
	var err error
	if c.RootCAs, err = authorities(t.TLS.CA); err != nil {
		return nil, fmt.Errorf("tls.ca: %w", err)
	}
	return c, nil
}

// authorities reads a PEM file of certificates that others are verified by.
func authorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", path)
	}
	return pool, nil
}

// renewTLS reads the certificate that clients see, and those that theirs are verified by.
func (ws *worlds) renewTLS(cfg *config.Config) error {
	cert, key, own := cfg.Certificate()
	base, err := serverTLS(cert, key, own)
	if err != nil {
		return err
	}
	if err := ws.renewSSH(cfg); err != nil {
		return err
	}
	each := make(map[string]*tls.Config, len(ws.listeners))
	for name, l := range ws.listeners {
		if each[name], err = listenerTLS(base, l); err != nil {
			return fmt.Errorf("listeners.%s: %w", name, err)
		}
	}
	ws.tls.Store(&each)
	return nil
}

// listenerTLS is base as one listener has it. A certificate of the client's is never asked for in vain: it is verified, or
// ends the handshake.
func listenerTLS(base *tls.Config, l config.Listener) (*tls.Config, error) {
	c := base.Clone()
	if l.Protocol == "postgres" {
		c.NextProtos = []string{"postgresql"} // PostgreSQL's ALPN name, needed for direct TLS (chapter 55.2.10)
	}
	if l.ClientCA == "" {
		return c, nil
	}
	var err error
	if c.ClientCAs, err = authorities(l.ClientCA); err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	return c, nil
}

// speakers make connections of each protocol. A new protocol is one line here.
func (ws *worlds) speakers(log *slog.Logger) map[string]protocols.Protocol {
	return map[string]protocols.Protocol{
		"postgres": postgres.New(postgres.Options{Log: log}),
		"mysql":    mysql.New(mysql.Options{Log: log}),
		"ssh": ssh.New(ssh.Options{Log: log, HostKeys: func() []gossh.Signer { return ws.ssh.Load().hostKeys },
			Banner: func() string { return ws.ssh.Load().banner }}),
	}
}

// listeners binds what the configuration names.
func listeners(cfg *config.Config, ws *worlds, log *slog.Logger) (all []*proxy.Listener, err error) {
	ws.listeners = cfg.Listeners
	if err := ws.renewTLS(cfg); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, open := range all {
				open.Listen.Close()
			}
			all = nil
		}
	}()
	speak := ws.speakers(log)
	for name, l := range cfg.Listeners {
		if speak[l.Protocol] == nil {
			return all, usageError{fmt.Errorf("listeners.%s: this build does not speak %s", name, l.Protocol)}
		}
		in, err := net.Listen("tcp", l.Address)
		if err != nil {
			return all, hintError{fmt.Errorf("listeners.%s: %w", name, err), "is another gateway, or something else, listening there?"}
		}
		all = append(all, &proxy.Listener{
			Name: name, Listen: in, Protocol: speak[l.Protocol], Speaks: l.Protocol, Target: l.Target, Plaintext: l.Plaintext,
			Proxies: l.ProxyProtocol, TLS: func() *tls.Config { return (*ws.tls.Load())[name] },
			Certificates: l.ClientCA != "", Announce: l.ServerVersion,
			Typed: l.Protocol == "ssh", Keys: !l.Passwords, Authorities: func() [][]byte { return ws.ssh.Load().authorities[name] },
			Revoked: revocations(l.RevokedKeys, log),
		})
	}
	return all, nil
}

// needsRestart names what a reload can't change.
func needsRestart(old, new *config.Config) []string {
	var keys []string
	for key, same := range map[string]bool{
		"state":      old.State == new.State,
		"listeners":  reflect.DeepEqual(old.Listeners, new.Listeners),
		"admin":      old.Admin == new.Admin,
		"recording":  old.Recording == new.Recording,
		"evidence":   reflect.DeepEqual(old.Evidence, new.Evidence),
		"clickhouse": old.ClickHouse == new.ClickHouse,
		"log":        old.Log == new.Log,
	} {
		if !same {
			keys = append(keys, key)
		}
	}
	return keys
}
