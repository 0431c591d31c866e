package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Hold keeps a session from retention, until it is released. It is kept in a file of its own and not in the directory, which
// may be built again.
type Hold struct {
	Session record.ID `json:"-"` // the file's name
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
}

const maxHold = 64 << 10 // 64 KiB: of its file

func (s *Store) holdsDir() string { return filepath.Join(s.dir, "holds") }

// Hold keeps a session. One that is held already gets the new reason.
func (s *Store) Hold(h Hold) error {
	return s.holding(h.Session, func(name string) error {
		text, err := json.Marshal(h)
		if err != nil {
			return err
		}
		if len(text) > maxHold {
			return errors.New("the reason is too long")
		}
		return replaceFile(name, text)
	})
}

// Release lets a session go that was held; false: it was not.
func (s *Store) Release(id record.ID) (was bool, err error) {
	err = s.holding(id, func(name string) error {
		err := os.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		was = err == nil
		return errors.Join(err, syncDir(s.holdsDir()))
	})
	return was, err
}

// holding changes a session's hold, not while retention is at work.
func (s *Store) holding(id record.ID, change func(name string) error) error {
	s.rewriting.Lock()
	defer s.rewriting.Unlock()
	err := errors.New("it is open for reading")
	if s.mode == Write {
		err = errors.Join(os.MkdirAll(s.holdsDir(), 0o700), change(filepath.Join(s.holdsDir(), id.String())))
	}
	if err != nil {
		return fmt.Errorf("change hold of session %v in archive %s: %w", id, s.dir, err)
	}
	return nil
}

// Holds are the sessions that are held, by id. A file that can't be read holds all the same: its error is the reason.
func (s *Store) Holds() ([]Hold, error) {
	entries, err := os.ReadDir(s.holdsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read holds of archive %s: %w", s.dir, err)
	}
	var all []Hold
	for _, e := range entries {
		id, err := record.ParseID(e.Name())
		if err != nil || id.String() != e.Name() {
			continue // being written
		}
		h, err := readHold(filepath.Join(s.holdsDir(), e.Name()))
		if err != nil {
			h = Hold{Reason: err.Error()}
		}
		h.Session = id
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b Hold) int { return slices.Compare(a.Session[:], b.Session[:]) })
	return all, nil
}

func readHold(name string) (h Hold, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return h, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxHold {
		return h, fmt.Errorf("%s is no file of at most %d bytes", name, maxHold)
	}
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	return h, err
}

// replaceFile writes a file, whole or not at all, on disk.
func replaceFile(name string, text []byte) error {
	temp := name + tempSuffix
	if err := writeSynced(temp, text); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}
