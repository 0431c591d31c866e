package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// Leaf is what the log says of one block as it was first sealed: how far the chain of each session in it had got then.
// The block's bytes may change later, when it is rewritten with others or a payload is erased; what the leaf says holds.
type Leaf struct {
	Pos, End uint64 // journal positions of the block
	Last     int64  // the latest At in it, unix nanoseconds
	Heads    []Head // by ascending session, each once
}

// Head is how far a session's chain had got.
type Head struct {
	Session record.ID
	Last    uint64      // Seq
	Chain   record.Hash // value after Last
}

const (
	leafVersion = 1
	leafFixed   = 1 + 8 + 8 + 8 // version, Pos, End, Last
	minHead     = 16 + 1 + 32
	maxLeaf     = 64 << 20 // 64 MiB: more than a block of the shortest records has sessions
)

// LeafOf is the leaf of a block that is being sealed.
func LeafOf(b *record.Block) Leaf {
	l := Leaf{Pos: b.Pos, End: b.End, Last: b.Last, Heads: make([]Head, len(b.Spans))}
	for i := range b.Spans {
		s := &b.Spans[i]
		l.Heads[i] = Head{s.Session, s.Last, s.After}
	}
	slices.SortFunc(l.Heads, func(a, b Head) int { return bytes.Compare(a.Session[:], b.Session[:]) })
	return l
}

// AppendTo appends the leaf's canonical encoding: the version; Pos, End and Last, 8 bytes each, little endian; the number
// of heads; and each: session, Last, chain value. Numbers are uvarints.
func (l *Leaf) AppendTo(dst []byte) []byte {
	dst = append(dst, leafVersion)
	dst = binary.LittleEndian.AppendUint64(dst, l.Pos)
	dst = binary.LittleEndian.AppendUint64(dst, l.End)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(l.Last))
	dst = binary.AppendUvarint(dst, uint64(len(l.Heads)))
	for i := range l.Heads {
		h := &l.Heads[i]
		dst = append(dst, h.Session[:]...)
		dst = binary.AppendUvarint(dst, h.Last)
		dst = append(dst, h.Chain[:]...)
	}
	return dst
}

// ParseLeaf reads a leaf. What is not canonical is an error: one leaf has one encoding.
func ParseLeaf(b []byte) (l Leaf, err error) {
	switch {
	case len(b) < leafFixed+1:
		return l, fmt.Errorf("a leaf of %d bytes is none", len(b))
	case b[0] > leafVersion:
		return l, &record.VersionError{What: "leaf", Have: int(b[0]), Know: leafVersion}
	case b[0] != leafVersion:
		return l, fmt.Errorf("a leaf has no version %d", b[0])
	}
	l.Pos = binary.LittleEndian.Uint64(b[1:])
	l.End = binary.LittleEndian.Uint64(b[9:])
	l.Last = int64(binary.LittleEndian.Uint64(b[17:]))
	count, rest, ok := uvarint(b[leafFixed:])
	if !ok || count > uint64(len(rest)/minHead) {
		return l, fmt.Errorf("a leaf claims more sessions than it lists")
	}
	l.Heads = make([]Head, count)
	for i := range l.Heads {
		if rest, ok = l.Heads[i].parse(rest); !ok {
			return l, fmt.Errorf("session %d of a leaf is cut short or not canonical", i)
		}
		if i > 0 && bytes.Compare(l.Heads[i-1].Session[:], l.Heads[i].Session[:]) >= 0 {
			return l, fmt.Errorf("session %d of a leaf is out of order", i)
		}
	}
	if len(rest) > 0 {
		return l, fmt.Errorf("%d bytes stand behind a leaf", len(rest))
	}
	return l, nil
}

func (h *Head) parse(b []byte) (rest []byte, ok bool) {
	if len(b) < minHead {
		return b, false
	}
	copy(h.Session[:], b)
	if h.Last, b, ok = uvarint(b[len(h.Session):]); !ok || len(b) < len(h.Chain) {
		return b, false
	}
	copy(h.Chain[:], b)
	return b[len(h.Chain):], true
}

// uvarint takes a number in its shortest form off b.
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, b, false
	}
	return v, b[n:], true
}
