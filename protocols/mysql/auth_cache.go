package mysql

import (
	"crypto/sha256"
	"crypto/subtle"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/gatefold/gatefold/internal/scram"
)

const maxProofs = 4096 // users whose password is known to fit

// proofs remembers of each password that fitted what caching_sha2_password's scramble can be checked by: in memory only, as
// MySQL's own cache does. An entry is of a user and their verifier, so that it is of no use once the password has changed.
type proofs struct {
	mu  sync.Mutex
	lru *simplelru.LRU[proofKey, *[sha256.Size]byte]
}

type proofKey struct {
	user     string
	verifier [sha256.Size]byte // hash
}

func newProofs() *proofs {
	lru, err := simplelru.NewLRU(maxProofs, func(_ proofKey, twice *[sha256.Size]byte) { clear(twice[:]) })
	if err != nil {
		panic("make a cache: " + err.Error()) // its size is a constant
	}
	return &proofs{lru: lru}
}

// keep remembers a password that fits.
func (p *proofs) keep(user string, v scram.Verifier, password []byte) {
	once := sha256.Sum256(password)
	twice := sha256.Sum256(once[:])
	clear(once[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	key := proofKey{user, sha256.Sum256([]byte(v.String()))}
	if old, ok := p.lru.Peek(key); ok {
		*old = twice // Add would drop the old one without wiping it
		return
	}
	p.lru.Add(key, &twice)
}

// check checks a scramble. It takes as long where nothing is remembered.
func (p *proofs) check(user string, v scram.Verifier, proof, scramble []byte) bool {
	key := proofKey{user, sha256.Sum256([]byte(v.String()))}
	var twice [sha256.Size]byte
	p.mu.Lock()
	kept, known := p.lru.Get(key)
	if known {
		twice = *kept
	}
	p.mu.Unlock()
	defer clear(twice[:])
	fits := checkSHA2(proof, scramble, twice[:])
	return subtle.ConstantTimeEq(b2i(fits), 1)&subtle.ConstantTimeEq(b2i(known), 1) == 1
}

func b2i(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
