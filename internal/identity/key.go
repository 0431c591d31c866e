package identity

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

var (
	// ErrKey says that a text is no public key that proves a user.
	ErrKey = errors.New("no usable public key")
	// ErrNoKey says that the user has no such key.
	ErrNoKey = errors.New("no such key of this user")
)

const (
	maxKeys    = 64       // of one user
	maxKeyLine = 16 << 10 // 16 KiB
	maxComment = 128      // bytes
	minRSA     = 2048     // bits; NIST SP 800-131A
)

// keyTypes are the types of keys that prove users: those that gatefold's own listener takes. No DSA, no plain ssh-rsa
// signature (RFC 8332 is what RSA keys sign by).
var keyTypes = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384,
	ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256}

// Key is a public key that proves a user over SSH.
type Key struct {
	Type        string // ssh-ed25519 and so on
	Fingerprint string // SHA256:..., as ssh-keygen -l prints it
	Comment     string // may be empty
	Added       time.Time
	wire        []byte // RFC 4253, section 6.6
}

// ParseKey reads a line of a .pub file. Options before the key (sshd(8)) are an error: nothing here would heed them.
func ParseKey(line string) (Key, error) {
	if len(line) > maxKeyLine {
		return Key{}, fmt.Errorf("%w: it has more than %d bytes", ErrKey, maxKeyLine)
	}
	pub, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case strings.Contains(line, "PRIVATE KEY"):
		return Key{}, fmt.Errorf("%w: it is a private key, which is nobody's business but its owner's", ErrKey)
	case err != nil:
		return Key{}, fmt.Errorf("%w: it is not a line of a .pub file", ErrKey)
	case len(options) > 0:
		return Key{}, fmt.Errorf("%w: it has options before the key, which nothing here would heed", ErrKey)
	case len(bytes.TrimSpace(rest)) > 0:
		return Key{}, fmt.Errorf("%w: it is more than one line", ErrKey)
	}
	return newKey(pub, comment)
}

func newKey(pub ssh.PublicKey, comment string) (Key, error) {
	if _, is := pub.(*ssh.Certificate); is {
		return Key{}, fmt.Errorf("%w: it is a certificate: name its authority in the listener's user_ca", ErrKey)
	}
	if !slices.Contains(keyTypes, pub.Type()) {
		return Key{}, fmt.Errorf("%w: keys of type %s are not taken", ErrKey, pub.Type())
	}
	if c, ok := pub.(ssh.CryptoPublicKey); ok {
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < minRSA {
			return Key{}, fmt.Errorf("%w: an RSA key of %d bits is too short, it needs %d", ErrKey, r.N.BitLen(), minRSA)
		}
	}
	comment, err := checkComment(comment)
	if err != nil {
		return Key{}, err
	}
	return Key{Type: pub.Type(), Fingerprint: ssh.FingerprintSHA256(pub), Comment: comment, wire: pub.Marshal()}, nil
}

func checkComment(comment string) (string, error) {
	if len(comment) > maxComment || !utf8.ValidString(comment) || strings.ContainsFunc(comment, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%w: its comment has more than %d bytes or some that can't be seen", ErrKey, maxComment)
	}
	return comment, nil
}

// Line is the key as a .pub file has it.
func (k Key) Line() string {
	pub, err := ssh.ParsePublicKey(k.wire)
	if err != nil {
		return "" // newKey had it parsed
	}
	return strings.TrimSpace(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub))) + " " + k.Comment)
}

// AddKey lets a user be proved by a key.
func (u *Users) AddKey(name string, key Key) error {
	key.Added = time.Now().UTC().Truncate(time.Second)
	err := u.editErr(name, func(e *entry) error {
		if i := slices.IndexFunc(e.Keys, func(k Key) bool { return bytes.Equal(k.wire, key.wire) }); i >= 0 {
			return fmt.Errorf("%w: it is a key of %s already", ErrKey, e.Name)
		}
		if len(e.Keys) >= maxKeys {
			return fmt.Errorf("%w: %s has %d keys, and may have no more", ErrKey, e.Name, maxKeys)
		}
		e.Keys = append(slices.Clone(e.Keys), key)
		return nil
	})
	if err != nil {
		return fmt.Errorf("add key: %w", err)
	}
	return nil
}

// RemoveKey takes a key from a user: the one of this fingerprint or, where only one has it, of this comment.
func (u *Users) RemoveKey(name, which string) (removed Key, err error) {
	err = u.editErr(name, func(e *entry) error {
		at := -1
		for i, k := range e.Keys {
			if k.Fingerprint != which && k.Comment != which {
				continue
			}
			if at >= 0 {
				return fmt.Errorf("%w: several have the comment %q: name a fingerprint", ErrNoKey, which)
			}
			at = i
		}
		if at < 0 {
			return ErrNoKey
		}
		removed = e.Keys[at]
		e.Keys = slices.Delete(slices.Clone(e.Keys), at, at+1)
		return nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("remove key: %w", err)
	}
	return removed, nil
}

// Keys returns the keys, in wire form (RFC 4253, section 6.6), that prove a user. None for one unknown or disabled. They are
// not to be changed.
func (s *Snapshot) Keys(name string) (keys [][]byte) {
	if normal, err := NormalName(name); err == nil {
		name = normal
	}
	e, ok := s.users[name]
	if !ok || e.Disabled {
		return nil
	}
	for _, k := range e.Keys {
		keys = append(keys, k.wire)
	}
	return keys
}
