package journal

import (
	"encoding/binary"
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
	found, err := openAll(j.dir)
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
	return j.resume(found, tail, end)
}

// resume decides where the journal goes on: in the segment of its tail, in the first of the empty ones, or in a new one.
func (j *Journal) resume(found []*segment, tail int, end int64) error {
	number := j.opts.After.segment()
	usable := found[tail+1:]
	j.segs = slices.Clip(found[:tail+1])
	if tail >= 0 {
		s := found[tail]
		number = max(number, s.number)
		if at(s.number, end) >= j.opts.After && !s.done.Load() && s.checkSpare() == nil {
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

// openAll opens the folder's segments by ascending number.
func openAll(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []*segment
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasSuffix(path, ".seg.new"): // a crash came before it had its name
			if err := os.Remove(path); err != nil {
				return found, err
			}
		case strings.HasSuffix(path, ".seg"):
			s, err := openSegment(path)
			if err != nil {
				return found, err
			}
			found = append(found, s)
		}
	}
	sort.Slice(found, func(a, b int) bool { return found[a].number < found[b].number })
	return found, nil
}

// cut finds the end of the segment's last whole frame, sets its limit there, and makes what lies behind zeros: a frame
// that a crash tore. headerSize: it holds none.
func (j *Journal) cut(s *segment) (end int64, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err, "read journal segment", s.path)
	end = headerSize
	for off := int64(headerSize); off < s.size; {
		next, torn := s.find(off, s.size)
		if torn {
			j.stats.Torn++
			j.log.Warn("the journal has a torn frame: written half when the process or the machine died",
				"segment", s.path, "from", off, "to", next)
		}
		if next == s.size {
			break
		}
		off = next + frameSize(len(s.get(next, s.size)))
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
