package main

import (
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
)

// TestTheRecordIsInClickHouse: what a client did is found, told, exported and proved from ClickHouse as from here; backfill
// leaves a running gateway its work; and the password is nowhere.
func TestTheRecordIsInClickHouse(t *testing.T) {
	u, err := url.Parse(chengine.ForTest(t).CreateDB(t))
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "http" {
		t.Skip("the server is not one of HTTP in the clear")
	}
	password, given := u.User.Password()
	if !given || password == "" {
		password = "giraffe-in-the-vault"
	}
	name := u.User.Username()
	u.User, u.RawQuery = nil, ""
	g := newGate(t, gateOptions{stopped: true, extra: "clickhouse: {dsn: \"" + u.String() + "\", tls: {mode: off}, batch: {wait: 100ms}}\n"})
	g.run(password+"\n", "secret", "add", "clickhouse", "--user", name)
	g.start(false)
	if out, code := g.psql("select 'zebra' as animal; select * from nowhere;\n"); !strings.Contains(out, "zebra") {
		t.Fatalf("exit %d: %s", code, out)
	}
	var here, there string
	g.poll("the record is in ClickHouse", func() bool {
		here = g.run("", "search", "kind:open,query,close")
		there, _, _ = g.try("", "search", "--store", "clickhouse", "kind:open,query,close")
		return strings.Contains(here, "nowhere") && strings.Count(here, "\n") > 3 && here == there
	})
	for _, args := range [][]string{{"search", "zebra"}, {"search", "--json", "outcome:failed"}, {"replay", "last"}, {"export", "--query", "kind:query"},
		{"export", "--format", "sql", "last"}, {"export", "last"}} {
		here, there := g.run("", args...), g.run("", append(args, "--store", "clickhouse")...)
		if here != there || here == "" {
			t.Errorf("gatefold %s says here\n%s\nand there\n%s", strings.Join(args, " "), here, there)
		}
	}
	if _, errs, code := g.try("", "backfill"); code != exitError || !strings.Contains(errs, "a gateway runs") {
		t.Errorf("backfill beside a gateway: exit %d, %s", code, errs)
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	said := g.run("", "backfill")
	if !strings.Contains(said, "; 0 left") {
		t.Errorf("backfill: %s", said)
	}
	proof := g.run("", "verify", "--store", "clickhouse")
	if own := g.run("", "verify"); tallied(own) != tallied(proof) {
		t.Errorf("verify says here\n%s\nand there\n%s", own, proof)
	}
	if all := g.log.from(0) + said + proof; strings.Contains(all, password) {
		t.Error("the password was told")
	}
}

// tallied is what a report says of records and sessions: blocks are cut otherwise there.
func tallied(report string) string {
	_, rest, _ := strings.Cut(report, "blocks, ")
	if rest == "" {
		_, rest, _ = strings.Cut(report, "block, ")
	}
	return rest
}

// TestRetentionWaitsForAFollower: what ClickHouse lacks stays, unless the configuration says by name that it may go.
func TestRetentionWaitsForAFollower(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gatefold.yaml")
	load := func(despite string) *config.Config {
		t.Helper()
		text := "gateway: gw1\nstate: state\nretention: {keep: 1h, despite: [" + despite + "]}\nclickhouse: {dsn: \"http://127.0.0.1:1/gatefold\", tls: {mode: off}}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	cfg := load("")
	r, err := openRooms(t.Context(), &Main{Stderr: io.Discard, Getenv: func(string) string { return "" }}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	for i, ago := range []time.Duration{3 * time.Hour, 0} {
		o := &old{t: t, r: r, id: record.ID{0: byte(1 + i), 6: 0x70, 8: 0x80}, at: time.Now().Add(-ago)}
		o.open("alice")
		o.add(record.Record{Kind: record.KindNotice, Message: []byte("zebra")})
		o.close()
	}
	if said, err := r.prune(t.Context(), cfg, "judge"); err != nil || !strings.HasPrefix(said, "nothing goes; 3 records stay until ClickHouse has them") {
		t.Errorf("%q, %v", said, err)
	}
	if st := r.follower.Stats(t.Context()); st.Lag < 6 || st.Oldest.IsZero() {
		t.Errorf("its lag: %+v", st)
	}
	if said, err := r.prune(t.Context(), load("clickhouse"), "judge"); err != nil || !strings.Contains(said, "went, of 1 session") {
		t.Errorf("%q, %v", said, err)
	}
}
