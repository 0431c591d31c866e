package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Options say where an archive is and how it is reached.
type Options struct {
	Hosts       []string    // host:port; the first that answers is used
	HTTP        bool        // speak HTTP; false: the native protocol
	TLS         *tls.Config // nil: plaintext
	Database    string
	User        string
	Password    string // never in an error
	Compression string // lz4, zstd, none
	DialTimeout time.Duration
	Timeout     time.Duration // how long the server may be silent

	Cluster string // its name; empty: one server. See cluster.go

	Mode    Mode
	Gateway string        // whose batches are put, and walked over
	Owner   uint64        // of Gateway's name: a hash of its key; 0: whoever comes. See claim
	Own     bool          // sessions of other gateways aren't seen: for those who verify, or order what is to be done
	Keep    time.Duration // of rows; 0: for ever

	alone bool  // tests: of a cluster of one server without a keeper
	old   bool  // tests: the server knows none of our settings
	seek  *seek // tests: other bounds than usual; nil: those
}

// driver makes the driver's options of o.
func (o *Options) driver() *clickhouse.Options {
	d := &clickhouse.Options{
		Addr: o.Hosts, TLS: o.TLS, Auth: clickhouse.Auth{Database: o.Database, Username: o.User, Password: o.Password},
		DialTimeout: o.DialTimeout, ReadTimeout: o.Timeout, MaxOpenConns: 4, MaxIdleConns: 2,
		// Asynchronous inserts are acknowledged before they are checked for doubles; and what one connection has written, another reads.
		// What is read by name lies in few granules, and takes its time by the number of columns: one core for each granule, not for 20.
		Settings: clickhouse.Settings{"async_insert": 0, "insert_deduplicate": 1,
			"merge_tree_min_rows_for_concurrent_read": 1 << 13, "merge_tree_min_bytes_for_concurrent_read": 1},
		TransportFunc: onlyGenuine,
		DialContext:   o.dial,
		ClientInfo:    clickhouse.ClientInfo{Products: []struct{ Name, Version string }{{Name: "gatefold"}}},
	}
	if o.Cluster != "" {
		// Subqueries ask all shards, and what goes through a Distributed table is there when it is acknowledged.
		d.Settings["distributed_product_mode"] = "global"
		d.Settings["distributed_foreground_insert"] = 1
		// A batch is acknowledged when most replicas have it: what one of them loses with its disk, others have.
		d.Settings["insert_quorum"] = "auto"
		d.Settings["insert_quorum_timeout"] = o.Timeout.Milliseconds()
	}
	if o.old {
		d.Settings = nil
	}
	if o.HTTP {
		d.Protocol = clickhouse.HTTP
	}
	switch o.Compression {
	case "none": // nil would be LZ4
		d.Compression = &clickhouse.Compression{Method: clickhouse.CompressionNone}
	case "lz4":
		d.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	case "zstd":
		d.Compression = &clickhouse.Compression{Method: clickhouse.CompressionZSTD}
	}
	return d
}

// dial reaches a server. The driver's own way would not end before its time when ctx does.
func (o *Options) dial(ctx context.Context, addr string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: o.DialTimeout}
	if o.TLS == nil || o.HTTP { // what is spoken over HTTP begins TLS itself
		return plain.DialContext(ctx, "tcp", addr)
	}
	return (&tls.Dialer{NetDialer: plain, Config: o.TLS}).DialContext(ctx, "tcp", addr)
}

// place names the archive for people.
func (o *Options) place() string {
	return "ClickHouse " + strings.Join(o.Hosts, ",") + "/" + o.Database
}

// censor takes the password out of an error's text, should it ever stand there.
func (o *Options) censor(err error) error {
	if o.Password == "" || !strings.Contains(err.Error(), o.Password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), o.Password, "***"))
}
