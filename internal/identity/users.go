// Package identity knows who people are: local users and what proves them, how a login name is read, and how repeated
// failures slow an address down. It never sees a password but to make a verifier of it.
package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatefold/gatefold/internal/statefile"
)

var (
	ErrUnknown  = errors.New("no such user")
	ErrExists   = errors.New("the user exists")
	ErrPassword = errors.New("the password is too short")
)

// minPassword is in bytes; length is all that is asked of a password (NIST SP 800-63B, section 5.1.1.2).
const minPassword = 8

const usersFile = "users.json"

// User is one local user.
type User struct {
	Name     string // in its normal spelling
	Disabled bool
	Created  time.Time
	Native   bool  // what mysql_native_password needs is kept of the password, see KeepNative
	Keys     []Key // that prove them over SSH
	Factor   bool  // after the password a second factor is asked for
}

// Users are the local users of one state folder. Any number of processes may have them open; each change rereads the
// file under its lock first. A process sees the changes of another by Reload.
type Users struct {
	path    string
	invent  inventor
	current atomic.Pointer[Snapshot]
}

// Open reads the users of a state folder, which it makes where there is none.
func Open(dir string) (*Users, error) {
	if err := statefile.Folder(dir); err != nil {
		return nil, fmt.Errorf("open users: %w", err)
	}
	key, err := loadIdentityKey(filepath.Join(dir, identityKeyFile))
	if err != nil {
		return nil, fmt.Errorf("open users: %w", err)
	}
	u := &Users{path: filepath.Join(dir, usersFile), invent: inventor{key}}
	return u, u.Reload()
}

// Reload reads the users again. With an error those read before stay in force.
func (u *Users) Reload() error {
	list, err := u.read()
	if err != nil {
		return fmt.Errorf("read users: %w", err)
	}
	u.current.Store(newSnapshot(list, u.invent))
	return nil
}

// Snapshot returns the users in force now. It doesn't change.
func (u *Users) Snapshot() *Snapshot { return u.current.Load() }

// List returns all users by name.
func (u *Users) List() []User { return u.Snapshot().list() }

// Add makes a user. The password stays the caller's to wipe. Of it a SCRAM verifier is kept, and what keep asks for.
func (u *Users) Add(name string, password []byte, keep ...Keep) (User, error) {
	normal, err := NormalName(name)
	if err != nil {
		return User{}, fmt.Errorf("add user: %w", err)
	}
	proof, err := newProof(password, keep)
	if err != nil {
		return User{}, fmt.Errorf("add user: %w", err)
	}
	added := entry{User: User{Name: normal, Created: time.Now().UTC().Truncate(time.Second), Native: proof.native != nil}, proof: proof}
	err = u.change(func(list []entry) ([]entry, error) {
		for _, e := range list {
			if strings.EqualFold(e.Name, normal) { // two names that differ by case are read as one
				return nil, fmt.Errorf("%w: %s", ErrExists, e.Name)
			}
		}
		return append(list, added), nil
	})
	if err != nil {
		return User{}, fmt.Errorf("add user: %w", err)
	}
	return added.User, nil
}

// SetPassword gives a user another password, of which is kept what keep asks for, whatever was kept of the old one. A
// disabled user stays disabled.
func (u *Users) SetPassword(name string, password []byte, keep ...Keep) error {
	proof, err := newProof(password, keep)
	if err == nil {
		err = u.edit(name, func(e *entry) { e.proof, e.Native = proof, proof.native != nil })
	}
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// Disable keeps a user and lets them do nothing.
func (u *Users) Disable(name string) error {
	if err := u.edit(name, func(e *entry) { e.Disabled = true }); err != nil {
		return fmt.Errorf("disable user: %w", err)
	}
	return nil
}

// Enable undoes Disable.
func (u *Users) Enable(name string) error {
	if err := u.edit(name, func(e *entry) { e.Disabled = false }); err != nil {
		return fmt.Errorf("enable user: %w", err)
	}
	return nil
}

// Remove forgets a user.
func (u *Users) Remove(name string) error {
	err := u.change(func(list []entry) ([]entry, error) {
		i, err := find(list, name)
		if err != nil {
			return nil, err
		}
		return slices.Delete(list, i, i+1), nil
	})
	if err != nil {
		return fmt.Errorf("remove user: %w", err)
	}
	return nil
}

func find(list []entry, name string) (int, error) {
	normal, err := NormalName(name)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(list, func(e entry) bool { return e.Name == normal })
	if i < 0 {
		return 0, fmt.Errorf("%w: %s", ErrUnknown, normal)
	}
	return i, nil
}

func (u *Users) edit(name string, f func(*entry)) error {
	return u.editErr(name, func(e *entry) error { f(e); return nil })
}

// editErr changes one user, or nothing where f fails.
func (u *Users) editErr(name string, f func(*entry) error) error {
	return u.change(func(list []entry) ([]entry, error) {
		i, err := find(list, name)
		if err != nil {
			return nil, err
		}
		return list, f(&list[i])
	})
}

// change rereads the file, lets f change what it holds and replaces it, all under its lock.
func (u *Users) change(f func([]entry) ([]entry, error)) error {
	unlock, err := statefile.Lock(u.path)
	if err != nil {
		return err
	}
	defer unlock()
	list, err := u.read()
	if err != nil {
		return err
	}
	if list, err = f(list); err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.Name, b.Name) })
	data, err := encodeUsers(list)
	if err != nil {
		return err
	}
	if err := statefile.Write(u.path, data); err != nil {
		return err
	}
	u.current.Store(newSnapshot(list, u.invent))
	return nil
}

func (u *Users) read() ([]entry, error) {
	data, err := statefile.Read(u.path, maxUsersFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := decodeUsers(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.path, err)
	}
	return list, nil
}
