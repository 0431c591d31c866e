package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/statefile"
)

// Sealed is credentials in a file, sealed under a master key. Any number of processes may have it open: each change
// rereads the file under its lock first, and Fetch rereads it when it was replaced. Between calls it holds the master
// key and the sealed file, and no secret. Safe for concurrent use.
type Sealed struct {
	path string

	mu     sync.Mutex
	master []byte
	file   *file       // as last read; nil: not read yet, or there is none
	seen   os.FileInfo // of what file was read from
}

// Entry is what may be told of a secret.
type Entry struct {
	Name, User, Version string
	Kind                Kind
	Created             time.Time
	Disabled            bool
}

// OpenSealed opens a vault under a master key, which stays the caller's to wipe. A file that isn't there is an empty
// vault, which the first Put makes. ErrWrongKey, ErrTampered.
func OpenSealed(path string, master []byte) (*Sealed, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("open vault: %w", ErrBadKey)
	}
	s := &Sealed{path: path, master: slices.Clone(master)}
	if err := s.refresh(); err != nil {
		s.Close()
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return s, nil
}

// Close wipes the master key; the vault opens nothing more.
func (s *Sealed) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.master)
	s.master, s.file, s.seen = nil, nil, nil
}

// Reload rereads the file if it was replaced. With an error Fetch will fail too, until the file is good again.
func (s *Sealed) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(); err != nil {
		return fmt.Errorf("reload vault: %w", err)
	}
	return nil
}

// Fetch implements Source. ErrNotFound, ErrDisabled.
func (s *Sealed) Fetch(ctx context.Context, name string) (*Credential, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("fetch secret %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.fetch(name)
	if err != nil {
		return nil, fmt.Errorf("fetch secret %s: %w", name, err)
	}
	return c, nil
}

func (s *Sealed) fetch(name string) (*Credential, error) {
	if err := s.refresh(); err != nil {
		return nil, err
	}
	if s.file == nil {
		return nil, ErrNotFound
	}
	i, ok := s.file.Secrets[name]
	switch {
	case !ok:
		return nil, ErrNotFound
	case i.Disabled:
		return nil, ErrDisabled
	}
	key, err := s.dataKey(s.file)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return s.file.open(key, name)
}

func (f *file) open(key []byte, name string) (*Credential, error) {
	i := f.Secrets[name]
	secret, err := open(key, i.Sealed, f.itemParts(name, i)...)
	if err != nil {
		return nil, ErrTampered
	}
	return &Credential{User: i.User, Secret: secret, Version: i.Version}, nil
}

// List returns what may be told of all secrets, by name.
func (s *Sealed) List() ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(); err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	if s.file == nil {
		return nil, nil
	}
	key, err := s.dataKey(s.file)
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	defer clear(key)
	var list []Entry
	for _, name := range s.file.names() {
		c, err := s.file.open(key, name)
		if err != nil {
			return nil, fmt.Errorf("list secrets: %s: %w", name, err)
		}
		list = append(list, entry(name, s.file.Secrets[name], c.Kind()))
		c.Wipe()
	}
	return list, nil
}

func entry(name string, i item, kind Kind) Entry {
	return Entry{Name: name, User: i.User, Version: i.Version, Kind: kind, Created: i.Created, Disabled: i.Disabled}
}

func (f *file) names() []string { return slices.Sorted(maps.Keys(f.Secrets)) }

// Put stores a credential under a name, in the place of one that was there, and gives it a version of its own; that of
// c is not looked at. The credential stays the caller's to wipe.
func (s *Sealed) Put(name string, c *Credential) (Entry, error) {
	var stored item
	err := s.change(name, func(f *file, key []byte) error {
		if err := checkLogin(c.User); err != nil {
			return err
		}
		if len(c.Secret) == 0 || len(c.Secret) > maxSecret || bytes.IndexByte(c.Secret, 0) >= 0 {
			return fmt.Errorf("%w: it must be 1 to %d bytes without a NUL", ErrSecret, maxSecret)
		}
		stored = item{User: c.User, Version: newVersion(f.Serial), Created: time.Now().UTC().Truncate(time.Second)}
		stored.Sealed = seal(key, c.Secret, f.itemParts(name, stored)...)
		f.Secrets[name] = stored
		return nil
	})
	if err != nil {
		return Entry{}, fmt.Errorf("put secret %s: %w", name, err)
	}
	return entry(name, stored, c.Kind()), nil
}

