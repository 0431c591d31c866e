package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatefold/gatefold/internal/statefile"
)

// KeySize is that of a master key and of a data key: AES-256.
const KeySize = 32

var (
	// ErrNoKey says that there is no master key where one is expected.
	ErrNoKey = errors.New("no master key")
	// ErrBadKey says that what should be a master key isn't one.
	ErrBadKey = errors.New("no valid master key: want 32 bytes in base64 or hex")
)

// ParseKey reads a master key in base64 or hex. The caller wipes it.
func ParseKey(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	key := make([]byte, 2*KeySize) // Decode writes a little past the end of what it means
	var n int
	var err error
	switch len(text) {
	case hex.EncodedLen(KeySize):
		n, err = hex.Decode(key, text)
	case base64.StdEncoding.EncodedLen(KeySize):
		n, err = base64.StdEncoding.Decode(key, text)
	case base64.RawStdEncoding.EncodedLen(KeySize):
		n, err = base64.RawStdEncoding.Decode(key, text)
	default:
		err = ErrBadKey
	}
	if err != nil || n != KeySize { // never err itself: it may quote what was read
		clear(key)
		return nil, ErrBadKey
	}
	return key[:KeySize:KeySize], nil
}

// LoadKey reads a master key from a file that nobody but its owner can get at. The caller wipes it.
func LoadKey(path string) ([]byte, error) {
	const longest = 4096 // bytes, with white space around the key
	text, err := statefile.Read(path, longest)
	defer clear(text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load master key: %w at %s", ErrNoKey, path)
	}
	if err != nil {
		return nil, fmt.Errorf("load master key: %w", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("load master key: %s: %w", path, err)
	}
	return key, nil
}

// NewKey makes a master key and its file, which must not exist. The caller wipes it.
func NewKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make master key: %w", err)
	}
	key := make([]byte, KeySize)
	rand.Read(key)
	text := append(base64.StdEncoding.AppendEncode(nil, key), '\n')
	defer clear(text)
	if err := statefile.Create(path, text); err != nil {
		clear(key)
		return nil, fmt.Errorf("make master key: %w", err)
	}
	return key, nil
}
