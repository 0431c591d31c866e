package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// A session's records are a chain: each record's value is a hash of the one before, of its envelope and of a commitment to
// its payload. The commitment is salted, so that a payload that was erased can't be guessed from it. All values are
// SHA-256 under a name of their own, so that none can stand for another.
const (
	startName  = "gatefold chain start 1\x00"
	saltName   = "gatefold payload salt 1\x00"
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

// Salt derives the salt of a record's payload from the session's secret: the first half of
// HMAC-SHA-256(secret, name || seq), RFC 2104.
func Salt(secret [16]byte, seq uint64) [16]byte {
	var inner [sha256.BlockSize + len(saltName) + 8]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:], secret[:])
	copy(outer[:], secret[:])
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	copy(inner[sha256.BlockSize:], saltName)
	binary.BigEndian.PutUint64(inner[sha256.BlockSize+len(saltName):], seq)
	sum := sha256.Sum256(inner[:])
	copy(outer[sha256.BlockSize:], sum[:])
	sum = sha256.Sum256(outer[:])
	return [16]byte(sum[:16])
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

// Next is the chain value after a record whose number is seq, in one step.
func Next(prev Hash, secret [16]byte, seq uint64, envelope, payload []byte) Hash {
	return Link(prev, envelope, Commit(Salt(secret, seq), payload))
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
