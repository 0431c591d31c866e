package clickhouse_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

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

// A server that was stopped takes nothing more and closes nothing: a batch larger than the socket's buffers got stuck for
// ever.
func TestStoppedServerIsGivenUp(t *testing.T) {
	e := chengine.ForTest(t)
	if e.Addr == "" {
		t.Skip("a front stands before an engine of ours")
	}
	front := chengine.NewFront(t, e.Addr)
	o := options(t, front.DSN(e.CreateDB(t)), clickhouse.Write)
	s := open(t, o)
	m := storetest.NewMaker()
	who := m.Open("alice", "app", "orders", "shop")
	text := make([]byte, 1<<20)
	for range 12 {
		_, _ = rand.Read(text)
		who.Query(string(text), nil, nil)
	}
	b, raw := m.Seal()
	o.Timeout = 2 * time.Second
	hasty := open(t, o)
	front.Set(chengine.Inserts(chengine.Deaf))
	begun := time.Now()
	if err := hasty.Put(t.Context(), b, raw); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody reads the batch: %v", err)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %v to give up", took)
	}
	front.Set(nil)
	if err := s.Put(t.Context(), b, raw); err != nil {
		t.Fatal(err)
	}
}
