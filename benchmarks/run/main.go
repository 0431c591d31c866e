// Command run measures what needs servers, minutes or a folder of its own. It prints tables as benchmarks/RESULTS.md has
// them.
//
//	run archive    bytes a record, before and after rewriting; times of search, of opening a session
//	run clickhouse the same of the archive in ClickHouse, and what carrying records on takes
//	run relay      CPU per transaction: direct, haproxy, pgbouncer, gatefold
//	run mysql      the same of MySQL: direct, haproxy, gatefold, with and without TLS; 100,000 rows; idle connections
//	run ssh        streams, logins and keystrokes: direct, haproxy, gatefold; idle connections
//	run disk       statements per second under durability: disk, beside the device's own fdatasync rate
//	run soak       load for minutes, with the gateway's memory as it goes
//
// Servers are throwaway ones, on loopback. What is missing on this machine is left out, and said.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

var verbs = []struct {
	name string
	run  func(context.Context, []string) error
}{{"archive", archive}, {"clickhouse", inClickHouse}, {"relay", relay}, {"mysql", mysql}, {"ssh", inSSH}, {"disk", disk}, {"soak", soak}}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var names []string
	for _, v := range verbs {
		if len(args) > 0 && args[0] == v.name {
			return v.run(ctx, args[1:])
		}
		names = append(names, v.name)
	}
	return fmt.Errorf("usage: run %s [flags]", strings.Join(names, "|"))
}
