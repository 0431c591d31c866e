package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/recorder"
)

// openClickHouse connects to the archive in ClickHouse, with the login that the vault has for it. own: of other gateways nothing is seen.
func openClickHouse(ctx context.Context, cfg *config.Config, secrets vault.Source, mode clickhouse.Mode, own bool) (*clickhouse.Store, error) {
	c := &cfg.ClickHouse
	if c.DSN == "" {
		return nil, usageError{hintError{errors.New("the configuration names no ClickHouse"), "set clickhouse.dsn"}}
	}
	place, err := c.Place()
	if err != nil {
		return nil, err
	}
	o := clickhouse.Options{Hosts: place.Hosts, HTTP: place.HTTP, Database: place.Database, Cluster: c.Cluster, Compression: c.Compression,
		DialTimeout: c.DialTimeout, Timeout: c.Timeout, Mode: mode, Gateway: cfg.Gateway, Own: own, Keep: c.Keep}
	if o.TLS, err = clientTLS(c.TLS); err != nil {
		return nil, err
	}
	if mode == clickhouse.Write {
		key, err := checkpoint.MakeKey(cfg.State, cfg.Gateway)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(key.Public))
		o.Owner = binary.LittleEndian.Uint64(sum[:]) | 1
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
	open   func(context.Context, clickhouse.Mode) (*clickhouse.Store, error)
	within time.Duration   // it must be open
	mode   clickhouse.Mode // it is opened for

	mu    sync.Mutex
	store *clickhouse.Store // nil: not reached yet, or it failed
}

func (f *far) do(ctx context.Context, what func(*clickhouse.Store) error) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		if f.store, err = f.reach(ctx); err != nil {
			return err
		}
	}
	if err = what(f.store); err != nil {
		f.store.Close() // what it says of that is no news
		f.store = nil
	}
	return err
}

// reach opens the store. It may have to make the tables, a statement each; it ends all the same.
func (f *far) reach(ctx context.Context) (*clickhouse.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, f.within)
	defer cancel()
	return f.open(ctx, f.mode)
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

func (f *far) Forget(ctx context.Context, pos uint64, ids []record.ID) error {
	return f.do(ctx, func(s *clickhouse.Store) error { return s.Forget(ctx, pos, ids) })
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

// wayTo is the store that is configured, not reached yet.
func wayTo(cfg *config.Config, secrets vault.Source, log *slog.Logger) *far {
	open := func(ctx context.Context, mode clickhouse.Mode) (*clickhouse.Store, error) {
		s, err := openClickHouse(ctx, cfg, secrets, mode, true)
		if err == nil {
			for _, note := range s.Notes {
				log.Warn("ClickHouse is not as it is configured", "note", note)
			}
		}
		return s, err
	}
	c := &cfg.ClickHouse
	return &far{open: open, mode: clickhouse.Write, within: c.DialTimeout + openPatience*c.Timeout}
}

// openPatience is how many times as long as its silence a server may take until the tables are there.
const openPatience = 4

// follow makes the follower; nil: none is configured.
func follow(cfg *config.Config, secrets vault.Source, home recorder.Followed, log *slog.Logger, busy func() bool) (*following, error) {
	c := &cfg.ClickHouse
	if c.DSN == "" {
		return nil, nil
	}
	f := wayTo(cfg, secrets, log)
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

// despite reports whether retention may take away what a follower lacks.
func despite(cfg *config.Config) bool {
	return slices.Contains(cfg.Retention.Despite, config.ClickHouseName)
}

// has is up to where the follower certainly has all. Of one that another process works for its file says it.
func (r *rooms) has(cfg *config.Config) (followed bool, has uint64, err error) {
	switch {
	case r.follower != nil:
		return true, r.follower.Cursor(), nil
	case r.unfollowed:
		_, has, err = recorder.Sent(cursorFile(cfg.State))
		return true, has, err
	}
	return false, 0, nil
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
