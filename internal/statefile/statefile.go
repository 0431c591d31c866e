// Package statefile keeps the small files of the state folder: private to their owner, replaced whole or not at all,
// changed by one process at a time. It knows nothing of what they hold. A leaf.
//
// The verbs may run as root while the gateway runs as another user: what is made here belongs to the owner of the
// folder, so that the gateway can still read it.
package statefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrExposed says that others than the owner can get at a file that must be private.
var ErrExposed = errors.New("open to others")

// Folder makes sure that dir exists and that nobody but its owner can change it.
func Folder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("check folder: %w", err)
	case !info.IsDir():
		return fmt.Errorf("check folder: %s is no folder", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("check folder: %s is %w: run chmod go-w on it", dir, ErrExposed)
	}
	return nil
}

// Read returns a private file's bytes, at most limit of them (a longer file is an error). The error is fs.ErrNotExist
// where there is none, and ErrExposed where others than the owner may read or write it.
func Read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that it may have", path, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		clear(data)
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}

// private checks a file as opened, so that it can't be another by the time it is read.
func private(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no plain file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is %w (mode %04o): run chmod 600 on it", path, ErrExposed, info.Mode().Perm())
	}
	owner, me := owner(info), os.Geteuid()
	if owner != me && owner != 0 && me != 0 {
		return fmt.Errorf("%s is %w: it belongs to user %d, and this runs as %d: run chown %d on it", path, ErrExposed, owner, me, me)
	}
	return nil
}

func owner(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// Write replaces a file whole, or leaves it as it was: the new bytes are on disk before the name points at them. The
// caller holds the file's Lock.
func Write(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := fill(tmp, data); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path))
}

// Create makes a file that must not exist yet (fs.ErrExist).
func Create(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("create %s: %w", path, fs.ErrExist)
	}
	tmp := path + ".tmp"
	defer os.Remove(tmp)
	if err := fill(tmp, data); err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	if err := os.Link(tmp, path); err != nil { // unlike a rename, never over a file that came between
		return fmt.Errorf("create %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path))
}

func fill(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil { // one that a killed process left behind, or a strange umask
		return err
	}
	if err := giveToFolderOwner(f); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// giveToFolderOwner lets a gateway that doesn't run as root read what root's verbs write.
func giveToFolderOwner(f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Lock waits until no other process holds path's lock. The kernel gives it back when its holder dies. The lock is a
// file of its own beside path, since path itself is replaced.
func Lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := giveToFolderOwner(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != unix.EINTR {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}
