package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
)

// recover opens the segments that there are, finds the tail, cuts what is behind it, and makes the first segment where
// there is none to go on in.
func (j *Journal) recover() error {
	found, used, err := j.openAll()
	j.segs = found // Open unmaps them after an error
	if err != nil {
		return err
	}
	tail := -1 // index of the last segment that holds a frame
	var end int64
	for i := len(found) - 1; i >= 0 && tail < 0; i-- {
		last, err := j.cut(found[i])
		if err != nil {
			return err
		}
		if last > headerSize {
			tail, end = i, last
		}
	}
	for i, s := range found[:max(tail, 0)] {
		if found[i+1].number != s.number+1 {
			j.log.Error("segments of the journal are missing", "dir", j.dir, "from", s.number+1, "to", found[i+1].number-1)
		}
		s.limit.Store(s.size)
		s.done.Store(true)
	}
	return j.resume(found, tail, end, used)
}

// resume decides where the journal goes on: in the segment of its tail, in the first of the empty ones, or in a new one,
// behind all numbers that are used.
func (j *Journal) resume(found []*segment, tail int, end int64, used uint32) error {
	number := max(j.opts.After.segment(), used)
	usable := found[tail+1:]
	j.segs = slices.Clip(found[:tail+1])
	if tail >= 0 {
		s := found[tail]
		number = max(number, s.number)
		if at(s.number, end) >= j.opts.After && s.number >= used && !s.done.Load() && s.checkSpare() == nil {
			j.cur, j.off = s, end
			j.wake = end
		} else {
			s.done.Store(true)
		}
	}
	for _, s := range usable {
		next := number + 1 + uint32(len(j.spares))
		if s.number == next && s.size == j.opts.SegmentSize && !s.done.Load() && s.checkSpare() == nil {
			j.spares = append(j.spares, s)
			continue
		}
		s.release()
		if err := os.Remove(s.path); err != nil { // it is empty, and its number comes before what is known to be used
			return err
		}
	}
	if j.cur != nil {
		return nil
	}
	if len(j.spares) == 0 {
		s, err := createSegment(j.dir, number+1, j.opts.SegmentSize)
		if err != nil {
			return err
		}
		j.spares = append(j.spares, s)
	}
	j.cur = j.spares[0]
	j.spares = j.spares[1:]
	j.segs = append(j.segs, j.cur)
	j.off, j.wake = headerSize, headerSize
	return nil
}

// openAll opens the folder's segments by ascending number. One that can't be read at all is put aside, loudly, so that the
// rest goes on; its number counts as used.
func (j *Journal) openAll() (found []*segment, used uint32, err error) {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		path := filepath.Join(j.dir, e.Name())
		switch {
		case strings.HasSuffix(path, ".seg.new"): // a crash came before it had its name
			if err := os.Remove(path); err != nil {
				return found, 0, err
			}
		case strings.HasSuffix(path, ".seg"):
			s, err := openSegment(path)
			var damage *DamageError
			switch {
			case errors.As(err, &damage):
				if used, err = j.putAside(damage, used); err != nil {
					return found, 0, err
				}
			case err != nil:
				return found, 0, err
			default:
				j.tellShort(s)
				found = append(found, s)
			}
		case e.Name() != lockName && !strings.HasSuffix(path, asideSuffix) && !slices.Contains(j.opts.Beside, e.Name()):
			j.log.Warn("a file in the journal's folder is not the journal's: move it away", "file", path)
		}
	}
	sort.Slice(found, func(a, b int) bool { return found[a].number < found[b].number })
	return found, used, nil
}

const (
	lockName    = "lock"
	asideSuffix = ".damaged"
)

// putAside gives a file that is no readable segment another name.
func (j *Journal) putAside(damage *DamageError, used uint32) (uint32, error) {
	if err := os.Rename(damage.Path, damage.Path+asideSuffix); err != nil {
		return used, err
	}
	j.stats.Aside++
	j.log.Error("a segment of the journal can't be read and was put aside: what it held beyond the archive is missing",
		"file", damage.Path+asideSuffix, "at", damage.Offset, "why", damage.Reason)
	var number uint32
	if _, err := fmt.Sscanf(filepath.Base(damage.Path), "%08x.seg", &number); err == nil {
		used = max(used, number)
	}
	return used, nil
}

// tellShort says when a segment isn't as large as it was made: what there is of it is read.
func (j *Journal) tellShort(s *segment) {
	if s.made == s.size {
		return
	}
	j.stats.Short++
	j.log.Error("a segment of the journal is not as large as it was made: what there is of it is read, entries behind that are lost",
		"file", s.path, "from", s.size, "made", s.made)
}

// cut finds the end of the segment's last whole frame, sets its limit there, and makes what lies behind zeros: a frame
// that a crash tore. headerSize: it holds none.
func (j *Journal) cut(s *segment) (end int64, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err, "read journal segment", s.path)
	end = headerSize
	for off := int64(headerSize); off < s.size; {
		next, entry, torn := s.find(off, s.size)
		if torn {
			j.stats.Torn++
			j.log.Warn("the journal has a torn frame: written half when the process or the machine died",
				"segment", s.path, "from", off, "to", next)
		}
		if next == s.size {
			break
		}
		off = next + frameSize(len(entry))
		end = off
	}
	s.limit.Store(end)
	for off := end; off < s.size; off += 8 {
		if w := s.data[off : off+8]; binary.LittleEndian.Uint64(w) != 0 {
			clear(w)
		}
	}
	if end > s.size {
		return 0, fmt.Errorf("segment %s ends behind its size", s.path)
	}
	return end, nil
}
