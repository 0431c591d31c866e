package journal

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// maxSpares is how many segments ahead are kept of those that were released; the rest goes from the disk.
const maxSpares = 3

// recycle makes the next segment of one that was released and that nobody reads any more: its pages are in memory and its room
// on disk, which a new file has yet to get. What it held is overwritten. false: it is not wanted, or not fit, and stays as it is.
//
// A crash on the way leaves a file that isn't a segment by its name, which Open deletes.
func (j *Journal) recycle(s *segment) (bool, error) {
	if j.opts.Sync { // a sync would write the zeros to the disk before the entries
		return false, nil
	}
	j.grow.Lock()
	defer j.grow.Unlock()
	j.mu.Lock()
	wanted := j.err == nil && len(j.spares) < maxSpares && s.size == j.opts.SegmentSize && s.made == s.size && s.refs.Load() == 1
	number := j.cur.number + uint32(len(j.spares)) + 1
	j.mu.Unlock()
	if !wanted {
		return false, nil
	}
	next, err := s.renew(segmentPath(j.dir, number), number)
	if err != nil {
		return true, errors.Join(err, os.Remove(s.path))
	}
	if err := syncDir(j.dir); err != nil {
		next.release()
		return true, errors.Join(err, os.Remove(next.path))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spares = append(j.spares, next)
	return true, nil
}

// renew empties a segment and gives it another number and seed. It is no more what it was, whatever comes of that; s.path is
// where its file is.
func (s *segment) renew(path string, number uint32) (next *segment, err error) {
	if err := s.rename(path + ".new"); err != nil {
		s.release()
		return nil, err
	}
	if err := s.wipe(); err != nil {
		s.release()
		return nil, err
	}
	seed, err := writeHeader(s.file, number, s.size)
	if err == nil { // no other page of the file has to be on disk, and its room is
		err = unix.SyncFileRange(int(s.file.Fd()), 0, pageSize, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	}
	if err == nil {
		err = s.rename(path)
	}
	if err != nil {
		s.release()
		return nil, fmt.Errorf("use journal segment %s again: %w", s.path, err)
	}
	next = &segment{number: number, seed: seed, size: s.size, made: s.size, path: path, file: s.file, data: s.data}
	next.limit.Store(headerSize)
	next.refs.Store(1)
	return next, nil
}

func (s *segment) rename(path string) error {
	if err := os.Rename(s.path, path); err != nil {
		return err
	}
	s.path = path
	return nil
}

// wipe makes zeros of all that was written.
func (s *segment) wipe() (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err, "wipe journal segment", s.path)
	clear(s.data[headerSize:s.limit.Load()])
	return nil
}
