// Package scram is SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, as PostgreSQL speaks it: the arithmetic and the
// messages, no I/O. Secrets are byte slices, so that they can be wiped.
package scram

// Verifier is what a server keeps of a password: enough to check it, too little to use it (RFC 5802, section 3).
type Verifier struct {
	Salt       []byte
	Iterations int
	StoredKey  [32]byte
	ServerKey  [32]byte
}
