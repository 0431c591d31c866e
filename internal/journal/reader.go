package journal

import (
	"fmt"
	"io"
	"math"
	"runtime/debug"
)

// LostError says that a reader asked for a position whose segment is not there: deleted by someone, or released.
type LostError struct {
	From, First Position // asked for; the first that there is
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the journal begins at %v: what was between it and %v is gone", e.First, e.From)
}

// Reader reads entries in order. It belongs to one goroutine. It holds a segment's mapping while it reads there, so that
// Release never takes it away from under it.
type Reader struct {
	j     *Journal
	seg   *segment
	off   int64
	buf   []byte
	torn  uint64
	alarm Position
	bell  chan struct{}
}

// Reader returns a reader that begins at from; 0 is the first entry that there is. A *LostError tells when entries from
// there on are missing.
func (j *Journal) Reader(from Position) (*Reader, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return nil, j.err
	}
	if from == 0 {
		from = j.first()
	}
	if from > at(j.cur.number, j.off) {
		return nil, fmt.Errorf("read journal from %v: it ends at %v", from, at(j.cur.number, j.off))
	}
	for _, s := range j.segs {
		if s.number == from.segment() {
			s.acquire()
			return &Reader{j: j, seg: s, off: max(headerSize, from.offset()), alarm: math.MaxUint64,
				bell: make(chan struct{}, 1)}, nil
		}
		if s.number > from.segment() {
			return nil, &LostError{from, at(s.number, headerSize)}
		}
	}
	return nil, &LostError{from, at(j.cur.number, j.off)}
}

// Next returns the next entry, valid until the next call, and the position behind it. io.EOF: there is none yet. Torn
// frames are passed over and counted.
func (r *Reader) Next() (entry []byte, next Position, err error) {
	for {
		done := r.seg.done.Load() // before limit: when it is set, limit is final
		limit := r.seg.limit.Load()
		if r.off < limit {
			if err := r.read(limit); err != nil {
				return nil, 0, err
			}
			if len(r.buf) > 0 {
				return r.buf, r.Position(), nil
			}
			continue
		}
		if !done {
			return nil, r.Position(), io.EOF
		}
		if err := r.step(); err != nil {
			return nil, r.Position(), err
		}
	}
}

// Position is where Next goes on.
func (r *Reader) Position() Position { return at(r.seg.number, r.off) }

// read copies the next entry below limit to buf and moves behind it; buf is empty when there is none.
func (r *Reader) read(limit int64) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err, "read journal segment", r.seg.path)
	r.buf = r.buf[:0]
	found, entry, torn := r.seg.find(r.off, limit)
	if torn {
		r.torn++
		r.j.log.Warn("a torn frame of the journal was passed over", "segment", r.seg.path, "from", r.off, "to", found)
		r.j.mu.Lock()
		r.j.stats.Torn++
		r.j.mu.Unlock()
	}
	if found >= limit {
		r.off = limit
		return nil
	}
	r.buf = append(r.buf, entry...)
	r.off = found + frameSize(len(r.buf))
	return nil
}

// step goes on to the segment behind. io.EOF: there is none yet.
func (r *Reader) step() error {
	r.j.mu.Lock()
	defer r.j.mu.Unlock()
	if r.j.err != nil && len(r.j.segs) == 0 {
		return r.j.err
	}
	for _, s := range r.j.segs {
		if s.number > r.seg.number {
			s.acquire()
			r.seg.release()
			r.seg, r.off = s, headerSize
			return nil
		}
	}
	return io.EOF
}

// Torn is how many places with damaged frames this reader passed over.
func (r *Reader) Torn() uint64 { return r.torn }

// Notify returns a channel that gets a token when the tail goes past p, or has gone. Asking again replaces what was
// asked before; a token may be left from that.
func (r *Reader) Notify(p Position) <-chan struct{} {
	r.j.mu.Lock()
	defer r.j.mu.Unlock()
	if r.alarm == math.MaxUint64 {
		r.j.alarms = append(r.j.alarms, r)
	}
	r.alarm = p + 1
	r.j.alarm = min(r.j.alarm, r.alarm)
	if tail := at(r.j.cur.number, r.j.off); tail > p {
		r.j.ring(tail)
	}
	return r.bell
}

// ring wakes the readers whose alarm the tail has reached.
func (j *Journal) ring(tail Position) {
	rest := j.alarms[:0]
	j.alarm = math.MaxUint64
	for _, r := range j.alarms {
		if r.alarm > tail {
			rest = append(rest, r)
			j.alarm = min(j.alarm, r.alarm)
			continue
		}
		r.alarm = math.MaxUint64
		select {
		case r.bell <- struct{}{}:
		default:
		}
	}
	j.alarms = rest
}

// Close ends the reader.
func (r *Reader) Close() {
	r.j.mu.Lock()
	defer r.j.mu.Unlock()
	rest := r.j.alarms[:0]
	for _, other := range r.j.alarms {
		if other != r {
			rest = append(rest, other)
		}
	}
	r.j.alarms = rest
	r.seg.release()
}

// Distance is how many bytes lie between two positions, as far as the segments between are known.
func (j *Journal) Distance(from, to Position) (n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.segs {
		lo, hi := int64(headerSize), s.limit.Load()
		if s.number == from.segment() {
			lo = max(lo, from.offset())
		}
		if s.number == to.segment() {
			hi = min(hi, to.offset())
		}
		if s.number >= from.segment() && s.number <= to.segment() {
			n += max(0, hi-lo)
		}
	}
	return n
}
