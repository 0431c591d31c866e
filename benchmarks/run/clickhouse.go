package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/benchmarks"
	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/recorder"
)

// inClickHouse fills an archive here, has a follower carry it on to a database in ClickHouse, and measures that. With -dir and
// -database what a run filled is kept, and the next one measures it again.
func inClickHouse(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("clickhouse", flag.ContinueOnError)
	records := flags.Int("records", 1_000_000, "how many")
	days := flags.Int("days", 10, "over how many days")
	dsn := flags.String("dsn", os.Getenv("CLICKHOUSE_DSN"), "the server; `chengine serve` is one")
	dir := flags.String("dir", "", "the folder to use, kept; empty: a temporary one, removed at the end")
	database := flags.String("database", "", "the database to use, kept; empty: one that is dropped at the end")
	pid := flags.Int("pid", 0, "the server's `process`, whose CPU is told as well")
	merged := flags.Bool("merged", true, "merge all parts first, as ClickHouse does with time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	at, err := driver.ParseDSN(*dsn)
	if err != nil {
		return err
	}
	if *dir == "" {
		temp, err := os.MkdirTemp("", "gatefold-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		*dir = temp
	}
	a := &archived{dir: filepath.Join(*dir, "archive"), longest: map[record.ID]int{}, users: map[record.ID]string{}}
	a.server = *pid
	if err := a.fillOnce(ctx, *dir, *records, *days); err != nil {
		return err
	}
	server, err := driver.Open(at)
	if err != nil {
		return err
	}
	defer server.Close()
	if *database == "" {
		*database = fmt.Sprintf("bench_%d", os.Getpid())
		defer func() { err = errors.Join(err, server.Exec(context.WithoutCancel(ctx), "DROP DATABASE "+*database)) }()
	}
	if err := server.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+*database); err != nil {
		return err
	}
	options := clickhouse.Options{Hosts: at.Addr, HTTP: at.Protocol == driver.HTTP, TLS: at.TLS, Database: *database,
		User: at.Auth.Username, Password: at.Auth.Password, Compression: "lz4", DialTimeout: time.Minute, Timeout: 5 * time.Minute,
		Mode: clickhouse.Write, Gateway: "bench"}
	if err := a.carry(ctx, *dir, options); err != nil {
		return err
	}
	if *merged {
		if err := merge(ctx, server, *database); err != nil {
			return err
		}
	}
	if err := a.tables(ctx, server, *database); err != nil {
		return err
	}
	options.Mode = clickhouse.Read
	far, err := clickhouse.Open(ctx, options)
	if err != nil {
		return err
	}
	defer far.Close()
	return a.ask(ctx, far, os.Stdout)
}

// fillOnce fills the archive, or only learns again what stands in one that is there.
func (a *archived) fillOnce(ctx context.Context, dir string, n, days int) error {
	if _, err := os.Stat(a.dir); err != nil {
		return a.fill(ctx, dir, n, days)
	}
	a.begin(n, days)
	for g := gen.New(a.made()); g.Made() < uint64(n); {
		a.see(g.Next())
	}
	return nil
}

// carry has a follower carry the archive on.
func (a *archived) carry(ctx context.Context, dir string, options clickhouse.Options) (err error) {
	far, err := clickhouse.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.Close()) }()
	home, err := local.Open(a.dir, local.Read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, home.Close()) }()
	f, err := recorder.OpenFollower(recorder.FollowerOptions{Name: "clickhouse", File: filepath.Join(dir, "followers", options.Database), Home: home, Keeper: far,
		Partition: clickhouse.Partition, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer f.Close()
	start, cpu := time.Now(), benchmarks.CPU()
	if err := f.CatchUp(ctx, nil); err != nil {
		return err
	}
	spent, st := benchmarks.CPU()-cpu, f.Stats(ctx)
	if st.Batches == 0 {
		return nil // an earlier run did it
	}
	fmt.Printf("carried on in %v, %d batches, %.0f records a CPU second of ours\n", time.Since(start).Round(time.Millisecond), st.Batches,
		float64(st.Records)/spent.Seconds())
	return nil
}

// merge has each table be one part a partition, as it is some time after its records came.
func merge(ctx context.Context, server chdriver.Conn, database string) error {
	for _, table := range []string{"records", "touched", "spans", "blocks"} {
		if err := server.Exec(ctx, "OPTIMIZE TABLE "+database+"."+table+" FINAL SETTINGS optimize_skip_merged_partitions = 1"); err != nil {
			return err
		}
	}
	return nil
}

// tables prints what the tables take, and the largest columns and indexes.
func (a *archived) tables(ctx context.Context, server chdriver.Conn, database string) error {
	for _, q := range []string{
		`SELECT concat('table ', table), toFloat64(sum(bytes_on_disk)) FROM system.parts WHERE active AND database = ? GROUP BY table ORDER BY 2 DESC`,
		`SELECT concat('index ', name), toFloat64(sum(data_compressed_bytes)) FROM system.data_skipping_indices WHERE database = ? GROUP BY name ORDER BY 2 DESC`,
		`SELECT concat('column ', name), toFloat64(sum(data_compressed_bytes)) FROM system.columns WHERE database = ? AND table = 'records' GROUP BY name ORDER BY 2 DESC LIMIT 16`,
	} {
		rows, err := server.Query(ctx, q, database)
		if err != nil {
			return err
		}
		for rows.Next() {
			var name string
			var bytes float64
			if err := rows.Scan(&name, &bytes); err != nil {
				return errors.Join(err, rows.Close())
			}
			fmt.Printf("%-24s %6.2f bytes a record\n", name, bytes/float64(a.records))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}
