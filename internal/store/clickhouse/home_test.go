package clickhouse_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// TestOwn pins that a gateway was given the sessions that others had left open, and all batches at once: there may be any number.
func TestOwn(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	all := traffic(clickhouse.AtOnce+4, 1)
	store := func(gateway string, blocks []storetest.Sealed) *clickhouse.Store {
		o := options(t, dsn, clickhouse.Write)
		o.Gateway = gateway
		s := open(t, o)
		for _, b := range blocks {
			if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	own, other := store("gw1", all), store("gw2", storetest.Shop())
	n := 0
	for w, err := range own.Walk(t.Context()) {
		if err != nil || w.Pos != all[n].Pos || w.Err != nil {
			t.Fatalf("batch %d is %+v: %v", n, w, err)
		}
		n++
	}
	if n != len(all) {
		t.Errorf("%d batches are walked over, of %d", n, len(all))
	}
	n = 2
	for b, err := range own.After(t.Context(), all[2].Pos+1) {
		if err != nil || b.Pos != all[n].Pos || len(b.Spans) != len(all[n].Spans) || b.Spans[0] != all[n].Spans[0] {
			t.Fatalf("batch %d is %+v: %v", n, b, err)
		}
		n++
	}
	if n != len(all) {
		t.Errorf("%d batches are left out", len(all)-n)
	}
	if list, err := other.Open(t.Context()); err != nil || len(list) != 1 || list[0].User != "dave" {
		t.Errorf("the sessions that gw2 left open: %+v, %v", list, err)
	}
}

// TestHomeErases: a home erases at once, and says what is left of the session's secret.
func TestHomeErases(t *testing.T) {
	o := newOrders(t)
	o.say(2)
	first := o.seal()[0]
	far := open(t, options(t, o.dsn, clickhouse.Write))
	if err := far.Put(t.Context(), first.Block, first.Raw); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		id  record.ID
		seq uint64
	}{{record.ID{7}, 0}, {o.alice.ID, 1000}} {
		if left, err := far.Redact(t.Context(), bad.id, []uint64{bad.seq}); err == nil || left != "" {
			t.Errorf("session %v #%d is erased: %v", bad.id, bad.seq, err)
		}
	}
	var asked []string
	clickhouse.AfterStatements(far, func(statement string) { asked = append(asked, strings.ToLower(statement)) })
	left, err := far.Redact(t.Context(), o.alice.ID, o.said)
	if err != nil || !left.Punctured() {
		t.Fatal(err)
	}
	seed := fmt.Sprintf("%x", left[len(left)-16:])
	if len(asked) == 0 || slices.ContainsFunc(asked, func(s string) bool { return strings.Contains(s, seed) }) {
		t.Errorf("what is left of the secret stands in what ClickHouse is asked, and writes down: %q", asked)
	}
	if said, touched := o.left(); said != "0" || touched != "0" {
		t.Errorf("%s rows say it still, and %s where", said, touched)
	}
	if _, _, secret, _, err := far.Head(t.Context(), o.alice.ID); err != nil || secret != left {
		t.Errorf("the session goes on with another secret: %v", err)
	}
}

// TestForget: of a batch that was begun nothing is left; one that is there stays.
func TestForget(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	shop := storetest.Shop()
	far := open(t, options(t, dsn, clickhouse.Write))
	for _, b := range shop[:3] {
		if err := far.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	begun := shop[2]
	exec(t, dsn, fmt.Sprintf(`ALTER TABLE blocks DELETE WHERE block = %d SETTINGS mutations_sync = 2`, begun.Pos))
	for _, b := range shop[:3] {
		if err := far.Forget(t.Context(), b.Pos, ids(b)); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, far, shop[0].Count+shop[1].Count)
	left := fmt.Sprintf(`SELECT toString(count()) FROM %%s WHERE block = %d`, begun.Pos)
	for _, table := range []string{"records", "spans"} {
		if got := rows(t, dsn, fmt.Sprintf(left, table))[0]; got != "0" {
			t.Errorf("%s rows of %s are left", got, table)
		}
	}
}

func ids(b storetest.Sealed) (list []record.ID) {
	for i := range b.Spans {
		list = append(list, b.Spans[i].Session)
	}
	return list
}

// TestTwoOfOneName pins that what a second gateway of one name recorded was taken for what the first had put at the same positions,
// and let go of.
func TestTwoOfOneName(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	o := options(t, dsn, clickhouse.Write)
	o.Owner = 7
	first := open(t, o)
	for _, b := range storetest.Shop() {
		if err := first.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	o.Owner = 5
	var owned *clickhouse.OwnedError
	if _, err := clickhouse.Open(t.Context(), o); !errors.As(err, &owned) {
		t.Errorf("one with another key is let in: %v", err)
	}
	o.Owner = 7
	again := open(t, o)
	for _, b := range storetest.Shop() {
		if err := again.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Errorf("what is there is put again: %v", err)
		}
	}
	copied := open(t, o) // of the whole state folder, key and all
	m := storetest.NewMaker()
	m.Add(record.ID{9, 6: 0x70, 8: 0x80}, record.Record{Kind: record.KindOpen, User: "mallory"})
	b, raw := m.Seal()
	if err := copied.Put(t.Context(), b, raw); err == nil || !strings.Contains(err.Error(), "under the name gw1") {
		t.Errorf("another block at a position that was given: %v", err)
	}
}
