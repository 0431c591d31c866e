package chengine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/chengine"
)

func TestKeeper(t *testing.T) {
	e := chengine.NewForTest(t, chengine.Options{Config: chengine.KeeperConfig("gf")})
	conn := open(t, e.CreateDB(t), nil)
	mustExec(t, conn, "CREATE TABLE r (a UInt64) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/{cluster}/{shard}/r', '{replica}') ORDER BY a")
	mustExec(t, conn, "CREATE TABLE d AS r ENGINE = Distributed(gf, currentDatabase(), r, sipHash64(a))")
	if n := count(t, conn, "SELECT count() FROM system.clusters WHERE cluster = 'gf'"); n != 2 {
		t.Errorf("the cluster has %d shards", n)
	}
	err := conn.Exec(context.Background(), "CREATE TABLE c ON CLUSTER gf (a UInt64) ENGINE = MergeTree ORDER BY a")
	if codeOf(err) != 392 {
		t.Errorf("ON CLUSTER: %v", err)
	}
	err = conn.Exec(context.Background(), "CREATE TABLE c ON CLUSTER nowhere (a UInt64) ENGINE = MergeTree ORDER BY a")
	if codeOf(err) != 701 && codeOf(err) != 170 {
		t.Errorf("ON CLUSTER of no cluster: %v", err)
	}
}

// What the documentation says of an engine without the keeper: the parser reads a cluster's DDL there too.
func TestExplainAST(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), nil)
	for ddl, fine := range map[string]bool{
		"CREATE TABLE c ON CLUSTER gf (a UInt64) ENGINE = ReplicatedReplacingMergeTree('/c/{shard}', '{replica}') ORDER BY a": true,
		"CREATE TABLE c ON CLUSTERS gf (a UInt64) ENGINE = MergeTree ORDER BY a":                                              false,
	} {
		rows, err := conn.Query(context.Background(), "EXPLAIN AST "+ddl)
		if err == nil {
			if !rows.Next() {
				t.Errorf("%s: nothing is explained", ddl)
			}
			_ = rows.Close()
		}
		if (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "Syntax error") {
			t.Errorf("%s: %v", ddl, err)
		}
	}
}
