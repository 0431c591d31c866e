package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Who reads sees the archive as it was when it began: files that were replaced meanwhile stay until no reader is left. Each
// reader holds a shared lock on one file for as long as it reads; whoever can have it alone may remove them.

func (s *Store) readersFile() string { return filepath.Join(s.dir, "readers") }

// reading keeps replaced files where they are until the func is called. In a folder without the lock's file, such as a copy,
// nobody removes any.
func (s *Store) reading() (done func(), err error) {
	f, err := os.Open(s.readersFile())
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_SH); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

// flock takes a lock on f; a signal does not keep it from that.
func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// bury removes replaced files where nobody reads them or, if now is set, all the same: who reads one then finds that it is
// gone. What can't be removed is tried again, at the latest on opening.
func (s *Store) bury(now bool) error {
	if len(s.doomed) == 0 {
		return nil
	}
	f, err := os.OpenFile(s.readersFile(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil && !now {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil
		}
		return err
	}
	var left []file
	var failed error
	for _, at := range s.doomed {
		if err := os.Remove(s.path(at)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			left, failed = append(left, at), errors.Join(failed, err)
		}
	}
	s.doomed = left
	return errors.Join(failed, syncDir(s.blocksDir()))
}
