package journal

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Room is counted in what is allocated on disk: the rest of the current segment and the spares. A frame doesn't span
// segments, so up to MaxDraw bytes at a segment's end may be lost to an entry that draws on the reserve; credit leaves
// them out. So an entry of at most MaxDraw always finds the room that was held for it: if it fits in the current segment,
// credit falls by no more than its size; if it doesn't, the rest of the current segment counted for nothing.

// FrameOverhead bounds what an entry takes beside its own bytes.
const FrameOverhead = frameHeader + 7

// MaxDraw is the size, with its frame, of the largest entry that can rely on room held in reserve.
func (j *Journal) MaxDraw() int64 { return min(512<<10, j.opts.SegmentSize/8) } // 512 KiB

func (j *Journal) credit(current int64, spares []*segment) int64 {
	lost := j.MaxDraw()
	credit := max(0, current-lost)
	for _, s := range spares {
		credit += s.size - headerSize - lost
	}
	return credit
}

// fits reports whether, with an entry's size taken, held bytes could still be drawn.
func (j *Journal) fits(size, held int64) bool {
	if left := j.cur.size - j.off; size <= left {
		return j.credit(left-size, j.spares) >= held
	}
	if len(j.spares) == 0 || size > j.spares[0].size-headerSize {
		return false
	}
	return j.credit(j.spares[0].size-headerSize-size, j.spares[1:]) >= held
}

// makeRoom makes sure that size bytes can be taken, and that what is held then can still be drawn: what is held now and
// reserve, which it returns. It makes a segment here and now where the keeper didn't keep up. It is called under mu, and gives
// it up for a while, in which others reserve and draw.
func (j *Journal) makeRoom(size, reserve int64) (held int64, err error) {
	for {
		if j.err != nil {
			return 0, j.err
		}
		held = max(0, j.held+reserve)
		if j.fits(size, held) {
			return held, nil
		}
		if j.growErr != nil || j.allocated()+j.opts.SegmentSize > j.opts.MaxBytes {
			j.starve = true
			j.stats.Full++
			j.poke()
			if j.growErr != nil {
				return 0, fmt.Errorf("%w: %w", ErrFull, j.growErr)
			}
			return 0, ErrFull
		}
		j.mu.Unlock()
		j.extend(true)
		j.mu.Lock()
	}
}

// Reserve sets n bytes aside, as Append with a positive reserve does.
func (j *Journal) Reserve(n int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	held, err := j.makeRoom(0, n)
	if err != nil {
		return err
	}
	j.held = held
	return nil
}

// Unreserve gives back n bytes that were set aside.
func (j *Journal) Unreserve(n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held = max(0, j.held-n)
	if j.starve {
		j.freed()
	}
}

// Room returns a channel that is closed when there may be room again; at once, where some was freed since an Append
// last failed with ErrFull.
func (j *Journal) Room() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.starve {
		return closed
	}
	return j.room
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// freed tells those who wait that there is room.
func (j *Journal) freed() {
	if j.starve {
		j.starve = false
		close(j.room)
		j.room = make(chan struct{})
	}
}

func (j *Journal) allocated() (n int64) {
	for _, s := range j.segs {
		n += s.size
	}
	for _, s := range j.spares {
		n += s.size
	}
	return n
}

// extend makes the next segment when one is wanted: by an Append that finds no room (now), or by the keeper, early
// enough that writers don't notice and that a full disk is met at a segment's boundary.
func (j *Journal) extend(now bool) error {
	j.grow.Lock()
	defer j.grow.Unlock()
	j.mu.Lock()
	size := j.opts.SegmentSize
	wanted := j.err == nil && j.growErr == nil && j.allocated()+size <= j.opts.MaxBytes &&
		(now || j.starve || len(j.spares) == 0 && j.cur.size-j.off < j.cur.size/2 ||
			j.credit(j.cur.size-j.off, j.spares) < j.held+size/4)
	number := j.cur.number + uint32(len(j.spares)) + 1
	j.mu.Unlock()
	if !wanted {
		return nil
	}
	s, err := createSegment(j.dir, number, size)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.growErr = err
		return err
	}
	j.spares = append(j.spares, s)
	j.freed()
	return nil
}

const (
	touchStep  = 1 << 20 // 1 MiB
	touchAhead = 2 << 20 // 2 MiB
)

// touchAhead makes the pages that are written next present, off the writers' path. Not farther: the kernel writes back
// what is touched, zeros or not, and the pages fault again. When each Sync does that anyway, it is left out.
func (j *Journal) touchAhead() {
	if j.opts.Sync {
		return
	}
	j.mu.Lock()
	if j.err != nil {
		j.mu.Unlock()
		return
	}
	s := j.cur
	from := j.off &^ (pageSize - 1)
	to := min(from+touchAhead, s.size)
	from, j.ready = max(from, j.ready), max(to, j.ready)
	s.acquire()
	j.mu.Unlock()
	defer s.release()
	if err := s.touch(from, to); err != nil {
		j.log.Warn("touch journal ahead", "err", err)
	}
}

// touch makes pages present and writable without changing them; writers may be at work in them.
func (s *segment) touch(from, to int64) (err error) {
	if from >= to || unix.Madvise(s.data[from:to], unix.MADV_POPULATE_WRITE) == nil {
		return nil
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err, "touch journal segment", s.path)
	for off := from; off < to; off += pageSize { // a kernel before 5.14, or a bad disk
		atomic.AddInt32((*int32)(unsafe.Pointer(&s.data[off])), 0)
	}
	return nil
}

// checkSpare makes sure that a segment of an earlier run still has its room on disk.
func (s *segment) checkSpare() error {
	if err := allocate(s.file, s.size); err != nil {
		return fmt.Errorf("allocate %s: %w", s.path, err)
	}
	return nil
}
