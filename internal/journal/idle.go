package journal

import (
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// A segment that was released is kept to become the next one: that its pages are in memory and its blocks on disk is most of
// what a new one costs. It is made zeros at once, so that what was in it is gone and a new frame is as certain as
// in a new file. Under its name of idleSuffix a start removes it as one that was never finished.

// maxIdle is how many are kept.
const maxIdle = 2

const idleSuffix = ".new" // of a segment that isn't one yet

// empty makes zeros of all that was written, under a name that is no segment's. Nobody else holds s.
func (s *segment) empty() (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err, "empty journal segment", s.path)
	if err := os.Rename(s.path, s.path+idleSuffix); err != nil {
		return err
	}
	s.path += idleSuffix
	clear(s.data[:s.limit.Load()])
	return nil
}

// again makes an empty segment the one of a number. After an error it is of no more use.
func (s *segment) again(dir string, number uint32) (*segment, error) {
	seed, err := writeHeader(s.file, number, s.size)
	if err != nil {
		return nil, err
	}
	if err := unix.Msync(s.data[:pageSize], unix.MS_SYNC); err != nil {
		return nil, err
	}
	path := segmentPath(dir, number)
	if err := os.Rename(s.path, path); err != nil {
		return nil, err
	}
	s.path = path
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	next := &segment{number: number, seed: seed, size: s.size, made: s.size, path: path, file: s.file, data: s.data}
	next.limit.Store(headerSize)
	next.refs.Store(1)
	return next, nil
}

// remove takes away a segment that the journal doesn't need.
func (s *segment) remove() error {
	err := os.Remove(s.path)
	s.release()
	return err
}

// retire keeps a segment that was released for later, or removes it. With Options.Sync none is kept: its zeros would have to be
// on disk before it is used, which a new file's are for nothing.
func (j *Journal) retire(s *segment) error {
	j.mu.Lock()
	keep := !j.opts.Sync && j.err == nil && len(j.idle) < maxIdle && s.size == j.opts.SegmentSize && s.refs.Load() == 1
	j.mu.Unlock()
	if !keep || s.empty() != nil {
		return s.remove()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return s.remove()
	}
	j.idle = append(j.idle, s)
	return nil
}

// reuse makes the next segment of an idle one; nil: there is none that can be used.
func (j *Journal) reuse(number uint32) *segment {
	j.mu.Lock()
	n := len(j.idle)
	if n == 0 {
		j.mu.Unlock()
		return nil
	}
	s := j.idle[n-1]
	j.idle = j.idle[:n-1]
	j.mu.Unlock()
	next, err := s.again(j.dir, number)
	if err != nil {
		j.log.Warn("a segment of the journal can't be used again", "file", s.path, "err", err)
		s.remove()
		return nil
	}
	return next
}
