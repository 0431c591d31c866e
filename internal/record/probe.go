package record

import (
	"encoding/binary"
	"io"
)

// Probe asks a filter that lies in a block's bytes, at an offset as FilterPlace tells it, without reading all of it.
type Probe struct {
	Bytes io.ReaderAt // the block's
	Place FilterPlace
}

// FilterPlace is where in a block's bytes its filter of words lies.
type FilterPlace struct {
	Offset, Size int64
	Hashes       uint8
}

// FilterIn tells where the filter of b lies in its bytes, raw.
func FilterIn(b *Block, raw []byte) FilterPlace {
	head := int64(binary.LittleEndian.Uint32(raw[len(blockMagic)+1:]))
	size := int64(len(b.Words.Bits)) // it ends the head
	return FilterPlace{Offset: int64(prefixSize) + head - size, Size: size, Hashes: b.Words.Hashes}
}

// wholeFilter is up to what size a filter is read at once.
const wholeFilter = 16 << 10 // 16 KiB

// May tells for each word, folded as Words does, whether it may have been added.
func (p *Probe) May(words [][]byte, found func(i int)) error {
	if p.Place.Size == 0 {
		return nil
	}
	if p.Place.Size <= wholeFilter {
		f := Filter{make([]byte, p.Place.Size), p.Place.Hashes}
		if _, err := p.Bytes.ReadAt(f.Bits, p.Place.Offset); err != nil {
			return err
		}
		for i, w := range words {
			if f.May(w) {
				found(i)
			}
		}
		return nil
	}
	for i, w := range words {
		may, err := p.may(w)
		if err != nil {
			return err
		}
		if may {
			found(i)
		}
	}
	return nil
}

// may reads the bytes in which the word's bits are.
func (p *Probe) may(word []byte) (bool, error) {
	at, step := walk(wordKey(word))
	for range p.Place.Hashes {
		var b [1]byte
		i := at % (uint64(p.Place.Size) * 8)
		if _, err := p.Bytes.ReadAt(b[:], p.Place.Offset+int64(i/8)); err != nil {
			return false, err
		}
		if b[0]>>(i%8)&1 == 0 {
			return false, nil
		}
		at += step
	}
	return true, nil
}

// Has reports whether a word, folded as Words does, was added. Other than a filter it says yes to no other word but one whose
// hash is the same.
func (s *WordSet) Has(word []byte) bool {
	if s.n == 0 {
		return false
	}
	h, mask := wordKey(word), uint64(len(s.slots)-1)
	for i := mix(h) & mask; s.slots[i] != 0; i = (i + 1) & mask {
		if s.slots[i] == h {
			return true
		}
	}
	return false
}
