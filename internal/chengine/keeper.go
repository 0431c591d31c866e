package chengine

import "fmt"

// KeeperConfig is a configuration under which the engine makes tables of the Replicated engines, with a keeper of its own
// that forgets everything when it ends, and a cluster of that name with two shards. The macros are shard 1 and replica
// r1. Nothing can be inserted into such a table (the library has no address for other replicas: it stays read-only), and
// ON CLUSTER is parsed and then refused with 392 (there is nobody who carries such queries to the shards).
func KeeperConfig(cluster string) string {
	return fmt.Sprintf(`<clickhouse>
	<zookeeper><implementation>testkeeper</implementation></zookeeper>
	<macros><shard>1</shard><replica>r1</replica><cluster>%[1]s</cluster></macros>
	<remote_servers><%[1]s>
		<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>1</port></replica></shard>
		<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>2</port></replica></shard>
	</%[1]s></remote_servers>
	<distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
</clickhouse>`, cluster)
}
