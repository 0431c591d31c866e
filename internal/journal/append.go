package journal

import (
	"fmt"
	"runtime/debug"
)

// Append appends an entry. What it returns is the position behind it, for Sync. reserve, when positive, sets room aside
// that only a later Append with a negative reserve may use: it gives back that much of what is held and then takes its
// entry's room. Such an Append doesn't fail for want of room while its entry, with FrameOverhead, is no larger than what
// it gives back and no larger than MaxDraw. With ErrFull nothing has changed; any other error means that the journal
// takes nothing any more. entry is copied.
func (j *Journal) Append(entry []byte, reserve int64) (Position, error) {
	if len(entry) == 0 {
		return 0, fmt.Errorf("append to journal: the entry is empty")
	}
	size := frameSize(len(entry))
	j.mu.Lock()
	defer j.mu.Unlock()
	if size > j.opts.SegmentSize-headerSize {
		return 0, fmt.Errorf("append %d bytes to journal: %w", len(entry), ErrTooLarge)
	}
	held, err := j.makeRoom(size, reserve)
	if err != nil {
		return 0, err
	}
	if size > j.cur.size-j.off {
		j.roll()
	}
	if err := j.put(entry); err != nil {
		j.fail(err)
		return 0, err
	}
	j.held = held
	j.off += size
	j.cur.limit.Store(j.off)
	j.stats.Appends++
	if j.off >= j.wake {
		j.wake = j.off + touchStep
		j.poke()
	}
	pos := at(j.cur.number, j.off)
	if pos >= j.alarm {
		j.ring(pos)
	}
	if reserve < 0 && j.starve {
		j.freed()
	}
	return pos, nil
}

// put writes the frame; a failing disk is an error, not the end of the process.
func (j *Journal) put(entry []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err, "write journal segment", j.cur.path)
	j.cur.put(j.off, entry)
	return nil
}

// roll goes on in the next segment.
func (j *Journal) roll() {
	j.cur.done.Store(true)
	j.cur = j.spares[0]
	j.spares = j.spares[1:]
	j.segs = append(j.segs, j.cur)
	j.off = headerSize
	j.wake = headerSize // touch ahead and make the next one
	j.ready = 0
}

// fail makes the journal refuse everything from now on, loudly: what can't be recorded isn't run.
func (j *Journal) fail(err error) {
	if j.err != nil {
		return
	}
	j.err = err
	j.broken.Store(true)
	j.log.Error("the journal is broken: nothing is recorded and nothing runs until a restart", "dir", j.dir, "err", err)
	j.freed()
}