// newVersion is never used twice, even when the vault is made anew.
func newVersion(serial uint64) string {
	tail := make([]byte, 4)
	rand.Read(tail)
	return strconv.FormatUint(serial, 10) + "-" + hex.EncodeToString(tail)
}

// SetDisabled keeps a secret and makes Fetch refuse it, or undoes that.
func (s *Sealed) SetDisabled(name string, disabled bool) error {
	err := s.change(name, func(f *file, key []byte) error {
		i, ok := f.Secrets[name]
		if !ok {
			return ErrNotFound
		}
		secret, err := open(key, i.Sealed, f.itemParts(name, i)...)
		if err != nil {
			return ErrTampered
		}
		defer clear(secret)
		i.Disabled = disabled
		i.Sealed = seal(key, secret, f.itemParts(name, i)...)
		f.Secrets[name] = i
		return nil
	})
	if err != nil {
		return fmt.Errorf("change secret %s: %w", name, err)
	}
	return nil
}

// Remove forgets a secret.
func (s *Sealed) Remove(name string) error {
	err := s.change(name, func(f *file, _ []byte) error {
		if _, ok := f.Secrets[name]; !ok {
			return ErrNotFound
		}
		delete(f.Secrets, name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove secret %s: %w", name, err)
	}
	return nil
}

// change rereads the file under its lock, lets f change it and replaces it.
func (s *Sealed) change(name string, f func(*file, []byte) error) error {
	if !nameRule.MatchString(name) {
		return fmt.Errorf("%w: it is up to 63 letters, digits, dots, dashes and underscores, and starts with a letter or a digit", ErrName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := statefile.Folder(filepath.Dir(s.path)); err != nil {
		return err
	}
	unlock, err := statefile.Lock(s.path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.refresh(); err != nil {
		return err
	}
	next, key, err := s.next()
	if err != nil {
		return err
	}
	defer clear(key)
	if err := f(next, key); err != nil {
		return err
	}
	next.Sum = seal(key, nil, next.sumParts()...)
	data, err := encode(*next)
	if err != nil {
		return err
	}
	if len(data) > maxVaultFile {
		return fmt.Errorf("the vault would have more than %d bytes", maxVaultFile)
	}
	return statefile.Write(s.path, data)
}

// next is a copy of the file to change, or a new one, with its data key, which the caller wipes.
func (s *Sealed) next() (*file, []byte, error) {
	if s.master == nil {
		return nil, nil, errClosed
	}
	if s.file != nil {
		next := *s.file
		next.Serial++
		next.Secrets = maps.Clone(s.file.Secrets)
		key, err := s.dataKey(s.file)
		return &next, key, err
	}
	next := &file{Version: formatVersion, ID: make([]byte, idSize), Serial: 1, Secrets: make(map[string]item)}
	rand.Read(next.ID)
	key := make([]byte, KeySize)
	rand.Read(key)
	next.Key = seal(s.master, key, next.keyParts()...)
	return next, key, nil
}

var errClosed = errors.New("the vault was closed")

// refresh reads the file if it is another than the one last read. A file is always replaced whole, so a look at its
// directory entry tells.
func (s *Sealed) refresh() error {
	if s.master == nil {
		return errClosed
	}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.file, s.seen = nil, nil
		return nil
	}
	if err != nil {
		return err
	}
	if s.seen != nil && os.SameFile(info, s.seen) && info.ModTime().Equal(s.seen.ModTime()) && info.Size() == s.seen.Size() {
		return nil
	}
	s.file, s.seen = nil, nil
	data, err := statefile.Read(s.path, maxVaultFile)
	if err != nil {
		return err
	}
	f, err := decode(data)
	if err == nil {
		err = s.prove(&f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	s.file, s.seen = &f, info
	return nil
}

// prove checks that nothing in the file was added, dropped or replaced since gatefold wrote it.
func (s *Sealed) prove(f *file) error {
	key, err := s.dataKey(f)
	if err != nil {
		return err
	}
	defer clear(key)
	if _, err := open(key, f.Sum, f.sumParts()...); err != nil {
		return ErrTampered
	}
	return nil
}

// dataKey unwraps the data key, which the caller wipes.
func (s *Sealed) dataKey(f *file) ([]byte, error) {
	key, err := open(s.master, f.Key, f.keyParts()...)
	if err != nil {
		return nil, ErrWrongKey
	}
	if len(key) != KeySize {
		clear(key)
		return nil, ErrTampered
	}
	return key, nil
}
