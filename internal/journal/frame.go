package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// FORMAT of a frame, at a multiple of 8 bytes in its segment:
//
//	0   4  length n of the entry, at least 1
//	4   4  check: binds the length to this segment and this offset
//	8   4  CRC-32C of the entry, begun with the segment's seed
//	12  n  the entry
//	       zeros to a multiple of 8
//
// Length and check are written first, in one store: of a frame that was torn the length is known, so that what follows
// is found. A length without a valid check is no frame.
const frameHeader = 12

// frameSize is what an entry of n bytes takes.
func frameSize(n int) int64 { return (frameHeader + int64(n) + 7) &^ 7 }

// word is a frame's first 8 bytes.
func (s *segment) word(off int64, n uint32) uint64 {
	hi, lo := bits.Mul64(s.seed^uint64(off)*0x9e3779b97f4a7c15^uint64(n)<<32, 0xa0761d6478bd642f)
	return uint64(n) | (hi^lo)&^(1<<32-1)
}

func (s *segment) sum(entry []byte) uint32 { return crc32.Update(uint32(s.seed), castagnoli, entry) }

// put writes a frame at off. The caller made sure that it fits.
func (s *segment) put(off int64, entry []byte) {
	b := s.data[off : off+frameSize(len(entry))]
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&b[0])), s.word(off, uint32(len(entry))))
	binary.LittleEndian.PutUint32(b[8:], s.sum(entry))
	copy(b[frameHeader:], entry)
}

// head reads the length of the frame at off; 0: there is no frame there.
func (s *segment) head(off, limit int64) int64 {
	if off+frameHeader > limit {
		return 0
	}
	w := binary.LittleEndian.Uint64(s.data[off:])
	n := int64(uint32(w))
	if n == 0 || off+frameSize(int(n)) > limit || w != s.word(off, uint32(n)) {
		return 0
	}
	return n
}

// get returns the entry of the frame at off, aliasing the mapping; nil: there is none, or it is torn.
func (s *segment) get(off, limit int64) []byte {
	n := s.head(off, limit)
	if n == 0 {
		return nil
	}
	entry := s.data[off+frameHeader : off+frameHeader+n]
	if s.sum(entry) != binary.LittleEndian.Uint32(s.data[off+8:]) {
		return nil
	}
	return entry
}

// find returns the first whole frame at or after off, its offset and its entry; limit and nil, if there is none; and whether it
// passed over anything but zeros: frames that were torn. By its length a torn frame is skipped in one step, where that leads to a frame.
func (s *segment) find(off, limit int64) (at int64, entry []byte, torn bool) {
	for off+frameHeader <= limit {
		if entry := s.get(off, limit); entry != nil {
			return off, entry, torn
		}
		if binary.LittleEndian.Uint64(s.data[off:]) != 0 {
			torn = true
		}
		if n := s.head(off, limit); n > 0 {
			if next := off + frameSize(int(n)); next == limit || s.head(next, limit) > 0 {
				off = next
				continue
			}
		}
		off += 8
	}
	return limit, nil, torn
}

// fault is what a panic about memory carries under debug.SetPanicOnFault: the file under the mapping was cut short
// (SIGBUS), or the disk can't be read or written.
type fault interface {
	runtime.Error
	Addr() uintptr
}

// caught, deferred, turns a memory fault into an error and lets other panics go on.
func caught(err *error, doing, path string) {
	switch p := recover().(type) {
	case nil:
	case fault:
		*err = fmt.Errorf("%s %s: the disk below it fails or the file was cut short: %w", doing, path, p)
	default:
		panic(p)
	}
}
