package record

import (
	"bytes"
	"crypto/sha256"
)

// A session's records are a chain: each record's value is a hash of the one before, of its envelope and of a commitment to
// its payload. The commitment is salted, so that a payload that was erased can't be guessed from it: then the commitment
// itself stands in the payload's place. All values are SHA-256 under a name of their own, so that none can stand for
// another.
const (
	startName  = "gatefold chain start 1\x00"
	commitName = "gatefold payload 1\x00"
	linkName   = "gatefold chain link 1\x00"
)

// Start is the chain value before a session's first record.
func Start(id ID) Hash {
	var b [len(startName) + len(id)]byte
	copy(b[:], startName)
	copy(b[len(startName):], id[:])
	return sha256.Sum256(b[:])
}

// Commit binds a record to its payload: SHA-256(name || salt || payload).
func Commit(salt [16]byte, payload []byte) Hash {
	var b [hashRoom]byte
	head := append(append(b[:0], commitName...), salt[:]...)
	return hash(head, payload)
}

// Link is the chain value after a record: SHA-256(name || prev || commitment || envelope).
func Link(prev Hash, envelope []byte, commitment Hash) Hash {
	var b [hashRoom]byte
	head := append(append(append(b[:0], linkName...), prev[:]...), commitment[:]...)
	return hash(head, envelope)
}

// Next is the chain value after a record whose number is seq, in one step. Where neither the payload nor its commitment
// can be had, it is a value that no chain has.
func Next(prev Hash, salts *Salter, seq uint64, envelope, payload []byte) Hash {
	if commitment, ok := Erased(payload); ok {
		return Link(prev, envelope, commitment)
	}
	salt, ok := salts.Salt(seq)
	if !ok {
		return Hash{}
	}
	return Link(prev, envelope, Commit(salt, payload))
}

// erasedSize is how long the place of an erased payload is: byte 0 and the commitment.
const erasedSize = 1 + sha256.Size

// Erased returns the commitment that stands in the place of an erased payload; not ok: it is no erased one.
func Erased(payload []byte) (commitment Hash, ok bool) {
	if len(payload) != erasedSize || payload[0] != 0 {
		return commitment, false
	}
	return Hash(payload[1:]), true
}

// AppendErased appends what takes the place of a payload that is erased.
func AppendErased(dst []byte, commitment Hash) []byte {
	return append(append(dst, 0), commitment[:]...)
}

// hashRoom is how much is hashed in one piece on the stack.
const hashRoom = 1 << 10 // 1 KiB

// hash hashes head and tail. What is short goes behind head, in one piece and without a digest on the heap.
func hash(head, tail []byte) Hash {
	if len(head)+len(tail) <= cap(head) {
		return sha256.Sum256(append(head, tail...))
	}
	h := sha256.New()
	h.Write(bytes.Clone(head)) // head itself stays on its caller's stack
	h.Write(tail)
	var sum Hash
	h.Sum(sum[:0])
	return sum
}
