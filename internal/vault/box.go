package vault

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// Box seals what other rooms must keep secret, under a key of their own that the master key gives (RFC 5869). Safe for
// concurrent use.
type Box struct{ key []byte }

// NewBox makes a box for one purpose. The master key stays the caller's to wipe.
func NewBox(master []byte, purpose string) (*Box, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("make a box for %s: %w", purpose, ErrBadKey)
	}
	key, err := hkdf.Key(sha256.New, master, nil, "gatefold "+purpose, KeySize)
	if err != nil {
		return nil, fmt.Errorf("make a box for %s: %w", purpose, err)
	}
	return &Box{key}, nil
}

// Seal encrypts plain and binds it to what the parts say: nonce (12 bytes) || AES-256-GCM text || tag (16 bytes).
func (b *Box) Seal(plain []byte, parts ...string) []byte { return seal(b.key, plain, parts...) }

// Open undoes Seal. The caller wipes what it gets.
func (b *Box) Open(sealed []byte, parts ...string) ([]byte, error) {
	plain, err := open(b.key, sealed, parts...)
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// String keeps the key out of logs.
func (*Box) String() string { return "box" }

// GoString keeps the key out of %#v.
func (*Box) GoString() string { return "box" }
