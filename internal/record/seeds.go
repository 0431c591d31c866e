package record

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// The salts of a session's payloads are the leaves of a tree of seeds, in the manner of Goldreich, Goldwasser and Micali:
// the session's secret is its root, a seed's two children are hashes of it, and the leaf that Seq leads to, bit by bit
// from the highest, is the record's salt. Seeds tell of what is below them and nothing else. So a salt is destroyed by
// replacing the root with the seeds beside the path to it: all others can still be derived, this one can't.
const (
	seedName  = "gatefold payload seed 1\x00"
	seedDepth = 40 // bits of Seq, so a session ends before 2^40 records
)

// MaxSeq is the last number that a session's record can have.
const MaxSeq = 1<<seedDepth - 1

// MaxSecret is how many bytes a secret may have: enough for some hundred payloads erased here and there in a session.
const MaxSecret = 64 << 10 // 64 KiB

// ErrErased says that a secret has been punctured so often that it can't be once more.
var ErrErased = errors.New("too many payloads of this session were erased one by one")

type seed [16]byte

// child is the seed below on one side: SHA-256(name || seed || bit), its first half.
func (s seed) child(bit byte) seed {
	var b [len(seedName) + len(s) + 1]byte
	copy(b[:], seedName)
	copy(b[len(seedName):], s[:])
	b[len(b)-1] = bit
	sum := sha256.Sum256(b[:])
	return seed(sum[:16])
}

// Secret is what the salts of a session's payloads come from, in its encoded form: the 16 bytes of the root or, where
// payloads were erased, the seeds that are left, by ascending prefix, 22 bytes each: the depth (1 to 40), the prefix of
// all Seqs below it (40 bits, big endian, the bits below the depth 0), the seed. Never shown. Empty: there is none.
type Secret string

const (
	rootSize   = 16
	prefixRoom = seedDepth / 8
	seedSize   = 1 + prefixRoom + rootSize
)

// NewSecret is a whole secret.
func NewSecret(root [16]byte) Secret { return Secret(root[:]) }

// ParseSecret reads a secret that comes from outside.
func ParseSecret(b []byte) (Secret, error) {
	s := Secret(b)
	return s, s.check()
}

// check reports what is not canonical.
func (s Secret) check() error {
	switch {
	case len(s) == rootSize:
		return nil
	case len(s) == 0 || len(s)%seedSize != 0 || len(s) > MaxSecret:
		return fmt.Errorf("a secret of %d bytes is none", len(s))
	}
	end := uint64(0) // of the Seqs that the seeds so far are for
	for rest := s; len(rest) > 0; rest = rest[seedSize:] {
		n := rest.first()
		width := uint64(1) << (seedDepth - min(n.depth, seedDepth))
		if n.depth < 1 || n.depth > seedDepth || n.prefix%width != 0 || n.prefix < end {
			return errors.New("a secret's seeds are out of order")
		}
		end = n.prefix + width
	}
	return nil
}

// Punctured reports whether some salts can't be derived any more.
func (s Secret) Punctured() bool { return len(s) > rootSize }

// node is a seed with its place in the tree: it is for the Seqs whose first depth bits are those of prefix.
type node struct {
	depth  int
	prefix uint64
	seed   seed
}

func (n *node) holds(seq uint64) bool { return (seq^n.prefix)>>(seedDepth-n.depth) == 0 }

// first reads the first seed of a list.
func (s Secret) first() (n node) {
	n.depth = int(s[0])
	for _, c := range []byte(s[1 : 1+prefixRoom]) {
		n.prefix = n.prefix<<8 | uint64(c)
	}
	copy(n.seed[:], s[1+prefixRoom:seedSize])
	return n
}

func (n *node) appendTo(dst []byte) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n.prefix)
	dst = append(append(dst, byte(n.depth)), b[8-prefixRoom:]...)
	return append(dst, n.seed[:]...)
}

// above finds the seed that the salt of seq comes from; not ok: it was erased.
func (s Secret) above(seq uint64) (n node, ok bool) {
	switch {
	case seq > MaxSeq || len(s) < rootSize:
		return n, false
	case !s.Punctured():
		copy(n.seed[:], s)
		return n, true
	}
	for rest := s; len(rest) >= seedSize; rest = rest[seedSize:] {
		if n = rest.first(); n.holds(seq) {
			return n, true
		}
	}
	return n, false
}

// Puncture returns the secret without what the salt of seq can be derived from.
func (s Secret) Puncture(seq uint64) (Secret, error) {
	gone, ok := s.above(seq)
	if !ok {
		return s, nil
	}
	var kept []node
	if s.Punctured() {
		for rest := s; len(rest) > 0; rest = rest[seedSize:] {
			if n := rest.first(); n.depth != gone.depth || n.prefix != gone.prefix {
				kept = append(kept, n)
			}
		}
	}
	for n := gone; n.depth < seedDepth; {
		bit := byte(seq >> (seedDepth - 1 - n.depth) & 1)
		kept = append(kept, n.below(1-bit))
		n = n.below(bit)
	}
	slices.SortFunc(kept, func(a, b node) int { return int(int64(a.prefix) - int64(b.prefix)) })
	if len(kept) == 0 || len(kept)*seedSize > MaxSecret {
		return s, ErrErased
	}
	var b []byte
	for i := range kept {
		b = kept[i].appendTo(b)
	}
	return Secret(b), nil
}

// below is a node's child.
func (n node) below(bit byte) node {
	depth := n.depth + 1
	return node{depth, n.prefix | uint64(bit)<<(seedDepth-depth), n.seed.child(bit)}
}

// Salts derives salts from s.
func (s Secret) Salts() *Salter { return &Salter{secret: s} }

// Salter derives a session's salts. It keeps the path to the last one, so that one after the other takes two hashes
// each. Invariant: if known, path[top] to path[seedDepth] are the seeds on the way to seq.
type Salter struct {
	secret Secret
	seq    uint64
	top    int
	known  bool
	path   [seedDepth + 1]seed
}

// Secret is what the salts come from.
func (t *Salter) Secret() Secret { return t.secret }

// Salt returns the salt of a record's payload; not ok: it can't be derived, since the payload was erased.
func (t *Salter) Salt(seq uint64) (salt [16]byte, ok bool) {
	from := 0
	if t.known {
		from = seedDepth - bits.Len64(seq^t.seq) // where the paths part
	}
	if !t.known || from < t.top {
		n, ok := t.secret.above(seq)
		if !ok {
			t.known = false
			return salt, false
		}
		from, t.top = n.depth, n.depth
		t.path[from] = n.seed
	}
	for i := from; i < seedDepth; i++ {
		t.path[i+1] = t.path[i].child(byte(seq >> (seedDepth - 1 - i) & 1))
	}
	t.seq, t.known = seq, true
	return t.path[seedDepth], true
}
