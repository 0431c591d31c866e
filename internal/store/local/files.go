package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatefold/gatefold/internal/record"
)

const (
	blockSuffix = ".gfb"
	tempSuffix  = ".tmp"
)

// own takes the lock that the one writer holds. It goes when the process does.
func (s *Store) own() error {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.lock = f
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrOwned
	}
	return err
}

// sweep removes what a crash left half written: it was never acknowledged.
func (s *Store) sweep() error {
	left, err := filepath.Glob(filepath.Join(s.blocksDir(), "*"+tempSuffix))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// file is where the block at a position lies.
func (s *Store) file(pos uint64) string {
	return filepath.Join(s.blocksDir(), fmt.Sprintf("%016x", pos)+blockSuffix)
}

// parseFile is the position that a file's name tells; false: it is none of ours.
func parseFile(name string) (uint64, bool) {
	hex, ok := strings.CutSuffix(name, blockSuffix)
	if !ok || len(hex) != 16 || strings.ToLower(hex) != hex {
		return 0, false
	}
	pos, err := strconv.ParseUint(hex, 16, 64)
	return pos, err == nil
}

// positions lists the blocks that lie in the folder, in order.
func (s *Store) positions() ([]uint64, error) {
	entries, err := os.ReadDir(s.blocksDir())
	if err != nil {
		return nil, err
	}
	var all []uint64
	for _, e := range entries {
		if pos, ok := parseFile(e.Name()); ok {
			all = append(all, pos)
		}
	}
	slices.Sort(all)
	return all, nil
}

// foreign lists what lies in the archive and isn't part of it. A block being written now is not foreign.
func (s *Store) foreign() ([]string, error) {
	var found []string
	entries, err := os.ReadDir(s.blocksDir())
	for _, e := range entries {
		_, ours := parseFile(e.Name())
		if !(ours && e.Type().IsRegular() || strings.HasSuffix(e.Name(), blockSuffix+tempSuffix)) {
			found = append(found, filepath.Join(s.blocksDir(), e.Name()))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // each listed block is missing then
	}
	return found, err
}

// read reads the file at a position, at most as much as a block may have.
func (s *Store) read(pos uint64) ([]byte, error) {
	f, err := os.Open(s.file(pos))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: this is no regular file", f.Name())
	case info.Size() > record.MaxBlock:
		return nil, fmt.Errorf("%s: it has %d bytes, more than a block may have", f.Name(), info.Size())
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return b, nil
}

// load reads and checks the block at a position.
func (s *Store) load(pos uint64) (*record.Block, []byte, error) {
	raw, err := s.read(pos)
	if err != nil {
		return nil, nil, err
	}
	b, err := record.ParseBlock(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.file(pos), err)
	}
	if b.Pos != pos {
		return nil, nil, fmt.Errorf("%s: this is the block of position %016x under another name", s.file(pos), b.Pos)
	}
	return b, raw, nil
}

// write puts a block's bytes on disk, whole or not at all, and returns those that stand there then: where the same
// records are sealed there already, it leaves them. Something damaged in its place is put aside.
func (s *Store) write(b *record.Block, raw []byte) (stands []byte, err error) {
	name := s.file(b.Pos)
	switch old, oldRaw, err := s.load(b.Pos); {
	case err == nil && sameRecords(old, b):
		return oldRaw, nil
	case err == nil:
		return nil, fmt.Errorf("%s holds other records than the block that is to be written there: two journals for one archive?", name)
	case !errors.Is(err, fs.ErrNotExist):
		s.note("%v: it was put aside, and written again from the journal", err)
		if err := os.Rename(name, name+".damaged"); err != nil {
			return nil, err
		}
	}
	temp := name + tempSuffix
	if err := writeSynced(temp, raw); err != nil {
		return nil, errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, name); err != nil {
		return nil, err
	}
	return raw, syncDir(s.blocksDir())
}

// sameRecords reports whether two blocks hold the same records: their chains say so. Their bytes may differ where
// another version compressed them.
func sameRecords(a, b *record.Block) bool {
	return a.Pos == b.Pos && a.End == b.End && a.Count == b.Count && slices.Equal(a.Spans, b.Spans)
}

func writeSynced(name string, raw []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
