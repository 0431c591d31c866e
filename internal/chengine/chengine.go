// Package chengine gives tests a real, modern ClickHouse, with no server to install: the engine's library, which an npm
// package holds, in a process of its own that speaks as much of ClickHouse's HTTP interface as clickhouse-go uses. It
// can be killed and started again over the same data.
//
// A test says
//
//	dsn := chengine.ForTest(t).CreateDB(t) // http://default:password@127.0.0.1:port/name
//
// and has a database of its own in the one engine of its test binary. One that kills its engine, fills its disk or needs
// a configuration takes one for itself:
//
//	e := chengine.NewForTest(t, chengine.Options{})
//	dsn := e.CreateDB(t)
//	e.Kill(t)            // SIGKILL
//	e.Start(t)           // the same address, the same data
//
// Front stands before an engine, or any other server, and makes trouble: it hangs, answers HTML, breaks off midway.
//
// Where the library was not fetched (`make test-clickhouse` fetches it, 166 MB) the test is skipped, loudly and counted.
// With CLICKHOUSE_DSN set ForTest uses that server, of either protocol, and starts none; what needs NewForTest is
// skipped then.
//
// What this is not: no native TCP, no async_insert, no external tables, no HTTP sessions, no KILL QUERY, one user; the
// server's log tables and cluster are those of clickhouse-local. A client that goes away ends a SELECT at its next
// block. ON CLUSTER and Replicated tables are parsed, and made with KeeperConfig; replicated inserts do not work.
package chengine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/testenv"
)

// envDSN names a server to use in place of the engine.
const envDSN = "CLICKHOUSE_DSN"

// Options of an engine. The zero value is good.
type Options struct {
	Dir      string // where its folder is made; empty: in memory, or the temporary folder where that has little room
	User     string // empty: default
	Password string // empty: anybody is let in, with any name
	Config   string // an XML configuration of the server; empty: none
}

// ForTest returns the test binary's engine, started when it is first asked for, or the server of CLICKHOUSE_DSN. The
// test is skipped where there is neither.
func ForTest(t testing.TB) *Engine {
	t.Helper()
	if dsn := os.Getenv(envDSN); dsn != "" {
		return &Engine{dsn: dsn}
	}
	skipUnlessAsked(t)
	e, err := shared()
	skipOrFail(t, err)
	return e
}

var shared = sync.OnceValues(func() (*Engine, error) {
	e, err := newEngine(Options{})
	if err != nil {
		return nil, err
	}
	return e, e.start()
})

// NewForTest starts an engine that goes with the test. With CLICKHOUSE_DSN the test is skipped.
func NewForTest(t testing.TB, opt Options) *Engine {
	t.Helper()
	if os.Getenv(envDSN) != "" {
		t.Skipf("%s is set, and this test needs an engine that it may kill", envDSN)
	}
	skipUnlessAsked(t)
	e, err := newEngine(opt)
	skipOrFail(t, err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	e.Start(t)
	return e
}

func skipOrFail(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, testenv.ErrMissing):
		t.Skipf("%s ClickHouse: %v", testenv.SkipMark, err)
	case err != nil:
		t.Fatal(err)
	}
}

// envAsked is set by `make test-clickhouse`. Without it the tests that need ClickHouse are skipped, loudly: they take minutes, and
// are run once and not with all others as well.
const envAsked = "GATEFOLD_TEST_CLICKHOUSE"

func skipUnlessAsked(t testing.TB) {
	t.Helper()
	if os.Getenv(envAsked) == "" {
		t.Skipf("%s ClickHouse: make test-clickhouse runs this", testenv.SkipMark)
	}
}

func newEngine(opt Options) (*Engine, error) {
	if _, err := Library(); err != nil {
		return nil, err
	}
	bin, err := build()
	if err != nil {
		return nil, err
	}
	if opt.Dir == "" {
		opt.Dir = quickDir()
	}
	dir, err := os.MkdirTemp(opt.Dir, "gatefold-chengine-")
	if err != nil {
		return nil, fmt.Errorf("make the engine's folder: %w", err)
	}
	if opt.User == "" {
		opt.User = "default"
	}
	e := &Engine{Dir: dir, bin: bin, opt: opt}
	if opt.Config == "" {
		return e, nil
	}
	return e, os.WriteFile(e.config(), []byte(opt.Config), 0o600)
}

// quickDir is a folder in memory: each table that is made waits for the disk several times, and tests make many.
func quickDir() string {
	const memory, enough = "/dev/shm", 2 << 30 // 2 GiB
	var st syscall.Statfs_t
	if syscall.Statfs(memory, &st) == nil && st.Bavail*uint64(st.Bsize) >= enough && syscall.Access(memory, 7) == nil {
		return memory
	}
	return os.TempDir()
}

// DSN is what clickhouse.ParseDSN takes for a database.
func (e *Engine) DSN(database string) string {
	if e.dsn != "" {
		return withDatabase(e.dsn, database)
	}
	u := url.URL{Scheme: "http", User: url.UserPassword(e.opt.User, e.opt.Password), Host: e.Addr, Path: "/" + database}
	return u.String()
}

// withDatabase is a DSN with another database. It may name several hosts, so that it is no URL for net/url.
func withDatabase(dsn, database string) string {
	place, settings, has := strings.Cut(dsn, "?")
	host := strings.LastIndexByte(place, '@') + 1
	if host == 0 {
		host = strings.Index(place, "://") + len("://")
	}
	hosts, _, _ := strings.Cut(place[host:], "/")
	dsn = place[:host] + hosts + "/" + database
	if has {
		dsn += "?" + settings
	}
	return dsn
}

// named makes names of databases unique in this process.
var named atomic.Uint64

// CreateDB makes an empty database that goes with the test, and returns its DSN.
func (e *Engine) CreateDB(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("gf_%d_%d", os.Getpid(), named.Add(1))
	if err := e.exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	if e.dsn != "" { // somebody's: leave nothing there
		t.Cleanup(func() {
			if err := e.exec("DROP DATABASE IF EXISTS " + name); err != nil {
				t.Error(err)
			}
		})
	}
	return e.DSN(name)
}

func (e *Engine) exec(query string) error {
	opt, err := clickhouse.ParseDSN(e.DSN("default"))
	if err != nil {
		return fmt.Errorf("read the DSN: %w", err)
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Exec(context.Background(), query); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

// data is the folder that the engine keeps its tables in.
func (e *Engine) data() string { return filepath.Join(e.Dir, "data") }

func (e *Engine) config() string { return filepath.Join(e.Dir, "config.xml") }
