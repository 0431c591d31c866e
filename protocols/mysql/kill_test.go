package mysql

import (
	"sync"
	"testing"
)

func TestFindLiveSession(t *testing.T) {
	shop, crm := place{"shop", "db1"}, place{"crm", "db1"}
	var l live
	mine, other, elsewhere, idle := l.issue(), l.issue(), l.issue(), l.issue()
	mine.join("alice", shop, 7)
	other.join("bob", shop, 8)
	elsewhere.join("alice", crm, 7)
	for _, tt := range []struct {
		name       string
		user       string
		at         place
		id, thread uint64
	}{
		{"by our id", "alice", shop, uint64(mine.id), 7},
		{"by the target's", "alice", shop, 7, 7},
		{"of the same number on another target", "alice", crm, 7, 7},
		{"another user's, by our id", "alice", shop, uint64(other.id), 0},
		{"another user's, by the target's", "alice", shop, 8, 0},
		{"one's own on another target, by our id", "alice", shop, uint64(elsewhere.id), 0},
		{"one that only greeted", "", place{}, uint64(idle.id), 0},
		{"of the same number on another server of the target", "alice", place{"shop", "db2"}, 7, 0},
		{"nobody's", "alice", shop, 9, 0},
		{"our id with a bit too many", "alice", shop, uint64(mine.id) | 1<<32, 0},
		{"zero", "", place{}, 0, 0},
	} {
		if thread, ok := l.find(tt.user, tt.at, tt.id); thread != tt.thread || ok != (tt.thread > 0) {
			t.Errorf("%s: %d, %v", tt.name, thread, ok)
		}
	}
	mine.leave()
	if _, ok := l.find("alice", shop, 7); ok {
		t.Error("a session that ended is found by the target's id")
	}
	if _, ok := l.find("alice", shop, uint64(mine.id)); ok {
		t.Error("a session that ended is found by our id")
	}
	mine.join("alice", shop, 9)
	if _, ok := l.find("alice", shop, uint64(mine.id)); !ok {
		t.Error("a connection that began again is not found")
	}
	for _, e := range []*liveEntry{mine, other, elsewhere, idle, nil} {
		e.close()
		e.close()
	}
	other.join("bob", shop, 8) // too late
	if len(l.byID)+len(l.byThread) > 0 {
		t.Errorf("left: %v %v", l.byID, l.byThread)
	}
}

func TestIDsAreUnique(t *testing.T) {
	var l live
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if e := l.issue(); e.id&ownID == 0 {
					t.Errorf("id %#x", e.id)
				}
			}
		})
	}
	wg.Wait()
	if len(l.byID) != 4000 {
		t.Errorf("%d ids", len(l.byID))
	}
}
