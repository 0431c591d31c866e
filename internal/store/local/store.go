// Package local is the embedded archive: sealed blocks as files, and a SQLite directory of what is in them.
//
//	archive/
//	  lock            held by the one who writes
//	  readers         held by those who read: what they may still need stays
//	  directory.db    see schema.sql; built again from the blocks when it is lost
//	  blocks/         one file for each block, named by its position in sixteen hex digits and, where it was rewritten,
//	                  how often; never changed
//	  holds/          one file for each session that retention must keep, named by its id
//	  cut/            one for each session that lost its old part and goes on: what its first records said of it
//	  tombstones/     what retention left behind, see package checkpoint
//
// One process writes, any number read meanwhile. A block is on disk before the directory lists it, so that a kill at
// any moment leaves at most a file that is not listed: one that is new is listed then, one that was replaced, or was to
// replace others, is removed.
package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gatefold/gatefold/internal/record"
)

// Mode says what a store is opened for.
type Mode uint8

const (
	Read  Mode = iota // never changes anything, beside a writer or alone
	Write             // the one owner
)

var (
	// ErrOwned says that another process writes to the archive.
	ErrOwned = errors.New("another gatefold has it open for writing")
	// ErrNoArchive says that there is no archive in a folder.
	ErrNoArchive = errors.New("there is no archive")
)

// Store is an open archive.
type Store struct {
	// Notes say what was wrong on opening and what was done about it, in words for the operator.
	Notes []string
	// Finished is what an earlier run had begun to erase and this opening ended; nil: nothing. To be put on record: see Told.
	Finished *Finished

	dir  string
	mode Mode
	lock *os.File // Write
	db   *sql.DB
	lost error // Read: why the directory on disk isn't used

	statements statements
	changing   sync.Mutex        // the directory, by one at a time
	rewriting  sync.Mutex        // held by whoever replaces blocks that are listed: one at a time
	doomed     []file            // replaced, and not removed yet; of whoever holds rewriting
	hopeless   map[file]struct{} // what can't be joined to the block before it, for a reason that stays; as doomed

	keeping  sync.Mutex
	kept     map[file]*record.Block // Read: blocks read before
	keptSize int                    // bytes of their files

	private string // Read, where the directory is lost: the folder of one of its own
}

// Open opens the archive in dir. Write makes a new one where there is none, and the directory again where it is lost or
// damaged, which Notes then tells. Read makes do with a temporary one of its own.
func Open(dir string, mode Mode) (*Store, error) {
	s := &Store{dir: dir, mode: mode}
	err := s.open(context.Background())
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("open archive %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if s.mode == Read {
		return s.openRead(ctx)
	}
	if err := s.prepare(); err != nil {
		return err
	}
	if err := s.openWrite(ctx); err != nil {
		return err
	}
	return s.finishRedact(ctx)
}

// prepare makes the folders, takes the lock and clears away what a crash left.
func (s *Store) prepare() error {
	for _, dir := range []string{s.dir, s.blocksDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := s.own(); err != nil {
		return err
	}
	f, err := os.OpenFile(s.readersFile(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), s.sweep())
}

// openWrite opens the directory, builds it where it must be built, and lists the blocks that a crash left unlisted.
func (s *Store) openWrite(ctx context.Context) error {
	err := s.openDirectory(ctx, s.directory())
	var newer *NewerError
	switch {
	case errors.As(err, &newer):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return s.create(ctx)
	case err != nil:
		return s.replace(ctx, fmt.Errorf("it was damaged: %w", err))
	}
	if err := s.leftovers(ctx); err != nil {
		return err
	}
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	return s.bury(false)
}

func (s *Store) openRead(ctx context.Context) error {
	if _, err := os.Stat(s.blocksDir()); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(s.directory()); errors.Is(err, fs.ErrNotExist) {
			return ErrNoArchive
		}
	}
	err := s.openDirectory(ctx, s.directory())
	var newer *NewerError
	if err == nil || errors.As(err, &newer) {
		return err
	}
	s.lost = err
	if err := s.createPrivate(ctx); err != nil {
		return err
	}
	s.note("the directory is lost (%v): what is shown was read from the blocks; the gateway builds it again when it starts", err)
	return s.rebuild(ctx)
}

// create makes a new directory. Where there are blocks already, theirs was lost.
func (s *Store) create(ctx context.Context) error {
	if err := s.createDirectory(ctx, s.directory()); err != nil {
		return err
	}
	if files, err := s.files(); err != nil || len(files) == 0 {
		return err
	}
	s.note("the directory was missing and was built again from the blocks")
	return errors.Join(s.rebuild(ctx), s.bury(false))
}

// replace puts a damaged directory aside and makes a new one.
func (s *Store) replace(ctx context.Context, cause error) error {
	aside := s.directory() + ".damaged"
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(s.directory() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(s.directory(), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.createDirectory(ctx, s.directory()); err != nil {
		return err
	}
	s.note("the directory was put aside as %s and built again from the blocks, since %v", filepath.Base(aside), cause)
	return s.rebuild(ctx)
}

// Dir is the archive's folder.
func (s *Store) Dir() string { return s.dir }

// Close ends the use of the archive.
func (s *Store) Close() error {
	var errs []error
	if s.mode == Write && s.db != nil {
		errs = append(errs, s.bury(false))
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
		s.db = nil
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	if s.private != "" {
		errs = append(errs, os.RemoveAll(s.private))
	}
	return errors.Join(errs...)
}

func (s *Store) note(format string, args ...any) {
	s.Notes = append(s.Notes, "archive "+s.dir+": "+fmt.Sprintf(format, args...))
}

func (s *Store) directory() string { return filepath.Join(s.dir, "directory.db") }
func (s *Store) blocksDir() string { return filepath.Join(s.dir, "blocks") }
