package journal

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func synced(t testing.TB) *Journal {
	opts := small()
	opts.Sync = true
	return open(t, t.TempDir(), opts)
}

// All entries of one read share a sync, and it covers nothing that comes later.
func TestASyncCoversAllThatWasAppended(t *testing.T) {
	j := synced(t)
	var pos Position
	for i := range 10 {
		pos = appendTo(t, j, fmt.Sprint("entry ", i))
	}
	for range 3 {
		if err := j.Sync(pos); err != nil {
			t.Fatal(err)
		}
	}
	if n := j.Stats().Syncs; n != 1 {
		t.Errorf("%d syncs for ten entries", n)
	}
	if err := j.Sync(appendTo(t, j, "more")); err != nil || j.Stats().Syncs != 2 {
		t.Errorf("%v after %d syncs", err, j.Stats().Syncs)
	}
}

// Sessions that wait while a sync is under way share the next one.
func TestWaitingSessionsShareASync(t *testing.T) {
	j := synced(t)
	j.syncs.Lock()
	j.leader = true // a sync is under way, begun before any of these entries
	j.syncs.Unlock()
	const sessions = 16
	var appended, done sync.WaitGroup
	appended.Add(sessions)
	for i := range sessions {
		done.Go(func() {
			pos, err := j.Append([]byte(strings.Repeat("x", 100+i)), 0)
			appended.Done()
			if err == nil {
				err = j.Sync(pos)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	appended.Wait()
	j.syncs.Lock()
	j.leader = false // it is over
	j.syncing.Broadcast()
	j.syncs.Unlock()
	done.Wait()
	if n := j.Stats().Syncs; n != 1 {
		t.Errorf("%d sessions waited for %d syncs, want 1", sessions, n)
	}
}
