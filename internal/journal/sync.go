package journal

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Sync returns when all below pos would survive the machine's death. Without Options.Sync it returns at once. Waiters
// share: one of them syncs for all that was appended until then, the others wait for it or go next. A journal that is
// broken says so either way, so that whoever asks before letting something happen learns of it.
func (j *Journal) Sync(pos Position) error {
	if j.broken.Load() {
		return j.Err()
	}
	if !j.opts.Sync {
		return nil
	}
	j.syncs.Lock()
	defer j.syncs.Unlock()
	for j.durable < pos {
		if j.leader {
			j.syncing.Wait()
			continue
		}
		j.leader = true
		j.syncs.Unlock()
		reached, err := j.syncTail()
		j.syncs.Lock()
		j.leader = false
		j.syncing.Broadcast()
		if err != nil {
			return err
		}
		j.durable = max(j.durable, reached)
	}
	return nil
}

// syncTail writes to disk what lies below the tail and returns where that is. Only the leader calls it. After an error
// nobody knows what reached the disk: the journal is broken.
func (j *Journal) syncTail() (Position, error) {
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return 0, j.err
	}
	tail := at(j.cur.number, j.off)
	var dirty []*segment
	for _, s := range j.segs {
		if s.synced < s.limit.Load() {
			s.acquire()
			dirty = append(dirty, s)
		}
	}
	j.mu.Unlock()
	j.syncsDone.Add(1)
	var failed error
	for _, s := range dirty {
		limit := s.limit.Load()
		if err := fdatasync(s); err != nil {
			failed = err
		} else {
			s.synced = limit
		}
		s.release()
	}
	if failed != nil {
		j.mu.Lock()
		j.fail(failed)
		j.mu.Unlock()
		return 0, failed
	}
	return tail, nil
}

func fdatasync(s *segment) error {
	for {
		err := unix.Fdatasync(int(s.file.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("sync journal segment %s: %w", s.path, err)
		}
	}
}
