package mysql

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"filippo.io/edwards25519"
)

// The arithmetic of the authentication plugins. What is returned holds no password, but may be guessed at.

// proveNative is mysql_native_password's SHA1(password) XOR SHA1(scramble, SHA1(SHA1(password))) ("Native Authentication").
func proveNative(password, scramble []byte) []byte {
	once := sha1.Sum(password)
	defer clear(once[:])
	twice := sha1.Sum(once[:])
	defer clear(twice[:])
	proof := mixNative(scramble, twice[:])
	subtle.XORBytes(proof, proof, once[:])
	return proof
}

func mixNative(scramble, twice []byte) []byte {
	h := sha1.New()
	h.Write(scramble)
	h.Write(twice)
	return h.Sum(nil)
}

// checkNative checks a proof of mysql_native_password against SHA1(SHA1(password)).
func checkNative(proof, scramble, twice []byte) bool {
	if len(proof) != sha1.Size || len(twice) != sha1.Size {
		return false
	}
	once := mixNative(scramble, twice)
	defer clear(once)
	subtle.XORBytes(once, once, proof)
	again := sha1.Sum(once)
	return subtle.ConstantTimeCompare(again[:], twice) == 1
}

// proveSHA2 is caching_sha2_password's SHA256(password) XOR SHA256(SHA256(SHA256(password)), scramble)
// ("Caching_sha2_password information").
func proveSHA2(password, scramble []byte) []byte {
	once := sha256.Sum256(password)
	defer clear(once[:])
	twice := sha256.Sum256(once[:])
	defer clear(twice[:])
	proof := mixSHA2(twice[:], scramble)
	subtle.XORBytes(proof, proof, once[:])
	return proof
}

func mixSHA2(twice, scramble []byte) []byte {
	h := sha256.New()
	h.Write(twice)
	h.Write(scramble)
	return h.Sum(nil)
}

// checkSHA2 checks a proof of caching_sha2_password against SHA256(SHA256(password)).
func checkSHA2(proof, scramble, twice []byte) bool {
	if len(proof) != sha256.Size {
		return false
	}
	once := mixSHA2(twice, scramble)
	defer clear(once)
	subtle.XORBytes(once, once, proof)
	again := sha256.Sum256(once)
	return subtle.ConstantTimeCompare(again[:], twice) == 1
}

// proveEd25519 is client_ed25519's signature of the scramble (MariaDB's "Authentication Plugin - ed25519"): RFC 8032,
// section 5.1.6, but that the private key is the password, of any length.
func proveEd25519(password, scramble []byte) ([]byte, error) {
	digest := sha512.Sum512(password)
	defer clear(digest[:])
	s, err := edwards25519.NewScalar().SetBytesWithClamping(digest[:32])
	if err != nil {
		return nil, err
	}
	public := new(edwards25519.Point).ScalarBaseMult(s).Bytes()
	r, err := hashScalar(digest[32:], scramble)
	if err != nil {
		return nil, err
	}
	commitment := new(edwards25519.Point).ScalarBaseMult(r).Bytes()
	k, err := hashScalar(commitment, public, scramble)
	if err != nil {
		return nil, err
	}
	return append(commitment, k.MultiplyAdd(k, s, r).Bytes()...), nil
}

// hashScalar is SHA512 of the parts as a scalar.
func hashScalar(parts ...[]byte) (*edwards25519.Scalar, error) {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return edwards25519.NewScalar().SetUniformBytes(h.Sum(nil))
}

// xorScramble XORs b with the scramble, over and over.
func xorScramble(b, scramble []byte) {
	for i := range b {
		b[i] ^= scramble[i%len(scramble)]
	}
}

// minRSA is the least key that a password is encrypted for; MySQL makes keys of 2048 bits.
const minRSA = 2048

// parsePublicKey reads a server's RSA key in PEM.
func parsePublicKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("read public key: not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok || public.N.BitLen() < minRSA {
		return nil, errors.New("read public key: not RSA of 2048 bits at least")
	}
	return public, nil
}
