package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// A page that somebody else answers with 200 was taken for the success of an insert, and the batch was lost.
func TestPageIsNoSuccess(t *testing.T) {
	e := chengine.ForTest(t)
	if e.Addr == "" {
		t.Skip("a front stands before an engine of ours")
	}
	dsn := e.CreateDB(t)
	front := chengine.NewFront(t, e.Addr)
	s := open(t, options(t, front.DSN(dsn), clickhouse.Write))
	shop := storetest.Shop()
	if err := s.Put(t.Context(), shop[0].Block, shop[0].Raw); err != nil {
		t.Fatal(err)
	}
	front.Set(chengine.Inserts(chengine.HTML))
	if err := s.Put(t.Context(), shop[1].Block, shop[1].Raw); err == nil || !strings.Contains(err.Error(), "not ClickHouse's") {
		t.Errorf("a page instead of an answer: %v", err)
	}
	front.Set(nil)
	if end, err := s.Last(t.Context()); err != nil || end != shop[0].End {
		t.Errorf("the archive ends at %d, want %d: %v", end, shop[0].End, err)
	}
	if err := s.Put(t.Context(), shop[1].Block, shop[1].Raw); err != nil {
		t.Fatal(err)
	}
}
