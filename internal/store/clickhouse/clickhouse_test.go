package clickhouse_test

import (
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// options reach a test's database.
func options(t testing.TB, dsn string, mode clickhouse.Mode) clickhouse.Options {
	t.Helper()
	o, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return clickhouse.Options{Hosts: o.Addr, HTTP: o.Protocol == driver.HTTP, TLS: o.TLS, Database: o.Auth.Database, User: o.Auth.Username,
		Password: o.Auth.Password, Compression: "lz4", DialTimeout: 10 * time.Second, Timeout: time.Minute, Mode: mode, Gateway: "gw1"}
}

// open opens an archive that the test closes at its end.
func open(t testing.TB, o clickhouse.Options) *clickhouse.Store {
	t.Helper()
	s, err := clickhouse.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	e := chengine.ForTest(t)
	storetest.Run(t, func(t *testing.T) storetest.Place {
		dsn := e.CreateDB(t)
		open(t, options(t, dsn, clickhouse.Write)) // a reader makes no tables
		return storetest.Place{
			Write: func(t *testing.T) storetest.Store { return open(t, options(t, dsn, clickhouse.Write)) },
			Read:  func(t *testing.T) storetest.Store { return open(t, options(t, dsn, clickhouse.Read)) },
		}
	})
}
