package local

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatefold/gatefold/internal/record"
)

const (
	blockSuffix = ".gfb"
	tempSuffix  = ".tmp"
)

// file names a block's file: where the block begins, and how often it was rewritten. A file never changes; what takes its
// place has a higher generation.
type file struct {
	pos uint64
	gen int
}

// name is sixteen hex digits and, where the block was rewritten, the generation.
func (f file) name() string {
	if f.gen == 0 {
		return fmt.Sprintf("%016x", f.pos) + blockSuffix
	}
	return fmt.Sprintf("%016x.%d", f.pos, f.gen) + blockSuffix
}

// parseFile is what a file's name tells; false: it is none of ours.
func parseFile(name string) (f file, ok bool) {
	base, ok := strings.CutSuffix(name, blockSuffix)
	if !ok {
		return f, false
	}
	hex, gen, rewritten := strings.Cut(base, ".")
	var err error
	if f.pos, err = strconv.ParseUint(hex, 16, 64); err != nil {
		return f, false
	}
	if rewritten {
		if f.gen, err = strconv.Atoi(gen); err != nil {
			return f, false
		}
	}
	return f, f.name() == name
}

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

// path is where a block's file lies.
func (s *Store) path(f file) string { return filepath.Join(s.blocksDir(), f.name()) }

// files lists the blocks that lie in the folder, by position, of one position the newest generation first.
func (s *Store) files() ([]file, error) {
	entries, err := os.ReadDir(s.blocksDir())
	if err != nil {
		return nil, err
	}
	var all []file
	for _, e := range entries {
		if f, ok := parseFile(e.Name()); ok {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b file) int { return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(b.gen, a.gen)) })
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

// read reads a block's file, at most as much as a block may have.
func (s *Store) read(at file) ([]byte, error) {
	f, err := os.Open(s.path(at))
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

// load reads and checks a block.
func (s *Store) load(at file) (*record.Block, []byte, error) {
	raw, err := s.read(at)
	if err != nil {
		return nil, nil, err
	}
	b, err := record.ParseBlock(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.path(at), err)
	}
	if b.Pos != at.pos {
		return nil, nil, fmt.Errorf("%s: this is the block of position %016x under another name", s.path(at), b.Pos)
	}
	return b, raw, nil
}

// write puts a sealed block's bytes on disk, whole or not at all, and returns those that stand there then: where the same
// records are sealed there already, it leaves them. Something damaged in its place is put aside.
func (s *Store) write(b *record.Block, raw []byte) (stands []byte, err error) {
	at := file{pos: b.Pos}
	switch old, oldRaw, err := s.load(at); {
	case err == nil && sameRecords(old, b):
		return oldRaw, nil
	case err == nil:
		return nil, fmt.Errorf("%s holds other records than the block that is to be written there: two journals for one archive?", s.path(at))
	case !errors.Is(err, fs.ErrNotExist):
		s.note("%v: it was put aside, and written again from the journal", err)
		if err := os.Rename(s.path(at), s.path(at)+".damaged"); err != nil {
			return nil, err
		}
	}
	return raw, s.place(at, raw)
}

// place puts bytes under a block's name, on disk, whole or not at all.
func (s *Store) place(at file, raw []byte) error {
	temp := s.path(at) + tempSuffix
	if err := writeSynced(temp, raw); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, s.path(at)); err != nil {
		return err
	}
	return syncDir(s.blocksDir())
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
	n, err := writeDirect(f, raw)
	if err == nil {
		_, err = f.Write(raw[n:])
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// What writeDirect writes: whole pages of what is large. A smaller file costs less by way of the cache.
const (
	directPage = 4096
	directMin  = 1 << 20 // 1 MiB
)

// writeDirect writes whole pages of b past the page cache, where the file system can, and returns how many bytes that were. A
// block is synced and rarely read soon: a copy of it in the cache costs more CPU than all else of putting it away, and the
// room of something that is read.
func writeDirect(f *os.File, b []byte) (n int, err error) {
	whole := len(b) &^ (directPage - 1)
	if whole < directMin || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%directPage != 0 {
		return 0, nil
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return 0, nil
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFL, flags|unix.O_DIRECT); err != nil {
		return 0, nil // tmpfs, and some of the network's
	}
	if n, err = f.Write(b[:whole]); errors.Is(err, unix.EINVAL) && n == 0 {
		err = nil // it takes the flag, and not these pages
	}
	if _, off := unix.FcntlInt(f.Fd(), unix.F_SETFL, flags); err == nil {
		err = off
	}
	return n, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
