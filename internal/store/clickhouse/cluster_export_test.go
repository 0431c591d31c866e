package clickhouse

import (
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/internal/record"
)

// Alone has a cluster of one server without a keeper: nothing is replicated, and no statement waits for other servers.
func (o *Options) Alone() { o.alone = true }

// Old has the server be one that knows none of our settings.
func (o *Options) Old() { o.old = true }

// DDL is all that is said to make the tables.
func (o *Options) DDL() []string { return o.ddl(schema + views) }

// Upgrades is all that is said to bring older ones up to date.
func (o *Options) Upgrades() (list []string) {
	for _, script := range upgrades {
		list = append(list, o.ddl(script)...)
	}
	return list
}

// Statements cuts a script.
func Statements(script string) []string { return statements(script) }

// ShardingKey is that of records, in SQL.
var ShardingKey = shardingKey("records")

// ShardOf is where a session's rows go.
func ShardOf(id record.ID, shards int) int {
	return (&Store{shards: make([]driver.Conn, shards)}).shardOf(id)
}

// Shards has rows go to servers of one's own choice.
func (s *Store) Shards(conns ...driver.Conn) { s.shards = conns }

// Sync is what is said to wait for a table's replicas.
func (o *Options) Sync(table string) string { return o.sync(table) }
