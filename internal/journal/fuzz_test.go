package journal

import (
	"testing"
)

// FuzzSegment reads a segment of any content: each step gets on, and what is found is a frame that put would have
// written.
func FuzzSegment(f *testing.F) {
	whole := &segment{seed: 42, size: pageSize, data: make([]byte, pageSize)}
	off := int64(headerSize)
	for _, entry := range []string{"one", "two and some more", "three"} {
		whole.put(off, []byte(entry))
		off += frameSize(len(entry))
	}
	torn := append([]byte(nil), whole.data...)
	torn[headerSize+frameHeader] ^= 1
	f.Add(uint64(42), whole.data)
	f.Add(uint64(42), torn)
	f.Add(uint64(42), append(append([]byte(nil), whole.data[:headerSize]...), whole.data[headerSize+8:]...))
	f.Add(uint64(7), whole.data)
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		data = append([]byte(nil), data[:min(len(data), 1<<16)&^7]...)
		s := &segment{seed: seed, size: int64(len(data)), data: data}
		for off := int64(headerSize); off < s.size; {
			next, _, _ := s.find(off, s.size)
			if next < off || next > s.size {
				t.Fatalf("from %d to %d of %d", off, next, s.size)
			}
			if next == s.size {
				return
			}
			entry := s.get(next, s.size)
			end := next + frameSize(len(entry))
			if len(entry) == 0 || end > s.size || s.word(next, uint32(len(entry))) == 0 {
				t.Fatalf("a frame of %d bytes at %d", len(entry), next)
			}
			off = end
		}
	})
}
