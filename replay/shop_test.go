package replay_test

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// noon is now, in the tests.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// put makes an archive of these blocks.
func put(t *testing.T, blocks []storetest.Sealed) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "archive")
	w, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := w.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// read opens an archive until the test ends.
func read(t *testing.T, dir string) *local.Store {
	t.Helper()
	s, err := local.Open(dir, local.Read)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func parse(t *testing.T, query string) *replay.Query {
	t.Helper()
	q, err := replay.Parse(query, noon)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// find writes hits as "alice#4", newest first.
func find(t *testing.T, src replay.Source, query string) string {
	t.Helper()
	var found []string
	for h, err := range replay.Search(t.Context(), src, parse(t, query)) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, fmt.Sprintf("%s#%d", h.Session.User, h.Record.Seq))
	}
	return strings.Join(found, " ")
}

// fileOf is where a block lies.
func fileOf(dir string, b storetest.Sealed) string {
	return filepath.Join(dir, "blocks", fmt.Sprintf("%016x.gfb", b.Pos))
}

// verify opens an archive and verifies it.
func verify(t *testing.T, dir string) *replay.Report {
	t.Helper()
	s, err := local.Open(dir, local.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	report, err := replay.Verify(context.Background(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// alter changes the directory behind the archive's back.
func alter(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "directory.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		t.Fatalf("%s: it changed nothing", statement)
	}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func faults(r *replay.Report) string {
	var all []string
	for _, f := range r.Faults {
		all = append(all, f.String())
	}
	return strings.Join(all, "\n")
}

var _ replay.Source = (*local.Store)(nil)

// sessionOf is a user's newest session.
func sessionOf(t *testing.T, src replay.Source, user string) record.Session {
	t.Helper()
	for s, err := range src.Sessions(t.Context(), record.Narrow{User: user}) {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Fatalf("%s has no session", user)
	return record.Session{}
}

// wide is a store that narrows nothing.
type wide struct{ *local.Store }

func (w wide) Blocks(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error] {
	return w.Store.Blocks(ctx, record.Narrow{Oldest: n.Oldest})
}

// one is a source of a single block.
type one struct{ block *record.Block }

func (o one) Blocks(context.Context, record.Narrow) iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) { yield(o.block, nil) }
}

func (o one) Session(_ context.Context, id record.ID) (record.Session, bool, error) {
	return record.Session{ID: id, User: "alice", Client: "10.0.0.5:51234"}, true, nil
}

func (o one) Sessions(context.Context, record.Narrow) iter.Seq2[record.Session, error] {
	return func(func(record.Session, error) bool) {}
}

func (o one) Walk(context.Context) iter.Seq2[record.Sealed, error] {
	return func(func(record.Sealed, error) bool) {}
}

func (o one) Check(context.Context) iter.Seq2[record.Fault, error] {
	return func(func(record.Fault, error) bool) {}
}

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
