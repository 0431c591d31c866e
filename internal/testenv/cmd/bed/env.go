package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// env is what .bed/env says: NAME=value lines that a shell reads. Values hold no character special to a shell, but
// for paths, which are quoted where they need it.
type env map[string]string

func (e env) String() string {
	var b strings.Builder
	b.WriteString("# gatefold's bed; made by `make bed`. Read it with: set -a; . .bed/env\n")
	for _, name := range slices.Sorted(maps.Keys(e)) {
		fmt.Fprintf(&b, "%s=%s\n", name, quote(e[name]))
	}
	return b.String()
}

const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+="

func quote(s string) string {
	if strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '\'' {
		return s
	}
	return strings.ReplaceAll(s[1:len(s)-1], `'\''`, "'")
}

func readEnv(path string) (env, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	e := env{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			e[name] = unquote(value)
		}
	}
	return e, nil
}

func (e env) direct() string { return net.JoinHostPort(e["PG_DIRECT_HOST"], e["PG_DIRECT_PORT"]) }
func (e env) gate() string   { return net.JoinHostPort(e["PG_GATE_HOST"], e["PG_GATE_PORT"]) }

// check asks the server for its address both ways: .bed/env must be true before anyone builds on it.
func (e env) check(ctx context.Context) error {
	for _, way := range []string{"PG_DIRECT_", "PG_GATE_"} {
		config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s sslmode=verify-full sslrootcert='%s'",
			e[way+"HOST"], e[way+"PORT"], e[way+"USER"], e[way+"PASSWORD"], e[way+"DB"], e[way+"CA"]))
		if err != nil {
			return fmt.Errorf("check the bed: %w", err)
		}
		if err := ask(ctx, config, e["PG_DIRECT_PORT"]); err != nil {
			return fmt.Errorf("check the bed by %sHOST: %w", way, err)
		}
	}
	return nil
}

func ask(ctx context.Context, config *pgx.ConnConfig, want string) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var port string
	if err := conn.QueryRow(ctx, "SELECT current_setting('port')").Scan(&port); err != nil {
		return err
	}
	if port != want {
		return fmt.Errorf("it is another server, of port %s", port)
	}
	return nil
}
