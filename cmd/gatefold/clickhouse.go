package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/recorder"
)

// openClickHouse connects to the archive in ClickHouse, with the login that the vault has for it.
func openClickHouse(ctx context.Context, cfg *config.Config, secrets vault.Source, mode clickhouse.Mode) (*clickhouse.Store, error) {
	c := &cfg.ClickHouse
	if c.DSN == "" {
		return nil, usageError{hintError{errors.New("the configuration names no ClickHouse"), "set clickhouse.dsn"}}
	}
	place, err := c.Place()
	if err != nil {
		return nil, err
	}
	o := clickhouse.Options{Hosts: place.Hosts, HTTP: place.HTTP, Database: place.Database, Cluster: c.Cluster, Compression: c.Compression,
		DialTimeout: c.DialTimeout, Timeout: c.Timeout, Mode: mode, Gateway: cfg.Gateway, Keep: c.Keep}
	if o.TLS, err = clientTLS(c.TLS); err != nil {
		return nil, err
	}
	cred, err := secrets.Fetch(ctx, c.Secret)
	if err != nil {
		return nil, fmt.Errorf("fetch secret %s for ClickHouse: %w", c.Secret, err)
	}
	defer cred.Wipe()
	o.User, o.Password = cred.User, string(cred.Secret)
	return clickhouse.Open(ctx, o)
}

// clientTLS is TLS towards a server of ours, verified; nil: off.
func clientTLS(c config.TargetTLS) (*tls.Config, error) {
	if c.Mode == "off" {
		return nil, nil
	}
	conf := &tls.Config{ServerName: c.ServerName, MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("read the authority of ClickHouse's certificate: %w", err)
	}
	if conf.RootCAs = x509.NewCertPool(); !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the authority of ClickHouse's certificate: %s holds none", c.CA)
	}
	return conf, nil
}

// far is a follower's store that is reached when it is needed, and anew after each failure: it may be away when the gateway
// starts, come back somewhere else, and have another password then.
type far struct {
	open func(context.Context) (*clickhouse.Store, error)

	mu    sync.Mutex
	store *clickhouse.Store // nil: not reached yet, or it failed
}

func (f *far) do(ctx context.Context, what func(*clickhouse.Store) error) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		if f.store, err = f.open(ctx); err != nil {
			return err
		}
	}
	if err = what(f.store); err != nil {
		f.store.Close() // what it says of that is no news
		f.store = nil
	}
	return err
}

func (f *far) Put(ctx context.Context, b *record.Block, raw []byte) error {
	return f.do(ctx, func(s *clickhouse.Store) error { return s.Put(ctx, b, raw) })
}

func (f *far) Last(ctx context.Context) (end uint64, err error) {
	err = f.do(ctx, func(s *clickhouse.Store) (err error) {
		end, err = s.Last(ctx)
		return err
	})
	return end, err
}

func (f *far) Newest(ctx context.Context) (b *record.Block, err error) {
	err = f.do(ctx, func(s *clickhouse.Store) (err error) {
		b, err = s.Newest(ctx)
		return err
	})
	return b, err
}

func (f *far) Heads(ctx context.Context, ids []record.ID) (heads map[record.ID]uint64, err error) {
	err = f.do(ctx, func(s *clickhouse.Store) (err error) {
		heads, err = s.Heads(ctx, ids)
		return err
	})
	return heads, err
}

func (f *far) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		return nil
	}
	err := f.store.Close()
	f.store = nil
	return err
}

// following is what carries records on to ClickHouse.
type following struct {
	*recorder.Follower
	far *far
}

// cursorFile is where the follower writes down how far it is.
func cursorFile(state string) string { return filepath.Join(state, "followers", config.ClickHouseName) }

// follow makes the follower; nil: none is configured.
func follow(cfg *config.Config, secrets vault.Source, home recorder.Followed, log *slog.Logger, busy func() bool) (*following, error) {
	c := &cfg.ClickHouse
	if c.DSN == "" {
		return nil, nil
	}
	f := &far{open: func(ctx context.Context) (*clickhouse.Store, error) {
		return openClickHouse(ctx, cfg, secrets, clickhouse.Write)
	}}
	follower, err := recorder.OpenFollower(recorder.FollowerOptions{
		Name: config.ClickHouseName, File: cursorFile(cfg.State), Home: home, Keeper: f, Log: log,
		Rows: c.Batch.Records, Bytes: int(c.Batch.Bytes), Wait: c.Batch.Wait, Partition: clickhouse.Partition, Busy: busy,
	})
	if err != nil {
		return nil, err
	}
	return &following{follower, f}, nil
}

func (f *following) close() error {
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), f.far.close())
}

// kept is up to where retention may take records away, as far as followers are concerned: what they lack stays.
func (r *rooms) kept(cfg *config.Config) uint64 {
	if r.follower == nil && !r.unfollowed {
		return everywhere
	}
	for _, name := range cfg.Retention.Despite {
		if name == config.ClickHouseName {
			return everywhere
		}
	}
	if r.unfollowed {
		return 0
	}
	return r.follower.Cursor()
}

func (s *server) followerMetrics(gauge, counter metric) {
	f := s.rooms.follower
	if f == nil {
		return
	}
	stats := func() recorder.FollowerStats {
		ctx, cancel := context.WithTimeout(context.Background(), statsWait)
		defer cancel()
		return f.Stats(ctx)
	}
	gauge("clickhouse_lag_records", "Records in the archive that are not in ClickHouse yet.", func() float64 { return float64(stats().Lag) })
	gauge("clickhouse_lag_seconds", "Age of the oldest of them.", func() float64 {
		at := stats().Oldest
		if at.IsZero() {
			return 0
		}
		return time.Since(at).Seconds()
	})
	counter("clickhouse_batches_total", "Batches that ClickHouse took.", func() float64 { return float64(stats().Batches) })
	counter("clickhouse_records_total", "Records in them.", func() float64 { return float64(stats().Records) })
	counter("clickhouse_failures_total", "Times that ClickHouse did not take a batch.", func() float64 { return float64(stats().Failures) })
}

// statsWait is how long a page of metrics waits for the archive's directory.
const statsWait = 5 * time.Second
