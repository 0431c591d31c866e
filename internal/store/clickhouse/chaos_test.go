package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/recorder"
)

// Whatever befalls the server, the way to it and the follower while records come in, at the end both stores hold the same
// records, once. `-v` prints the counts.
func TestChaosFollower(t *testing.T) {
	s := newStorm(t)
	s.follow()
	s.feed()
	for _, fault := range s.faults() {
		s.befall(fault.name, fault.begin, fault.end)
	}
	s.settle()
	s.compare()
}

// storm is the test's state: a home that fills, and a follower that carries on to a server behind a front.
type storm struct {
	t     *testing.T
	home  *local.Store
	e     *chengine.Engine
	front *chengine.Front
	conn  driver.Conn // past the front
	opts  clickhouse.Options
	file  string // the follower's
	disk  string // a small one that the engine is on; empty: none

	keeper   *clickhouse.Store
	follower *recorder.Follower
	stop     func()

	stopFeed       func()
	fed            atomic.Uint64 // records at home
	batches, fails uint64        // of followers that ended
	befell         []string
}

func newStorm(t *testing.T) *storm {
	s := &storm{t: t, file: filepath.Join(t.TempDir(), "cursor")}
	var err error
	if s.home, err = local.Open(t.TempDir(), local.Write); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.home.Close() })
	o := chengine.Options{Password: "sesame"}
	if os.Geteuid() == 0 {
		s.disk, _ = chengine.SmallDisk(t, 256)
		o.Dir = s.disk
	}
	s.e = chengine.NewForTest(t, o)
	dsn := s.e.CreateDB(t)
	parsed, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if s.conn, err = driver.Open(parsed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	s.front = chengine.NewFront(t, s.e.Addr)
	s.opts = options(t, s.front.DSN(dsn), clickhouse.Write)
	s.opts.Timeout = 5 * time.Second
	return s
}

// follow starts a follower, as a gateway's start does.
func (s *storm) follow() {
	s.t.Helper()
	var err error
	if s.keeper, err = clickhouse.Open(s.t.Context(), s.opts); err != nil {
		s.t.Fatal(err)
	}
	s.follower, err = recorder.OpenFollower(recorder.FollowerOptions{Name: "clickhouse", File: s.file, Home: s.home, Keeper: s.keeper,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Rows: 3000, Wait: 20 * time.Millisecond, Calm: 300 * time.Millisecond,
		Partition: clickhouse.Partition})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.follower.Run(ctx)
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		st := s.follower.Stats(context.Background())
		s.batches, s.fails = s.batches+st.Batches, s.fails+st.Failures
		if err := errors.Join(s.follower.Close(), s.keeper.Close()); err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(s.stop)
}

// feed puts blocks into the home until stopFeed.
func (s *storm) feed() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m := storetest.NewMaker()
		var sessions []*storetest.Session
		for n := 0; ctx.Err() == nil; n++ {
			if n%7 == 0 && len(sessions) < 200 {
				sessions = append(sessions, m.Open(fmt.Sprintf("user%d", n%5), "app", "orders", "shop"))
			}
			if n%40 == 39 { // a clock that jumps, over months
				m.Now = m.Now.Add(time.Duration(n%3-1) * 40 * 24 * time.Hour)
			}
			for i := range 50 {
				who := sessions[(n+i)%len(sessions)]
				q := who.Query(fmt.Sprintf("SELECT %d FROM orders WHERE note = 'it''s %d'", i, n), []string{"select"}, []string{"orders"})
				who.Result(q, "SELECT 1", uint64(i))
			}
			b, raw := m.Seal()
			if err := s.home.Put(context.Background(), b, raw); err != nil {
				s.t.Error(err)
				return
			}
			s.fed.Add(uint64(b.Count))
			time.Sleep(5 * time.Millisecond) // a rate, not a wait: the storm outlasts it
		}
	}()
	s.stopFeed = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	s.t.Cleanup(s.stopFeed)
}

// fault is trouble with its beginning and its end.
type fault struct {
	name       string
	begin, end func()
}

func (s *storm) faults() []fault {
	calm := func() { s.front.Set(nil) }
	on := func(f chengine.Fault) func() { return func() { s.front.Set(f) } }
	ins := func(f chengine.Fault) func() { return on(chengine.Inserts(f)) }
	list := []fault{
		{"the server is killed", func() { s.e.Kill(s.t) }, func() { s.e.Start(s.t) }},
		{"the server hangs", on(chengine.Hang), calm},
		{"the server is deaf in a batch", ins(chengine.Deaf), calm},
		{"a portal answers", on(chengine.HTML), calm},
		{"a portal answers inserts", ins(chengine.HTML), calm},
		{"the server answers 500", on(chengine.Refuse), calm},
		{"batches are done and 500 is answered", ins(chengine.Lose), calm},
		{"connections end in a batch", ins(chengine.Cut), calm},
		{"half a batch arrives", ins(chengine.Half), calm},
		{"too many parts", ins(chengine.Exception(252, "TOO_MANY_PARTS")), calm},
		// Not a column that is renamed and has its name back: rows that come in just then lose what is in it.
		{"the table takes no rows", s.ddl("ALTER TABLE records ADD CONSTRAINT none CHECK kind = ''"), s.ddl("ALTER TABLE records DROP CONSTRAINT none")},
		{"the follower ends in a batch", func() { ins(chengine.Lose)(); s.again(nil) }, calm},
		{"the cursor is lost", func() { s.again(func() { _ = os.Remove(s.file) }); on(chengine.Refuse)() }, calm},
		{"the password is wrong", s.wrongPassword, calm},
		{"the schema is newer", s.newerSchema, calm},
	}
	if s.disk != "" {
		filler := filepath.Join(s.disk, "filler")
		list = append(list, fault{"the disk is full", func() { fill(filler) }, func() { _ = os.Remove(filler) }})
	}
	return append(list, fault{"the server is killed in a batch", func() { ins(chengine.Lose)(); s.e.Kill(s.t) },
		func() { calm(); s.e.Start(s.t) }})
}

