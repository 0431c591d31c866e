package clickhouse

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/record"
)

// A cluster has each table twice: records_local, replicated, with a shard's rows, and records, Distributed, which people and
// searches ask. Rows are inserted into the local tables of the shard that is theirs, not through the Distributed ones, so that a
// batch is there when it is acknowledged, and there once. Replicas are the cluster's business: one of each shard is written to.
//
// All of a session is in one shard, so a transcript asks one and FINAL needs no other's rows. The shards are those that
// system.clusters lists when the archive is opened, each of the same weight; they are reached on the port that is configured.
// Adding one moves nothing: sessions that are open then go on in another shard, and a batch that is on its way at that moment
// may be in two of them, which LIMIT 1 BY session, seq takes out where it matters.

// own is the table that holds a shard's rows.
func (o *Options) own(table string) string {
	if o.Cluster == "" {
		return table
	}
	return table + "_local"
}

func (o *Options) onCluster() string {
	if o.Cluster == "" || o.alone {
		return ""
	}
	return " ON CLUSTER " + o.Cluster
}

// alter begins a statement that changes rows, wherever they are.
func (o *Options) alter(table string) string {
	return "ALTER TABLE " + o.own(table) + o.onCluster() + " "
}

// sync is a statement that returns when each replica has what the others took.
func (o *Options) sync(table string) string {
	return "SYSTEM SYNC REPLICA" + o.onCluster() + " " + o.own(table) + " LIGHTWEIGHT"
}

// catchUp waits until each replica has what the others took before, so that nothing is overlooked on one that is behind.
func (s *Store) catchUp(ctx context.Context, tables ...string) error {
	if s.opts.Cluster == "" || s.opts.alone {
		return nil
	}
	for _, table := range tables {
		ctx, cancel := s.bounded(ctx)
		err := s.conn.Exec(ctx, s.opts.sync(table))
		cancel()
		if err != nil {
			return fmt.Errorf("wait for the replicas of %s: %w", table, err)
		}
	}
	return nil
}

// shardingKey is, in SQL, what shardOf and shardOfBlock are in Go.
func shardingKey(table string) string {
	switch table {
	case "meta":
		return "0"
	case "blocks":
		return "block"
	}
	return "reinterpretAsUInt64(substring(session, 9, 8))"
}

// shardOf is the shard of a session: an id's latter half is random.
func (s *Store) shardOf(id record.ID) int {
	return int(binary.LittleEndian.Uint64(id[8:]) % uint64(len(s.shards)))
}

func (s *Store) shardOfBlock(pos uint64) int { return int(pos % uint64(len(s.shards))) }

var (
	createTable = regexp.MustCompile(`^CREATE TABLE IF NOT EXISTS (\w+)`)
	createView  = regexp.MustCompile(`^(CREATE (?:OR REPLACE )?VIEW (?:IF NOT EXISTS )?\w+)`)
	alterTable  = regexp.MustCompile(`^ALTER TABLE (\w+)`)
	ofIndex     = regexp.MustCompile(`\b(?:ADD|DROP|MATERIALIZE) INDEX\b`)
	engine      = regexp.MustCompile(`(?m)^ENGINE = (ReplacingMergeTree)\b`)
)

// ddl is a script of schema.sql's kind as statements: for a cluster each table is two.
func (o *Options) ddl(script string) (list []string) {
	for _, statement := range statements(script) {
		if o.Cluster == "" {
			list = append(list, statement)
			continue
		}
		list = append(list, o.spread(strings.TrimSpace(statement))...)
	}
	return list
}

// spread makes a statement one of the whole cluster's.
func (o *Options) spread(statement string) []string {
	if m := createTable.FindStringSubmatch(statement); m != nil {
		local := createTable.ReplaceAllString(statement, "CREATE TABLE IF NOT EXISTS "+o.own(m[1])+o.onCluster())
		if !o.alone {
			local = engine.ReplaceAllString(local, "ENGINE = Replicated$1('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')")
			local = strings.Replace(local, "non_replicated_deduplication_window", "replicated_deduplication_window", 1)
		}
		return []string{local, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s%s AS %s ENGINE = Distributed(%s, currentDatabase(), %s, %s)",
			m[1], o.onCluster(), o.own(m[1]), o.Cluster, o.own(m[1]), shardingKey(m[1]))}
	}
	if m := alterTable.FindStringSubmatch(statement); m != nil {
		local := alterTable.ReplaceAllString(statement, "ALTER TABLE "+o.own(m[1])+o.onCluster())
		if ofIndex.MatchString(statement) { // a Distributed table has none
			return []string{local}
		}
		return []string{
			local,
			alterTable.ReplaceAllString(statement, "ALTER TABLE "+m[1]+o.onCluster()),
		}
	}
	return []string{createView.ReplaceAllString(statement, "$1"+o.onCluster())}
}

// reachShards connects to one server of each shard, when it is first needed.
func (s *Store) reachShards(ctx context.Context) error {
	if s.opts.Cluster == "" || s.opts.alone {
		return nil
	}
	hosts, err := s.shardHosts(ctx)
	if err != nil {
		return err
	}
	s.shards = nil
	for _, list := range hosts {
		o := s.opts
		o.Hosts = list
		conn, err := clickhouse.Open(o.driver())
		if err != nil {
			return err
		}
		s.shards = append(s.shards, conn)
	}
	return nil
}

// shardHosts lists the addresses of each shard's replicas.
func (s *Store) shardHosts(ctx context.Context) (list [][]string, err error) {
	_, port, err := net.SplitHostPort(s.opts.Hosts[0])
	if err != nil {
		return nil, err
	}
	rows, err := s.conn.Query(ctx, `SELECT groupArray(host_name), toUInt64(any(shard_weight)) FROM
		(SELECT * FROM system.clusters WHERE cluster = ? ORDER BY shard_num, replica_num) GROUP BY shard_num ORDER BY shard_num`, s.opts.Cluster)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var names []string
		var weight uint64
		if err := rows.Scan(&names, &weight); err != nil {
			return nil, err
		}
		if weight != 1 {
			return nil, fmt.Errorf("a shard of cluster %s has weight %d: rows are spread evenly here", s.opts.Cluster, weight)
		}
		for i := range names {
			names[i] = net.JoinHostPort(names[i], port)
		}
		list = append(list, names)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the server knows no cluster %s", s.opts.Cluster)
	}
	return list, nil
}
