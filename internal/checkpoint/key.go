package checkpoint

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatefold/gatefold/internal/statefile"
)

// keyName is the file of the signing key in the state folder: the text form of golang.org/x/mod/sumdb/note, Ed25519.
const keyName = "signing.key"

const maxKey = 4 << 10 // 4 KiB

// Key signs for a gateway. Its name is the origin of the gateway's log, and stays when the gateway is renamed: a log has
// one origin for ever.
type Key struct {
	Public string // the verifier key, as note.NewVerifier reads it
	signer note.Signer
}

// Origin is the log's name, in every checkpoint: "gatefold/" and the gateway's name when the key was made.
func (k *Key) Origin() string { return k.signer.Name() }

// Verifier returns the key's public half.
func (k *Key) Verifier() (note.Verifier, error) { return note.NewVerifier(k.Public) }

// LoadKey reads the key of a state folder; fs.ErrNotExist: it has none yet.
func LoadKey(state string) (*Key, error) {
	path := filepath.Join(state, keyName)
	text, err := statefile.Read(path, maxKey)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	defer clear(text)
	secret, public, ok := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if !ok {
		return nil, fmt.Errorf("read the signing key: %s does not hold a private and a public key", path)
	}
	k := &Key{Public: public}
	if k.signer, err = note.NewSigner(secret); err != nil {
		return nil, fmt.Errorf("read the signing key: %s: its first line is no private key", path) // not what stands there
	}
	v, err := k.Verifier()
	if err != nil || v.Name() != k.signer.Name() || v.KeyHash() != k.signer.KeyHash() {
		return nil, fmt.Errorf("read the signing key: %s: its second line is not the public key of its first", path)
	}
	return k, nil
}

// MakeKey reads the key of a state folder, or makes one for a gateway of this name.
func MakeKey(state, gateway string) (*Key, error) {
	k, err := LoadKey(state)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	secret, public, err := note.GenerateKey(rand.Reader, originOf(gateway))
	if err != nil {
		return nil, fmt.Errorf("make the signing key: %w", err)
	}
	text := []byte(secret + "\n" + public + "\n")
	defer clear(text)
	if err := statefile.Create(filepath.Join(state, keyName), text); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the signing key: %w", err)
	}
	return LoadKey(state)
}

// originOf is a gateway's name as a note may carry it: without blanks and plus signs.
func originOf(gateway string) string {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r == '+' || r > '~' {
			return '-'
		}
		return r
	}, gateway)
	return "gatefold/" + name
}
