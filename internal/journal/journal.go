// Package journal is a write-ahead log of opaque entries: append-only, in preallocated segments that are mapped into
// memory, each entry in a frame with a checksum. What Append took survives the death of the process; after Sync it
// survives the machine's, when Options.Sync is set. It knows nothing of what the entries mean. DESIGN.md says what was
// measured, FORMAT in segment.go and frame.go how the bytes lie.
package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// ErrFull says that there is no room: wait for Room, or do without.
	ErrFull = errors.New("the journal is full")
	// ErrTooLarge says that an entry can never fit.
	ErrTooLarge = errors.New("the entry is larger than a journal segment")
	// ErrClosed says that the journal was closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrInUse says that another process, or another part of this one, has the folder open.
	ErrInUse = errors.New("the journal is in use")
)

// Position is a place in the journal: the segment's number, and the byte in it. Positions grow with time and are never
// used twice for entries that were acknowledged. 0 is before everything.
type Position uint64

func at(segment uint32, offset int64) Position { return Position(segment)<<32 | Position(offset) }

func (p Position) segment() uint32 { return uint32(p >> 32) }
func (p Position) offset() int64   { return int64(p & math.MaxUint32) }

// String is segment and byte: "3:4096".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.segment(), p.offset()) }

// Options say how a journal is kept. Zero values are the defaults.
type Options struct {
	SegmentSize int64 // bytes of a segment, a multiple of 4096, at most 2 GiB; 0: 64 MiB
	MaxBytes    int64 // of all segments together, at least two; 0: 4 GiB
	Sync        bool  // Sync waits for the disk; otherwise it doesn't
	// After is a position that is known from elsewhere to have been used. The journal goes on behind it, also when
	// its own files got lost or are older.
	After  Position
	Beside []string     // names of files in the folder that are its owner's; others are foreign, and are said
	Log    *slog.Logger // nil: slog.Default
}

// Journal is one folder of segments. Append, Sync, Release and the rest may be called from any goroutine. Invariants:
// one process owns the folder; only bytes below a segment's limit are ever read; the room ahead is allocated on disk
// before it counts, and covers what is held in reserve.
type Journal struct {
	dir  string
	opts Options
	log  *slog.Logger
	lock *os.File

	mu     sync.Mutex
	segs   []*segment // in use, ascending; the last is written to
	spares []*segment // allocated ahead, ascending
	cur    *segment   // the last of segs
	off    int64      // where the next frame goes in cur
	held   int64      // bytes held in reserve
	err    error      // sticky: the journal is broken or closed
	wake   int64      // the keeper is woken when off gets here
	ready  int64      // up to here the keeper has touched cur
	alarm  Position   // readers are woken when the tail gets here
	alarms []*Reader
	starve bool          // an Append failed with ErrFull since room was last freed
	room   chan struct{} // closed when room is freed
	stats  Stats

	grow    sync.Mutex // held while a segment is made; never taken under mu
	growErr error      // why the last attempt failed; under mu

	syncs   sync.Mutex
	syncing *sync.Cond
	leader  bool
	durable Position // under syncs

	broken    atomic.Bool   // err is set, and not since Close
	syncsDone atomic.Uint64 // times that the disk was waited for

	kick chan struct{} // to the keeper
	quit chan struct{}
	done sync.WaitGroup
}

// Stats are what a journal tells of itself.
type Stats struct {
	First, Tail Position
	Segments    int    // in use and ahead
	Bytes       int64  // allocated on disk
	MaxBytes    int64  // the bound
	Pending     int64  // bytes not yet released
	Room        int64  // bytes that can be appended at once, without what is held
	Held        int64  // bytes held in reserve
	Appends     uint64 // entries appended since Open
	Full        uint64 // times that an Append found no room
	Syncs       uint64 // times that the disk was waited for, each for all who waited then
	Torn        uint64 // damaged frames that were skipped, at Open and by readers
	Short       uint64 // segments that were not as large as they were made, at Open
	Aside       uint64 // files that are no readable segments and were put aside, at Open
	Err         error  // why the journal takes nothing any more; nil: it does
}

const (
	defaultSegment = 64 << 20 // 64 MiB
	defaultMax     = 4 << 30  // 4 GiB
	largestSegment = 2 << 30  // 2 GiB
	pageSize       = 4096
	minSegment     = 4 * pageSize
)

