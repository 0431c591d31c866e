package checkpoint

import "golang.org/x/mod/sumdb/tlog"

// Tree computes a log's hashes leaf by leaf (RFC 6962, section 2.1). It remembers the roots of the complete subtrees, from
// the largest, on the left, to the smallest: as many as Size has bits set.
type Tree struct {
	size  int64
	roots []tlog.Hash
}

// Size is how many leaves it has.
func (t *Tree) Size() int64 { return t.size }

// Add takes the hash of the next leaf. It appends the hashes that become final with it to dst, in the order in which tlog
// numbers them.
func (t *Tree) Add(dst []tlog.Hash, leaf tlog.Hash) []tlog.Hash {
	dst = append(dst, leaf)
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.roots) - 1
		leaf = tlog.NodeHash(t.roots[last], leaf)
		t.roots = t.roots[:last]
		dst = append(dst, leaf)
	}
	t.roots = append(t.roots, leaf)
	t.size++
	return dst
}

// Root is the hash of the whole tree; that of no leaves is SHA-256 of nothing.
func (t *Tree) Root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil)
		return h
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.roots[i], h)
	}
	return h
}

// treeOf takes a tree of this size up again from its stored hashes.
func treeOf(size int64, stored tlog.HashReader) (Tree, error) {
	var at []int64
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 1 {
			at = append(at, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	roots, err := stored.ReadHashes(at)
	return Tree{size, roots}, err
}
