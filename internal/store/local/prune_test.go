package local_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// retention lets go what is older than a block's first record, signed by the key.
func retention(before int64, key *checkpoint.Key) local.Retention {
	return local.Retention{Before: before, UpTo: ^uint64(0) >> 1, Now: time.Unix(0, before), Sign: key.SignTombstone}
}

func newKey(t *testing.T) (*checkpoint.Key, note.Verifier) {
	t.Helper()
	key, err := checkpoint.MakeKey(t.TempDir(), "gw1")
	if err != nil {
		t.Fatal(err)
	}
	by, err := key.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	return key, by
}

func tombstones(t *testing.T, dir string, by note.Verifier) (cuts map[record.ID]checkpoint.Cut, gone []checkpoint.Range) {
	t.Helper()
	all, wrong, err := checkpoint.Tombstones(dir, by)
	if err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	cuts = make(map[record.ID]checkpoint.Cut)
	for _, stone := range all {
		gone = append(gone, stone.Gone...)
		for _, c := range stone.Cuts {
			if c.Last >= cuts[c.Session].Last {
				cuts[c.Session] = c
			}
		}
	}
	return cuts, gone
}

// heads are the chain values of each session after each of its parts in some blocks.
func heads(blocks []storetest.Sealed) map[string]record.Hash {
	all := make(map[string]record.Hash)
	for _, b := range blocks {
		for _, span := range b.Spans {
			all[fmt.Sprintf("%v #%d", span.Session, span.Last)] = span.After
		}
	}
	return all
}