func (o *Options) setDefaults() error {
	if o.SegmentSize == 0 {
		o.SegmentSize = defaultSegment
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMax
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.SegmentSize%pageSize != 0 || o.SegmentSize < minSegment || o.SegmentSize > largestSegment {
		return fmt.Errorf("journal segments of %d bytes: must be a multiple of %d from %d to %d", o.SegmentSize, pageSize,
			minSegment, largestSegment)
	}
	if o.MaxBytes < 2*o.SegmentSize {
		return fmt.Errorf("a journal of %d bytes: must hold at least two segments of %d bytes", o.MaxBytes, o.SegmentSize)
	}
	return nil
}

// Open opens or makes the journal in dir and cuts what a crash left half-written at its end.
func Open(dir string, opts Options) (*Journal, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make journal folder: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{dir: dir, opts: opts, log: opts.Log, lock: lock, alarm: math.MaxUint64,
		room: make(chan struct{}), kick: make(chan struct{}, 1), quit: make(chan struct{})}
	j.syncing = sync.NewCond(&j.syncs)
	if err := j.recover(); err != nil {
		j.unmapAll()
		lock.Close()
		return nil, fmt.Errorf("open journal %s: %w", dir, err)
	}
	j.done.Add(1)
	go j.keep()
	j.poke()
	return j, nil
}

// lockDir takes the folder for this process: the lock goes with it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		var owner [20]byte
		n, _ := f.ReadAt(owner[:], 0)
		f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock journal %s: %w", dir, err)
		}
		return nil, fmt.Errorf("%w: process %s has %s open; stop it, or use another folder", ErrInUse, owner[:n], dir)
	}
	pid := fmt.Appendf(nil, "%d", os.Getpid())
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(pid, 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write journal lock: %w", err)
	}
	return f, nil
}

// Close ends the journal: Append fails from now on, readers too. What was appended stays.
func (j *Journal) Close() error {
	err := j.Sync(j.Tail())
	j.mu.Lock()
	if errors.Is(j.err, ErrClosed) {
		j.mu.Unlock()
		return nil
	}
	j.err = ErrClosed
	close(j.quit)
	j.freed()
	j.mu.Unlock()
	j.done.Wait()
	j.grow.Lock() // an Append may still be making a segment
	defer j.grow.Unlock()
	j.mu.Lock()
	j.unmapAll()
	j.mu.Unlock()
	return errors.Join(err, j.lock.Close())
}

func (j *Journal) unmapAll() {
	for _, s := range slices.Concat(j.segs, j.spares) {
		s.release()
	}
	j.segs, j.spares = nil, nil
}

// Err is why the journal takes nothing any more; nil: it does.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Tail is the position behind the last entry.
func (j *Journal) Tail() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return at(j.cur.number, j.off)
}

// First is the position of the first entry that wasn't released, or of where it would be.
func (j *Journal) First() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first()
}

func (j *Journal) first() Position {
	if len(j.segs) == 0 {
		return at(j.cur.number, j.off)
	}
	return at(j.segs[0].number, headerSize)
}

// Stats tells how the journal is doing.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.First, s.Tail = j.first(), at(j.cur.number, j.off)
	s.Segments, s.MaxBytes, s.Held, s.Err = len(j.segs)+len(j.spares), j.opts.MaxBytes, j.held, j.err
	s.Bytes, s.Syncs = j.allocated(), j.syncsDone.Load()
	for _, seg := range j.segs {
		s.Pending += seg.limit.Load() - headerSize
	}
	s.Room = max(0, j.credit(j.cur.size-j.off, j.spares)-j.held)
	return s
}

// Release says that no reader needs what lies below upTo. Segments wholly below are emptied and used again, or deleted.
func (j *Journal) Release(upTo Position) error {
	j.mu.Lock()
	var gone []*segment
	for len(j.segs) > 1 && j.segs[0].number < upTo.segment() {
		gone = append(gone, j.segs[0])
		j.segs = j.segs[1:]
	}
	j.mu.Unlock()
	var errs []error
	for _, s := range gone {
		done, err := j.recycle(s)
		if !done {
			err = os.Remove(s.path)
			s.release()
		}
		errs = append(errs, err)
	}
	if len(gone) == 0 {
		return nil
	}
	j.mu.Lock()
	j.growErr = nil
	j.freed()
	j.mu.Unlock()
	j.poke()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("release journal up to %v: %w", upTo, err)
	}
	return nil
}

// keep is the keeper: it makes segments and touches pages ahead of the writers, and tries again while there is no room.
func (j *Journal) keep() {
	defer j.done.Done()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	armed := false // who is refused kicks, and must not put the retry off again and again
	for {
		j.mu.Lock()
		again := j.starve || j.growErr != nil
		j.mu.Unlock()
		if again && !armed {
			retry.Reset(200 * time.Millisecond)
			armed = true
		}
		select {
		case <-j.quit:
			return
		case <-retry.C:
			armed = false
			j.mu.Lock()
			j.growErr = nil
			j.mu.Unlock()
		case <-j.kick:
		}
		j.touchAhead()
		if err := j.extend(false); err != nil {
			j.log.Warn("the journal can't grow", "dir", j.dir, "err", err)
		}
	}
}

func (j *Journal) poke() {
	select {
	case j.kick <- struct{}{}:
	default:
	}
}
