package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
)

// annex is a state folder beside an empty ClickHouse, with its login in the vault: no gateway, no target.
type annex struct {
	t    *testing.T
	path string // of the configuration
	text string
	conn driver.Conn     // past the front
	way  *chengine.Front // before the server
}

// newAnnex configures ClickHouse with more keys of its own, and the rest with others.
func newAnnex(t *testing.T, more, others string) *annex {
	t.Helper()
	dsn := chengine.ForTest(t).CreateDB(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "http" {
		t.Skip("the server is not one of HTTP in the clear")
	}
	o, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	a := &annex{t: t, path: filepath.Join(t.TempDir(), "gatefold.yaml")}
	if a.conn, err = driver.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.conn.Close() })
	a.way = chengine.NewFront(t, u.Host)
	u.User, u.RawQuery, u.Host = nil, "", a.way.Addr
	a.text = "gateway: gw1\nstate: state\nclickhouse: {dsn: \"" + u.String() + "\", tls: {mode: off}, batch: {wait: 20ms}" + more + "}\n"
	a.configure(others)
	a.run(cmp.Or(o.Auth.Password, "nothing")+"\n", 0, "secret", "add", "clickhouse", "--user", o.Auth.Username)
	return a
}

// configure writes the configuration with other keys beside ClickHouse's.
func (a *annex) configure(others string) {
	a.t.Helper()
	if err := os.WriteFile(a.path, []byte(a.text+others), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// run runs a command line that must end with an exit code, and returns all that it says.
func (a *annex) run(stdin string, want int, args ...string) string {
	a.t.Helper()
	var out bytes.Buffer
	m := &Main{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out, Getenv: os.Getenv}
	if code := m.Run(a.t.Context(), append([]string{"-c", a.path}, args...)); code != want {
		a.t.Fatalf("gatefold %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, out.String())
	}
	return out.String()
}

// open opens the gateway's rooms; shut closes them.
func (a *annex) open() (r *rooms, cfg *config.Config, shut func()) {
	a.t.Helper()
	r, cfg, err := a.try()
	if err != nil {
		a.t.Fatal(err)
	}
	return r, cfg, func() {
		a.t.Helper()
		if err := r.close(); err != nil {
			a.t.Error(err)
		}
	}
}

func (a *annex) try() (*rooms, *config.Config, error) {
	a.t.Helper()
	cfg, err := config.Load(a.path)
	if err != nil {
		a.t.Fatal(err)
	}
	r, err := openRooms(a.t.Context(), &Main{Stderr: os.Stderr, Getenv: os.Getenv}, cfg, slog.New(slog.DiscardHandler))
	return r, cfg, err
}

func (a *annex) exec(statement string) {
	a.t.Helper()
	if err := a.conn.Exec(a.t.Context(), statement); err != nil {
		a.t.Fatalf("%s: %v", statement, err)
	}
}

func (a *annex) id(n byte) record.ID { return record.ID{0: n, 6: 0x70, 8: 0x80} }

// session records one session of some time ago, in blocks of its own.
func (a *annex) session(r *rooms, n byte, ago time.Duration) record.ID {
	a.t.Helper()
	o := &old{t: a.t, r: r, id: a.id(n), at: time.Now().Add(-ago)}
	o.open("alice")
	o.add(record.Record{Kind: record.KindNotice, Message: []byte("zebra")})
	o.close()
	return o.id
}

// follow has the follower carry all on.
func (a *annex) follow(r *rooms) {
	a.t.Helper()
	if err := r.follower.CatchUp(a.t.Context(), nil); err != nil {
		a.t.Fatal(err)
	}
}

// tail takes the newest batch away with all that tells of it.
func (a *annex) tail() {
	a.t.Helper()
	newest := "(SELECT max(block) FROM blocks)"
	for _, table := range []string{"records", "spans", "blocks"} {
		a.exec("ALTER TABLE " + table + " DELETE WHERE block = " + newest + " SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1")
	}
}

// TestClickHouseLostItsNewest pins that verify --store clickhouse went by what ClickHouse itself lists: its newest batches could be
// taken away, with all that told of them, and nothing was missing.
func TestClickHouseLostItsNewest(t *testing.T) {
	a := newAnnex(t, "", "")
	r, _, shut := a.open()
	for n := range byte(3) {
		a.session(r, 1+n, 0)
		a.follow(r)
	}
	shut()
	a.run("", 0, "backfill")
	a.run("", 0, "verify", "--store", "clickhouse")
	a.tail()
	if said := a.run("", exitNo, "verify", "--store", "clickhouse"); !strings.Contains(said, "its newest are gone") || !strings.Contains(said, "complete: NO") {
		t.Errorf("%s", said)
	}
}

// TestTombstonesExplainNoLossElsewhere pins that what retention had taken away here explained its loss in ClickHouse, which had it.
func TestTombstonesExplainNoLossElsewhere(t *testing.T) {
	a := newAnnex(t, "", "retention: {keep: 1h}\n")
	r, cfg, shut := a.open()
	a.session(r, 1, 3*time.Hour)
	a.follow(r)
	a.session(r, 2, 0)
	a.follow(r)
	if said, err := r.prune(t.Context(), cfg, "judge"); err != nil || !strings.Contains(said, "went, of 1 session") {
		t.Fatalf("%q, %v", said, err)
	}
	shut()
	a.run("", 0, "backfill")
	a.run("", 0, "verify")
	a.run("", 0, "verify", "--store", "clickhouse")
	oldest := "(SELECT min(block) FROM blocks)"
	for _, table := range []string{"records", "spans", "blocks"} {
		a.exec("ALTER TABLE " + table + " DELETE WHERE block = " + oldest + " SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1")
	}
	if said := a.run("", exitNo, "verify", "--store", "clickhouse"); !strings.Contains(said, "complete: NO") {
		t.Errorf("%s", said)
	}
}

// TestRetentionSaysWhatWaits pins that what stays since ClickHouse lacks it was not said, and that a dry run said that it would go.
func TestRetentionSaysWhatWaits(t *testing.T) {
	a := newAnnex(t, "", "retention: {keep: 1h}\n")
	r, cfg, shut := a.open()
	a.session(r, 1, 3*time.Hour)
	a.session(r, 2, 0)
	want := "nothing goes; 3 records stay until ClickHouse has them"
	if said, err := r.prune(t.Context(), cfg, "judge"); err != nil || !strings.HasPrefix(said, want) {
		t.Errorf("%q, %v", said, err)
	}
	shut()
	if said := a.run("", 0, "prune", "--dry-run"); !strings.Contains(said, "3 records stay until") {
		t.Errorf("a dry run: %s", said)
	}
	a.run("", 0, "backfill")
	if said := a.run("", 0, "prune", "--dry-run"); !strings.Contains(said, "3 records would go") {
		t.Errorf("a dry run, when it has them: %s", said)
	}
	if said := a.run("", 0, "prune", "--store", "clickhouse"); !strings.Contains(said, "keeps the rows of all gateways for ever") {
		t.Errorf("%s", said)
	}
}

// TestReachingEnds pins that a follower waited for ever for a server that took its connection and made no tables.
func TestReachingEnds(t *testing.T) {
	f := &far{within: 10 * time.Millisecond, open: func(ctx context.Context, _ clickhouse.Mode) (*clickhouse.Store, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	if _, err := f.Last(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