func TestPrune(t *testing.T) {
	for _, compacted := range []bool{false, true} {
		blocks := traffic(60, 300)
		dir := partly(t, blocks)
		s := open(t, dir, local.Write)
		if compacted {
			compact(t, s)
		}
		want := told(t, s)
		key, by := newKey(t)
		cutoff := blocks[40].First
		r := retention(cutoff, key)

		r.DryRun = true
		dry, err := s.Prune(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "a dry run", told(t, s), want)
		r.DryRun = false
		done, err := s.Prune(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if dry.Records != done.Records || dry.Sessions != done.Sessions || done.Records == 0 || done.Sessions == 0 || done.Cut == 0 {
			t.Errorf("done %+v, and told before: %+v", done, dry)
		}
		now := told(t, s)
		for what, text := range now {
			if was, ok := want[what]; !ok || was != text {
				t.Errorf("%s is %q, was %q", what, text, was)
			}
		}
		if len(now) != len(want)-done.Records-done.Sessions {
			t.Errorf("%d things of %d are left, %d records and %d sessions went", len(now), len(want), done.Records, done.Sessions)
		}
		cuts, gone := tombstones(t, dir, by)
		chain := heads(blocks)
		for id, c := range cuts {
			if chain[fmt.Sprintf("%v #%d", id, c.Last)] != c.Chain {
				t.Errorf("session %v was cut at #%d with another chain value", id, c.Last)
			}
		}
		if len(gone) == 0 || gone[0].From != blocks[0].Pos {
			t.Errorf("gone are %x, the first was %x", gone, blocks[0].Pos)
		}
		if again, err := s.Prune(t.Context(), r); err != nil || again.Records != 0 {
			t.Errorf("again: %+v, %v", again, err)
		}
		if err := s.Put(t.Context(), blocks[0].Block, blocks[0].Raw); err != nil {
			t.Errorf("a block that went, again: %v", err)
		}
		for f, err := range s.Check(t.Context()) {
			t.Error(f, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := local.Rebuild(dir); err != nil {
			t.Fatal(err)
		}
		same(t, "its directory built again", told(t, open(t, dir, local.Read)), now)
	}
}

func TestPruneBySize(t *testing.T) {
	blocks := traffic(40, 300)
	s := open(t, partly(t, blocks), local.Write)
	key, _ := newKey(t)
	total, last := 0, blocks[len(blocks)-1]
	for _, b := range blocks {
		total += len(b.Raw)
	}
	for _, size := range []int{total, total / 2, 1} {
		r := retention(0, key)
		r.Size, r.Now = int64(size), time.Now()
		if _, err := s.Prune(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		left, count := 0, 0
		for sealed, err := range s.Walk(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			left += len(sealed.Raw)
			count++
		}
		if left > size && count > 1 || size == total && left != total || size == total/2 && left < size*8/10 {
			t.Errorf("%d bytes in %d blocks are left, %d were to be", left, count, size)
		}
	}
	if end, err := s.Last(t.Context()); end != last.End || err != nil {
		t.Errorf("the newest block went as well: Last = %x, %v", end, err)
	}
}

func TestHold(t *testing.T) {
	blocks := traffic(60, 300)
	dir := partly(t, blocks)
	s := open(t, dir, local.Write)
	want := told(t, s)
	key, by := newKey(t)
	kept := blocks[0].Spans[0].Session
	if err := s.Hold(local.Hold{Session: kept, By: "judge", Reason: "case 4711", At: time.Unix(1, 0).UTC()}); err != nil {
		t.Fatal(err)
	}
	r := retention(blocks[50].First, key)
	done, err := s.Prune(t.Context(), r)
	if err != nil || done.Held != 1 || done.Records == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	now := told(t, s)
	for what, text := range want {
		if strings.HasPrefix(what, kept.String()) && now[what] != text {
			t.Errorf("%s, which is held, is %q, was %q", what, now[what], text)
		}
	}
	if cuts, _ := tombstones(t, dir, by); len(cuts) == 0 || cuts[kept].Session == kept {
		t.Errorf("%d sessions were cut, what is held among them", len(cuts))
	}
	holds, err := open(t, dir, local.Read).Holds()
	if err != nil || len(holds) != 1 || holds[0].Session != kept || holds[0].Reason != "case 4711" || holds[0].By != "judge" {
		t.Errorf("%+v, %v", holds, err)
	}

	if was, err := s.Release(kept); !was || err != nil {
		t.Fatal(was, err)
	}
	if was, err := s.Release(kept); was || err != nil {
		t.Fatal(was, err)
	}
	if done, err = s.Prune(t.Context(), r); err != nil || done.Records == 0 || done.Held != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if cuts, _ := tombstones(t, dir, by); cuts[kept].Session != kept {
		t.Error("what was held and is not any more did not go")
	}
}

// A hold whose file can't be read still holds.
func TestDamagedHold(t *testing.T) {
	blocks := traffic(20, 300)
	dir := partly(t, blocks)
	s := open(t, dir, local.Write)
	kept := blocks[0].Spans[0].Session
	if err := s.Hold(local.Hold{Session: kept, Reason: "case 4711"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "holds", kept.String()), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, _ := newKey(t)
	done, err := s.Prune(t.Context(), retention(blocks[15].First, key))
	if err != nil || done.Held != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, ok, err := s.Session(t.Context(), kept); !ok || err != nil {
		t.Errorf("it went: %v", err)
	}
}

// What can't be signed does not go; damaged blocks don't go unseen.
func TestPruneRefused(t *testing.T) {
	blocks := traffic(20, 300)
	dir := partly(t, blocks)
	s := open(t, dir, local.Write)
	want := told(t, s)
	key, _ := newKey(t)
	r := retention(blocks[15].First, key)
	r.Sign = func(checkpoint.Tombstone) ([]byte, error) { return nil, errors.New("the key is gone") }
	if _, err := s.Prune(t.Context(), r); err == nil || !strings.Contains(err.Error(), "the key is gone") {
		t.Errorf("%v", err)
	}
	same(t, "not signed", told(t, s), want)

	if err := os.Truncate(fileOf(dir, blocks[3]), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prune(t.Context(), retention(blocks[15].First, key)); err == nil || !strings.Contains(err.Error(), filepath.Base(fileOf(dir, blocks[3]))) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(fileOf(dir, blocks[3])); err != nil {
		t.Error(err)
	}
}

// A kill between any two steps of retention leaves an archive in which all stands or has gone, and the next Prune ends it.
func TestKillWhilePruning(t *testing.T) {
	blocks := traffic(40, 300)
	key, by := newKey(t)
	r := retention(blocks[30].First, key)
	dir := partly(t, blocks)
	kept := blocks[0].Spans[0].Session
	s := open(t, dir, local.Write)
	if err := s.Hold(local.Hold{Session: kept, Reason: "case 4711"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := copies(t, dir, dir+"-old")
	s = open(t, dir, local.Write)
	if _, err := s.Prune(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := told(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kill func(dir string) // makes dir, where all is done, what a kill left
	}{
		{"before the directory lists it", func(dir string) {
			restore(t, old, filepath.Join(dir, "blocks"))
			for _, suffix := range []string{"", "-wal", "-shm"} {
				os.Remove(filepath.Join(dir, "directory.db"+suffix))
			}
			restore(t, []string{filepath.Join(filepath.Dir(filepath.Dir(old[0])), "directory.db")}, dir)
		}},
		{"before the old files are removed", func(dir string) { restore(t, old, filepath.Join(dir, "blocks")) }},
		{"before the old files are removed, and the directory is lost", func(dir string) {
			restore(t, old, filepath.Join(dir, "blocks"))
			os.Remove(filepath.Join(dir, "directory.db"))
		}},
	} {
		left := filepath.Join(t.TempDir(), "archive")
		copies(t, dir, left)
		c.kill(left)
		s, err := local.Open(left, local.Write)
		if err != nil {
			t.Fatal(c.name, err)
		}
		again := r
		again.Now = again.Now.Add(time.Second)
		if _, err := s.Prune(t.Context(), again); err != nil {
			t.Fatal(c.name, err)
		}
		same(t, c.name, told(t, s), want)
		for f, err := range s.Check(t.Context()) {
			t.Error(c.name, f, err)
		}
		tombstones(t, left, by)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, left, local.Write)
		same(t, c.name+", opened again", told(t, s), want)
	}
}

// TestTombstonesNameFollowers pins that what a follower had lost was explained by what retention had taken away here: a tombstone
// says who had all of it. No run that goes at once is one that a follower had in part.
func TestTombstonesNameFollowers(t *testing.T) {
	blocks := traffic(40, 50)
	dir := partly(t, blocks)
	s := open(t, dir, local.Write)
	key, by := newKey(t)
	r := retention(blocks[30].First, key)
	has := blocks[9].End
	r.Followers = map[string]uint64{"clickhouse": has, "behind": 0}
	if _, err := s.Prune(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	all, wrong, err := checkpoint.Tombstones(dir, by)
	if err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	had, lacked := false, false
	for _, stone := range all {
		for _, gone := range stone.Gone {
			if name := strings.Join(stone.Followers, " "); name != "" != (gone.To <= has) || name != "" && name != "clickhouse" || gone.From < has && gone.To > has {
				t.Errorf("from %x to %x went, and of those up to %x it says that they had it: %q", gone.From, gone.To, has, stone.Followers)
			}
			had, lacked = had || gone.To <= has, lacked || gone.From >= has
		}
	}
	if !had || !lacked {
		t.Errorf("there are tombstones of what it had: %v, of what it lacked: %v", had, lacked)
	}
}