// befall has a fault last until the follower has met it, and then until it is well again.
func (s *storm) befall(name string, begin, end func()) {
	s.t.Helper()
	begin()
	failed := s.follower.Stats(s.t.Context()).Failures
	s.await(name+": nothing fails", func() bool { return s.follower.Stats(s.t.Context()).Failures > failed })
	why := s.follower.Stats(s.t.Context()).Err
	end()
	from := s.follower.Cursor()
	s.await(name+": it does not go on", func() bool { return s.follower.Cursor() > from })
	s.befell = append(s.befell, name)
	s.t.Logf("%s: %v", name, why)
}

func (s *storm) await(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			st := s.follower.Stats(context.Background())
			s.t.Fatalf("%s: %+v", what, st)
		}
	}
}

func (s *storm) ddl(query string) func() {
	return func() {
		s.t.Helper()
		if err := s.conn.Exec(s.t.Context(), query); err != nil {
			s.t.Fatalf("%s: %v", query, err)
		}
	}
}

// again ends the follower and starts it.
func (s *storm) again(between func()) {
	s.t.Helper()
	s.stop()
	if between != nil {
		between()
	}
	fault := s.front
	fault.Set(nil)
	s.follow()
	fault.Set(chengine.Refuse)
}

// wrongPassword has a gateway started with another password, which must say so and not the password.
func (s *storm) wrongPassword() {
	s.t.Helper()
	o := s.opts
	o.Password = "open barley"
	var x *driver.Exception
	if _, err := clickhouse.Open(s.t.Context(), o); !errors.As(err, &x) || x.Code != 516 {
		s.t.Errorf("a wrong password: %v", err)
	}
	s.front.Set(chengine.Exception(516, "AUTHENTICATION_FAILED"))
}

// newerSchema has a gateway meet the tables of a newer one.
func (s *storm) newerSchema() {
	s.t.Helper()
	s.ddl("INSERT INTO meta (key, value) VALUES ('version', 99)")()
	var newer *clickhouse.NewerError
	if _, err := clickhouse.Open(s.t.Context(), s.opts); !errors.As(err, &newer) || newer.Have != 99 {
		s.t.Errorf("a newer schema: %v", err)
	}
	s.ddl("ALTER TABLE meta DELETE WHERE value = 99 SETTINGS mutations_sync = 1")()
	s.front.Set(chengine.Refuse)
}

// fill writes a file until there is no room.
func fill(path string) {
	f, err := os.Create(path)
	if err != nil {
		return
	}
	defer f.Close()
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		if _, err := f.Write(chunk); err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
}

// settle waits until all is on the other side.
func (s *storm) settle() {
	s.stopFeed()
	end, err := s.home.Last(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.await("it never catches up", func() bool { return s.follower.Cursor() >= end })
	s.stop()
}

// compare holds the stores against each other, session by session, by the records' canonical encoding.
func (s *storm) compare() {
	o := s.opts
	o.Mode, o.Timeout = clickhouse.Read, time.Minute
	there := open(s.t, o)
	sessions, records := 0, uint64(0)
	for line, err := range s.home.Sessions(s.t.Context(), record.Narrow{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		here, n := encoded(s.t, s.home, line.ID)
		other, m := encoded(s.t, there, line.ID)
		if !slices.Equal(here, other) {
			s.t.Errorf("session %v: %d records here and %d there, which are not the same", line.ID, n, m)
		}
		sessions, records = sessions+1, records+n
	}
	if records != s.fed.Load() {
		s.t.Errorf("%d records at home, and %d were put", records, s.fed.Load())
	}
	for f, err := range there.Check(s.t.Context()) {
		s.t.Errorf("fault %+v, %v", f, err)
	}
	var rows, once uint64
	row := s.conn.QueryRow(s.t.Context(), "SELECT count(), uniqExact(session, seq) FROM records")
	if err := row.Scan(&rows, &once); err != nil || once != records {
		s.t.Errorf("%d rows of %d records, want %d: %v", rows, once, records, err)
	}
	s.t.Logf("chaos: %d faults, %d failures, %d batches: %d records of %d sessions in both stores, once each (%d rows before merging)",
		len(s.befell), s.fails, s.batches, records, sessions, rows)
}

// encoded is a session as a store has it.
func encoded(t *testing.T, s storetest.Store, id record.ID) (b []byte, n uint64) {
	t.Helper()
	for r, err := range s.Tail(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		b = record.AppendRecord(b, &r)
		n++
	}
	return b, n
}
