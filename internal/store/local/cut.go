package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatefold/gatefold/internal/record"
)

// A session that goes on may lose its old part, and with it the records that say who it was. What they said of the session
// is kept in a file of its own as long as there are records of it, so that the directory can still be built again.

func (s *Store) cutDir() string              { return filepath.Join(s.dir, "cut") }
func (s *Store) cutFile(id record.ID) string { return filepath.Join(s.cutDir(), id.String()) }

// before is the line of a session up to where retention cut it; empty where it didn't.
func (s *Store) before(id record.ID) (line record.Session, err error) {
	text, err := os.ReadFile(s.cutFile(id))
	if errors.Is(err, fs.ErrNotExist) {
		return record.Session{ID: id}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &line)
	}
	if err == nil && line.ID != id {
		err = errors.New("it is of another session")
	}
	if err != nil {
		return record.Session{ID: id}, fmt.Errorf("%s: %w", s.cutFile(id), err)
	}
	return line, nil
}

// remember writes lines as before gives them. They hold no secret.
func (s *Store) remember(lines map[record.ID]record.Session) error {
	if len(lines) == 0 {
		return nil
	}
	if err := os.MkdirAll(s.cutDir(), 0o700); err != nil {
		return err
	}
	for id, line := range lines {
		line.Secret, line.Head = "", record.Hash{}
		text, err := json.Marshal(line)
		if err == nil {
			err = replaceFile(s.cutFile(id), text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forget removes what was kept of sessions of which there are no records any more.
func (s *Store) forget(g *grave) error {
	var failed error
	for _, c := range g.cuts {
		if _, ok := g.goOn[c.Session]; ok {
			continue
		}
		if err := os.Remove(s.cutFile(c.Session)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
