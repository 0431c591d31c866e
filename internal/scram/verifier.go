package scram

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strconv"
	"strings"
)

// Verifier is what a server keeps of a password: enough to check it, too little to use it (RFC 5802, section 3).
type Verifier struct {
	Salt       []byte
	Iterations int
	StoredKey  [32]byte
	ServerKey  [32]byte
}

// NewVerifier makes a verifier of a password, which stays the caller's to wipe. iterations 0 means Iterations.
func NewVerifier(password []byte, iterations int) (Verifier, error) {
	if iterations == 0 {
		iterations = Iterations
	}
	if len(password) == 0 {
		return Verifier{}, fmt.Errorf("make verifier: the password is empty")
	}
	if iterations < Iterations || iterations > maxIterations {
		return Verifier{}, fmt.Errorf("make verifier: %w: %d is not between %d and %d",
			ErrIterations, iterations, Iterations, maxIterations)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return makeVerifier(password, salt, iterations), nil
}

func makeVerifier(password, salt []byte, iterations int) Verifier {
	prepared := prepare(password)
	defer clear(prepared)
	k := derive(prepared, salt, iterations)
	defer k.wipe()
	return Verifier{Salt: salt, Iterations: iterations, StoredKey: k.stored, ServerKey: k.server}
}

// Check reports whether v is the verifier of password. It takes as long for any password.
func (v Verifier) Check(password []byte) bool {
	w := makeVerifier(password, v.Salt, v.Iterations)
	stored := subtle.ConstantTimeCompare(v.StoredKey[:], w.StoredKey[:])
	server := subtle.ConstantTimeCompare(v.ServerKey[:], w.ServerKey[:])
	return stored&server == 1
}

// String is the verifier in the form that PostgreSQL keeps in pg_authid.rolpassword and takes in CREATE ROLE:
//
//	SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>
func (v Verifier) String() string {
	e := encoding.EncodeToString
	return fmt.Sprintf("%s$%d:%s$%s:%s", SHA256, v.Iterations, e(v.Salt), e(v.StoredKey[:]), e(v.ServerKey[:]))
}

// Parse reads what String writes.
func Parse(s string) (Verifier, error) {
	var v Verifier
	bad := func(what string) (Verifier, error) {
		return Verifier{}, fmt.Errorf("parse verifier: %s; want SCRAM-SHA-256$iterations:salt$stored:server", what)
	}
	rest, ok := strings.CutPrefix(s, SHA256+"$")
	if !ok || len(s) > maxMessage {
		return bad("not a SCRAM-SHA-256 verifier")
	}
	head, tail, ok1 := strings.Cut(rest, "$")
	count, salt, ok2 := strings.Cut(head, ":")
	stored, server, ok3 := strings.Cut(tail, ":")
	if !ok1 || !ok2 || !ok3 {
		return bad("a part is missing")
	}
	var err error
	if v.Iterations, err = parseIterations(count); err != nil {
		return bad(err.Error())
	}
	if v.Salt, err = encoding.DecodeString(salt); err != nil || len(v.Salt) == 0 || len(v.Salt) > maxSalt {
		return bad("the salt is not base64 of 1 to 256 bytes")
	}
	if !decodeKey(v.StoredKey[:], stored) || !decodeKey(v.ServerKey[:], server) {
		return bad("a key is not base64 of 32 bytes")
	}
	return v, nil
}

// parseIterations reads an iteration count in its one spelling and within bounds.
func parseIterations(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%w: it is not a number", ErrIterations)
	}
	if n < 1 || n > maxIterations {
		return 0, fmt.Errorf("%w: %d is not between 1 and %d", ErrIterations, n, maxIterations)
	}
	return int(n), nil
}

// decodeKey decodes base64 of exactly len(dst) bytes.
func decodeKey(dst []byte, s string) bool {
	if len(s) != encoding.EncodedLen(len(dst)) {
		return false
	}
	b, err := encoding.DecodeString(s)
	return err == nil && copy(dst, b) == len(dst) && len(b) == len(dst)
}
