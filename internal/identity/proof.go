package identity

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/internal/scram"
)

// Keep is something that is kept of a password beside its SCRAM verifier.
type Keep int

// KeepNative is SHA1(SHA1(password)), without which a client that knows no better than mysql_native_password can't log in.
// It has no salt and is quickly guessed at, and who has it and has seen one login can log in: kept only where asked for.
const KeepNative Keep = 1

// proof is what proves a user.
type proof struct {
	verifier scram.Verifier
	native   *nativeHash // nil: not kept
}

func newProof(password []byte, keep []Keep) (p proof, err error) {
	if len(password) < minPassword {
		return p, fmt.Errorf("%w: it needs %d bytes at least", ErrPassword, minPassword)
	}
	if p.verifier, err = scram.NewVerifier(password, scram.Iterations); err != nil {
		return p, err
	}
	if slices.Contains(keep, KeepNative) {
		once := sha1.Sum(password)
		twice := nativeHash(sha1.Sum(once[:]))
		clear(once[:])
		p.native = &twice
	}
	return p, nil
}

// nativeHash is SHA1(SHA1(password)) (MariaDB: "Authentication Plugin - mysql_native_password"). Nothing prints it but its
// codec.
type nativeHash [sha1.Size]byte

func (nativeHash) String() string   { return "***" }
func (nativeHash) GoString() string { return "***" }

// text is the form that a server's PASSWORD() has: a star and 40 digits. None: empty.
func (h *nativeHash) text() string {
	if h == nil {
		return ""
	}
	return "*" + strings.ToUpper(hex.EncodeToString(h[:]))
}

func parseNative(text string) (*nativeHash, error) {
	if text == "" {
		return nil, nil
	}
	digits, ok := strings.CutPrefix(text, "*")
	bytes, err := hex.DecodeString(digits)
	if !ok || err != nil || len(bytes) != sha1.Size {
		return nil, errCorrupt
	}
	h := nativeHash(bytes)
	return &h, nil
}
