package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/gatefold/gatefold/internal/testenv"
)

const (
	user     = "bed" // gatefold's user; it acts as the server's superuser
	database = "bed" // one to begin with; any other works too
)

// allowAllPath is a policy that refuses nothing, not even what can't be understood, from the module's root.
const allowAllPath = "internal/policy/allow-all.cedar"

// fresh starts a new server and writes a new configuration, state and .bed/env; the gateway is then to be started.
func (b *bed) fresh(ctx context.Context) (env, error) {
	if err := b.down(); err != nil {
		return nil, err
	}
	if err := remove(filepath.Join(b.dir, "state"), filepath.Join(b.dir, "master.key")); err != nil {
		return nil, err
	}
	allowAll, err := os.ReadFile(allowAllPath)
	if err != nil {
		return nil, fmt.Errorf("read the bed's policy (run this in the module's root): %w", err)
	}
	server, err := testenv.Postgres(ctx, testenv.Options{Dir: b.postgresDir(), TLS: true})
	if err != nil {
		return nil, err
	}
	if err := server.Exec(ctx, testenv.Superuser, "CREATE DATABASE "+database); err != nil {
		return nil, err
	}
	if err := b.gate.PickAddresses(6433, 9188); err != nil {
		return nil, err
	}
	f := testenv.Front{
		Target: "bed", Own: true, Server: server, Database: database, Account: "super", Groups: "{}",
		Policies: map[string][]byte{"allow-all.cedar": allowAll},
	}
	if err := b.gate.WriteConfig("bed", f); err != nil {
		return nil, err
	}
	password := testenv.NewPassword()
	if err := b.gate.Run(ctx, server.Password+"\n", "secret", "add", f.SecretName(), "--user", server.Superuser); err != nil {
		return nil, err
	}
	if err := b.gate.Run(ctx, password+"\n", "user", "add", user, "--password-stdin"); err != nil {
		return nil, err
	}
	return b.writeEnv(server, password)
}

func (b *bed) writeEnv(server *testenv.PostgresServer, password string) (env, error) {
	host, port, err := net.SplitHostPort(b.gate.Listen)
	if err != nil {
		return nil, err
	}
	e := env{
		"PG_DIRECT_HOST": server.Host, "PG_DIRECT_PORT": fmt.Sprint(server.Port), "PG_DIRECT_USER": server.Superuser,
		"PG_DIRECT_PASSWORD": server.Password, "PG_DIRECT_DB": database, "PG_DIRECT_CA": server.CA,
		"PG_GATE_HOST": host, "PG_GATE_PORT": port, "PG_GATE_USER": user,
		"PG_GATE_PASSWORD": password, "PG_GATE_DB": database, "PG_GATE_CA": b.gate.CA(),
		"GATEFOLD_BIN": b.gate.Bin, "GATEFOLD_CONFIG": b.gate.Config(), "GATEFOLD_ADMIN": b.gate.Admin,
	}
	return e, os.WriteFile(b.envPath(), []byte(e.String()), 0o600)
}
