package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/statefile"
)

// Snapshot is the users at one moment. It is never changed, so any number of goroutines may ask it.
type Snapshot struct {
	users  map[string]entry
	invent inventor
}

func newSnapshot(list []entry, invent inventor) *Snapshot {
	users := make(map[string]entry, len(list))
	for _, e := range list {
		users[e.Name] = e
	}
	return &Snapshot{users, invent}
}

// Lookup returns a user by name, in any spelling. A disabled user is found: look at Disabled.
func (s *Snapshot) Lookup(name string) (User, bool) {
	if e, ok := s.users[name]; ok { // the common case, in its normal spelling, allocates nothing
		return e.User, true
	}
	normal, err := NormalName(name)
	if err != nil {
		return User{}, false
	}
	e, ok := s.users[normal]
	return e.User, ok
}

// Verifier returns what proves a user. For a name that is unknown, disabled or no name at all it is one that no
// password fits, of the same shape, the same each time and after a restart, and made in the same time: who asks can't
// tell whether the user exists (RFC 5802, section 9). A disabled user keeps their salt, so that disabling can't be
// seen either.
func (s *Snapshot) Verifier(name string) scram.Verifier {
	if normal, err := NormalName(name); err == nil {
		name = normal
	}
	invented := s.invent.verifier(name)
	e, ok := s.users[name]
	switch {
	case !ok:
		return invented
	case e.Disabled:
		invented.Salt, invented.Iterations = slices.Clone(e.verifier.Salt), e.verifier.Iterations
		return invented
	}
	v := e.verifier
	v.Salt = slices.Clone(v.Salt)
	return v
}

// Native returns SHA1(SHA1(password)) of a user of whom it is kept, who is not disabled; else nil. It is the caller's own.
func (s *Snapshot) Native(name string) []byte {
	if normal, err := NormalName(name); err == nil {
		name = normal
	}
	e, ok := s.users[name]
	if !ok || e.Disabled || e.native == nil {
		return nil
	}
	return slices.Clone(e.native[:])
}

func (s *Snapshot) list() []User {
	users := make([]User, 0, len(s.users))
	for _, e := range s.users {
		users = append(users, e.User)
	}
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	return users
}

const (
	identityKeyFile = "identity.key"
	identityKeySize = 32
	inventedSalt    = 16 // bytes, as scram.NewVerifier makes them
)

// inventor makes verifiers for users that there are not, from a secret of this state folder.
type inventor struct{ key []byte }

func (i inventor) verifier(name string) scram.Verifier {
	return scram.Verifier{
		Salt:       i.derive("salt", name)[:inventedSalt],
		Iterations: scram.Iterations,
		StoredKey:  [32]byte(i.derive("stored", name)),
		ServerKey:  [32]byte(i.derive("server", name)),
	}
}

func (i inventor) derive(what, name string) []byte {
	mac := hmac.New(sha256.New, i.key)
	mac.Write([]byte(what))
	mac.Write([]byte{0})
	mac.Write([]byte(name))
	return mac.Sum(nil)
}

// loadIdentityKey reads the inventor's secret, or makes one. A gateway and a verb may do so at the same time.
func loadIdentityKey(path string) ([]byte, error) {
	unlock, err := statefile.Lock(path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	key, err := statefile.Read(path, identityKeySize)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, identityKeySize)
		rand.Read(key)
		return key, statefile.Create(path, key)
	}
	if err == nil && len(key) != identityKeySize {
		err = fmt.Errorf("%s is damaged: it has %d bytes, not %d; remove it to have a new one made", path, len(key), identityKeySize)
	}
	return key, err
}
