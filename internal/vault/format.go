package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// vault.sealed is JSON, so that a person can see what is in it and a copy can be compared; what it must hide is
// sealed, and what it shows is bound to that. All byte strings are base64, "sealed" is always nonce (12 bytes) ||
// AES-256-GCM text || tag (16 bytes), with as additional data the parts named, each after its length (4 bytes, big
// endian):
//
//	version  1
//	id       16 random bytes, the same as long as the file lives
//	serial   counts changes
//	key      data key, sealed under the master key;  "gatefold vault key",    version, id
//	secrets  by name: user, version, created, disabled, and
//	  sealed secret, sealed under the data key;      "gatefold vault secret", version, id, name, and those four
//	sum      nothing, sealed under the data key;     "gatefold vault list",   version, id, serial, and of each secret,
//	                                                 by name, all that sealed it and what came of that
const (
	formatVersion = 1
	maxVaultFile  = 16 << 20 // 16 MiB
	maxSecret     = 64 << 10 // 64 KiB
	maxLogin      = 256      // bytes of a target's login name
)

var (
	// ErrNotFound says that the vault has no such secret.
	ErrNotFound = errors.New("no such secret in the vault")
	// ErrDisabled says that the secret is there and was disabled.
	ErrDisabled = errors.New("the secret is disabled")
	// ErrWrongKey says that the master key is not the one that the vault was sealed under.
	ErrWrongKey = errors.New("the master key does not open this vault: it is another vault's, or the file is damaged")
	// ErrTampered says that the vault's file was changed by something else than gatefold.
	ErrTampered = errors.New("the vault's file is damaged or was tampered with: restore it from a copy")
	// ErrName says that a text can't be a secret's name.
	ErrName = errors.New("no name for a secret")
	// ErrSecret says that a text can't be a secret.
	ErrSecret = errors.New("no usable secret")
	errNewer  = errors.New("the vault was written by a newer gatefold")
)

// nameRule is that of accounts and targets, see internal/config.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// file is vault.sealed.
type file struct {
	Version int             `json:"version"`
	ID      []byte          `json:"id"`
	Serial  uint64          `json:"serial"`
	Key     []byte          `json:"key"`
	Secrets map[string]item `json:"secrets"`
	Sum     []byte          `json:"sum"`
}

// item is one secret as it stands in the file.
type item struct {
	User     string    `json:"user"`
	Version  string    `json:"version"`
	Created  time.Time `json:"created"`
	Disabled bool      `json:"disabled"`
	Sealed   []byte    `json:"sealed"`
}

func encode(f file) ([]byte, error) {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode vault: %w", err)
	}
	return append(data, '\n'), nil
}

// decode reads a file and checks its shape; what it says is not proved before its sum is.
func decode(data []byte) (file, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return file{}, ErrTampered
	}
	if head.Version > formatVersion {
		return file{}, fmt.Errorf("%w: version %d, and this one reads %d", errNewer, head.Version, formatVersion)
	}
	var f file
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&f); err != nil {
		return file{}, ErrTampered
	}
	if _, err := strict.Token(); err != io.EOF || f.Version != formatVersion || len(f.ID) != idSize {
		return file{}, ErrTampered
	}
	if f.Secrets == nil {
		f.Secrets = make(map[string]item)
	}
	return f, nil
}

const idSize = 16

func (f *file) keyParts() []string {
	return []string{"gatefold vault key", strconv.Itoa(f.Version), string(f.ID)}
}

func (f *file) itemParts(name string, i item) []string {
	return []string{"gatefold vault secret", strconv.Itoa(f.Version), string(f.ID), name,
		i.User, i.Version, i.Created.UTC().Format(time.RFC3339Nano), strconv.FormatBool(i.Disabled)}
}

func (f *file) sumParts() []string {
	parts := []string{"gatefold vault list", strconv.Itoa(f.Version), string(f.ID), strconv.FormatUint(f.Serial, 10)}
	for _, name := range f.names() {
		parts = append(parts, f.itemParts(name, f.Secrets[name])...)
		parts = append(parts, string(f.Secrets[name].Sealed))
	}
	return parts
}

// checkLogin refuses what no server takes for a login name.
func checkLogin(user string) error {
	if user == "" || len(user) > maxLogin || strings.ContainsFunc(user, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: the target's login name must be 1 to %d printable bytes", ErrSecret, maxLogin)
	}
	return nil
}
