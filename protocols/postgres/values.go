package postgres

import (
	"encoding/binary"

	"github.com/gatefold/gatefold/internal/record"
)

// bindHead is what stands before the values of a Bind.
type bindHead struct {
	portal, statement []byte
	formats           []byte // two bytes each
	count             int    // values
	size              int    // bytes of all this
}

// decodeBindHead reads the start of a Bind's body. short: it goes on past b.
func decodeBindHead(b []byte) (h bindHead, short, ok bool) {
	r := body{b: b}
	h.portal, h.statement = r.text(), r.text()
	h.formats = r.take(2 * r.uint16())
	h.count = r.uint16()
	if r.bad {
		return h, true, false
	}
	h.size = len(b) - len(r.b)
	return h, false, formatsFit(h.formats, h.count)
}

// values takes the values of a Bind apart, in portions: the body may be longer than what is ever held of it.
type values struct {
	types   []uint32 // known types of the parameters
	formats []byte   // its own
	count   int      // values in all
	next    int      // the value that begins next
	size    int      // bytes of the value that is being read
	left    int      // bytes of it to come
	tail    int      // bytes of the result formats to come; -1: their number isn't known yet
	small   [4]byte  // a length that is cut
	have    int      // bytes of it
}

func (v *values) begin(h bindHead, types []uint32) {
	v.formats = append(v.formats[:0], h.formats...)
	*v = values{types: types, formats: v.formats, count: h.count, tail: -1}
}

// feed takes the next portion. Values that begin in it are appended to params, the last of them perhaps not whole:
// left then says how much is missing. rest is what the portion gives to the value that the one before left open.
func (v *values) feed(p []byte, params []record.Param) (rest []byte, out []record.Param, ok bool) {
	if v.left > 0 {
		n := min(v.left, len(p))
		rest, p = p[:n:n], p[n:]
		v.left -= n
	}
	for len(p) > 0 && v.next < v.count {
		n, got := v.number(4, p)
		p = p[n:]
		if !got {
			return rest, params, true
		}
		param := record.Param{Format: formatOf(v.formats, v.next)}
		if v.next < len(v.types) {
			param.Type = v.types[v.next]
		}
		v.next++
		size := int32(binary.BigEndian.Uint32(v.small[:]))
		if size < -1 {
			return rest, params, false
		}
		if param.Null = size == -1; !param.Null {
			v.size, v.left = int(size), int(size)
			n = min(v.left, len(p))
			param.Value, p = p[:n:n], p[n:]
			v.left -= n
		}
		params = append(params, param)
	}
	return rest, params, v.feedTail(p)
}

// feedTail takes the result formats: their number, and two bytes for each.
func (v *values) feedTail(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	if v.tail < 0 {
		n, got := v.number(2, p)
		p = p[n:]
		if !got {
			return true
		}
		v.tail = 2 * int(binary.BigEndian.Uint16(v.small[:]))
	}
	if len(p) > v.tail {
		return false
	}
	v.tail -= len(p)
	return true
}

// number collects size bytes of p in small: how many it took, and whether they are all there.
func (v *values) number(size int, p []byte) (int, bool) {
	n := copy(v.small[v.have:size], p)
	v.have += n
	if v.have < size {
		return n, false
	}
	v.have = 0
	return n, true
}

// whole reports whether the body may end here.
func (v *values) whole() bool { return v.next == v.count && v.left == 0 && v.tail == 0 }
