// Package scram is SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, as PostgreSQL speaks it: the arithmetic and the
// messages, no I/O. Secrets are byte slices, so that they can be wiped.
//
// An exchange is four messages. The names below are those of RFC 5802, section 5.1:
//
//	client-first  ->  n,,n=,r=<nonce>
//	              <-  r=<nonce><nonce>,s=<salt>,i=<iterations>   server-first
//	client-final  ->  c=<binding>,r=<nonce><nonce>,p=<proof>
//	              <-  v=<signature>                              server-final
package scram

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// The two mechanisms. Plus binds the exchange to the TLS channel (tls-server-end-point, RFC 5929, section 4): a
// machine in the middle with another certificate can't pass it on.
const (
	SHA256     = "SCRAM-SHA-256"
	SHA256Plus = "SCRAM-SHA-256-PLUS"
)

// Iterations is PostgreSQL's default, and RFC 7677's least.
const Iterations = 4096

const (
	maxIterations = 1_000_000 // about half a second of one core; a server that asks for more is refused
	maxMessage    = 2048      // bytes of any message of an exchange; PostgreSQL itself takes 1024 from a client
	maxSalt       = 256       // bytes, decoded
	saltSize      = 16        // bytes; PostgreSQL's SCRAM_DEFAULT_SALT_LEN
	nonceSize     = 18        // bytes before base64; PostgreSQL's SCRAM_RAW_NONCE_LEN
	keySize       = sha256.Size
)

var (
	// ErrProof says that the password, or what it is checked against, is wrong. It says no more on purpose.
	ErrProof = errors.New("check proof: it does not fit")
	// ErrMessage is what every message that is not SCRAM wraps.
	ErrMessage = errors.New("malformed SCRAM message")
	// ErrBinding says that the two sides don't see the same TLS channel.
	ErrBinding = errors.New("check channel binding: it does not match; something may sit between client and server")
	// ErrSignature says that the server could not prove that it knows the password.
	ErrSignature = errors.New("check server signature: the server does not know the password")
	// ErrIterations says that a server asks for an absurd amount of work.
	ErrIterations = errors.New("iteration count out of bounds")
)

// encoding is base64 as RFC 5802 wants it: padded, and strict, so that a value has one spelling.
var encoding = base64.StdEncoding.Strict()

// Mechanisms lists what a server offers, best first. binding is its tls-server-end-point data; nil: not inside TLS,
// or its certificate has none.
func Mechanisms(binding []byte) []string {
	if binding == nil {
		return []string{SHA256}
	}
	return []string{SHA256Plus, SHA256}
}

// keys are what a password becomes (RFC 5802, section 3). Its owner wipes it.
type keys struct {
	client, stored, server [keySize]byte
}

func (k *keys) wipe() { *k = keys{} }

// derive works keys out of a prepared password. It is the slow part: iterations HMACs.
func derive(prepared, salt []byte, iterations int) keys {
	salted := hi(prepared, salt, iterations)
	defer clear(salted)
	var k keys
	mac(k.client[:], salted, "Client Key")
	k.stored = sha256.Sum256(k.client[:])
	mac(k.server[:], salted, "Server Key")
	return k
}

// hi is Hi of RFC 5802, section 2.2: PBKDF2 for one block. crypto/pbkdf2 takes the password as a string, which can't
// be wiped.
func hi(password, salt []byte, iterations int) []byte {
	prf := hmac.New(sha256.New, password)
	prf.Write(salt)
	prf.Write([]byte{0, 0, 0, 1})
	u := prf.Sum(nil)
	result := append(make([]byte, 0, keySize), u...)
	for i := 1; i < iterations; i++ {
		prf.Reset()
		prf.Write(u)
		u = prf.Sum(u[:0])
		for j := range result {
			result[j] ^= u[j]
		}
	}
	clear(u)
	return result
}

// mac puts HMAC-SHA-256 of message under key into dst, which has keySize bytes.
func mac(dst, key []byte, message string) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	h.Sum(dst[:0])
}

// xor puts a XOR b into dst. All have the same length.
func xor(dst, a, b []byte) {
	for i := range dst {
		dst[i] = a[i] ^ b[i]
	}
}

// newNonce returns a fresh nonce as it stands in a message.
func newNonce() string {
	var b [nonceSize]byte
	rand.Read(b[:])
	return encoding.EncodeToString(b[:])
}

// malformed wraps ErrMessage with which message it is and what is wrong, never with its content.
func malformed(message, what string) error {
	return fmt.Errorf("read %s: %w: %s", message, ErrMessage, what)
}
