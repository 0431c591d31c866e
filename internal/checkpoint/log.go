// Package checkpoint keeps a log of what was sealed, such that nothing in it can be changed or taken away unseen by those
// who hold an earlier checkpoint: a Merkle tree whose leaf is how far each session's chain had got in a block, and signed
// notes of its root, handed to places elsewhere. DESIGN.md says what that proves, and against whom; FORMAT.md of package
// recorder is the byte table.
//
//	archive/log/
//	  leaves/      the leaves, see segments.go
//	  hashes       the tree's hashes, 32 bytes each, in the order of golang.org/x/mod/sumdb/tlog
//	  checkpoints  every checkpoint signed, an empty line behind each
//	  checkpoint   the newest
//	  key          the public key, for convenience: who verifies has it from elsewhere
//	archive/tombstones/  what retention took away, signed: see tombstone.go
//
// It is only ever appended to. Compaction and retention of blocks leave it alone.
package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Folder is where in an archive the log lies.
func Folder(archive string) string { return filepath.Join(archive, "log") }

// Log is the log of the gateway that runs. Its methods may be called from any goroutine. What Add took is on disk after
// Sync; what a loss of power takes before that is added again from the blocks, which are.
type Log struct {
	// Notes say what was wrong on opening and what was done about it, in words for the operator.
	Notes []string

	dir string

	mu     sync.Mutex
	tree   Tree
	end    uint64   // of the last leaf's block
	leaves *os.File // the file that is being filled; nil: the next leaf begins one
	length int64    // of it
	hashes *os.File
	buf    []byte
}

func leavesDir(dir string) string  { return filepath.Join(dir, "leaves") }
func hashesPath(dir string) string { return filepath.Join(dir, "hashes") }

// Open opens the log in dir, a folder of its own, or begins one. A crash's last leaf is cut off; hashes that are lost or
// don't fit their leaves are computed again. Notes tells of both.
func Open(dir string) (*Log, error) {
	l := &Log{dir: dir}
	if err := l.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log of checkpoints in %s: %w", dir, err), l.Close())
	}
	return l, nil
}

func (l *Log) open() (err error) {
	if err := os.MkdirAll(leavesDir(l.dir), 0o700); err != nil {
		return err
	}
	if l.hashes, err = os.OpenFile(hashesPath(l.dir), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	info, err := l.hashes.Stat()
	if err != nil {
		return err
	}
	last, err := l.openLeaves(info.Size() / tlog.HashSize)
	if err != nil {
		return err
	}
	return l.openHashes(info.Size(), last)
}

// tail is the last file of leaves: the number of its first, and the hashes of all.
type tail struct {
	first int64
	found []tlog.Hash
}

func (t *tail) size() int64 { return t.first + int64(len(t.found)) }

// openLeaves opens the last file of leaves behind its last whole one.
func (l *Log) openLeaves(stored int64) (t tail, err error) {
	for {
		first, err := segments(leavesDir(l.dir))
		if err != nil || len(first) == 0 {
			return tail{}, err
		}
		t = tail{first: first[len(first)-1]}
		path := leavesPath(leavesDir(l.dir), t.first)
		if err := l.scan(path, &t); err != nil {
			return t, err
		}
		torn := tlog.StoredHashCount(t.size()) < stored // more was there: this is no crash
		if err := l.cut(path, torn); err != nil {
			return t, err
		}
		if len(t.found) > 0 {
			l.leaves, err = os.OpenFile(path, os.O_RDWR, 0o600)
			return t, err
		}
		if err := os.Remove(path); err != nil { // begun, and nothing written
			return t, err
		}
	}
}

// scan reads a file of leaves up to what isn't whole.
func (l *Log) scan(path string, t *tail) error {
	l.length = 0
	r, err := openFrames(path)
	var torn *TornError
	if errors.As(err, &torn) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.close()
	for {
		raw, err := r.next()
		if err == io.EOF || errors.As(err, &torn) {
			l.length = r.offset
			return nil
		}
		if err != nil {
			return err
		}
		leaf, err := ParseLeaf(raw)
		if err != nil {
			return fmt.Errorf("%s byte %d: %w", path, r.offset, err)
		}
		t.found = append(t.found, tlog.RecordHash(raw))
		l.end = leaf.End
	}
}

// cut takes away what stands behind the last whole leaf. Where it is more than what a crash leaves, it is kept aside.
func (l *Log) cut(path string, aside bool) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == l.length {
		return err
	}
	if aside {
		whole, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path+".damaged", whole, 0o600)
		}
		if err != nil {
			return err
		}
		l.note("%s is damaged at byte %d: it was put aside, and goes on from there with what the archive has", path, l.length)
	} else {
		l.note("a leaf that a crash left half written was cut off %s", path)
	}
	return os.Truncate(path, l.length)
}

// openHashes takes the tree up from the stored hashes, where they are those of the leaves.
func (l *Log) openHashes(stored int64, t tail) (err error) {
	want := tlog.StoredHashCount(t.size()) * tlog.HashSize
	if stored < want || !l.agree(t) {
		if err := l.rehash(t.size()); err != nil {
			return err
		}
		l.note("the hashes of the log were lost or were not those of its leaves: they were computed again")
	} else if stored > want {
		if err := l.hashes.Truncate(want); err != nil {
			return err
		}
	}
	l.tree, err = treeOf(t.size(), l)
	return err
}

// agree reports whether the last leaves' hashes are stored as they are.
func (l *Log) agree(t tail) bool {
	for i, h := range t.found {
		stored, err := l.ReadHashes([]int64{tlog.StoredHashIndex(0, t.first+int64(i))})
		if err != nil || stored[0] != h {
			return false
		}
	}
	return true
}

// rehash computes all hashes again from the leaves.
func (l *Log) rehash(size int64) error {
	if err := l.hashes.Truncate(0); err != nil {
		return err
	}
	var tree Tree
	var final []tlog.Hash
	for leaf, err := range Read(l.dir).Leaves() {
		if err != nil {
			return fmt.Errorf("compute the hashes again: %w", err)
		}
		final = tree.Add(final[:0], leaf.Hash)
		if err := l.store(tree.Size()-1, final); err != nil {
			return err
		}
	}
	if tree.Size() != size {
		return fmt.Errorf("compute the hashes again: there are %d leaves of %d", tree.Size(), size)
	}
	return nil
}

func (l *Log) note(format string, args ...any) {
	l.Notes = append(l.Notes, fmt.Sprintf(format, args...))
}

// ReadHashes is a tlog.HashReader.
func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) { return readHashes(l.hashes, indexes) }

func readHashes(f io.ReaderAt, indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if _, err := f.ReadAt(hashes[i][:], at*tlog.HashSize); err != nil {
			return nil, fmt.Errorf("read hash %d of the log: %w", at, err)
		}
	}
	return hashes, nil
}

// Size is how many leaves the log has; end is where the last one's block ends, in the journal.
func (l *Log) Size() (size int64, end uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tree.Size(), l.end
}

// Add takes the leaf of the block that was sealed last. One that it has already, by its End, is left as it is. After an
// error it can be tried again.
func (l *Log) Add(leaf Leaf) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if leaf.End <= l.end && l.tree.Size() > 0 {
		return nil
	}
	if err := l.add(&leaf); err != nil {
		return fmt.Errorf("add block %016x to the log of checkpoints: %w", leaf.Pos, err)
	}
	return nil
}

func (l *Log) add(leaf *Leaf) error {
	if l.leaves == nil || l.length >= segmentLength {
		if err := l.begin(); err != nil {
			return err
		}
	}
	raw := leaf.AppendTo(nil)
	l.buf = appendFrame(l.buf[:0], raw)
	if _, err := l.leaves.WriteAt(l.buf, l.length); err != nil {
		return errors.Join(err, l.leaves.Truncate(l.length))
	}
	grown := Tree{l.tree.size, append([]tlog.Hash(nil), l.tree.roots...)}
	if err := l.store(l.tree.Size(), grown.Add(nil, tlog.RecordHash(raw))); err != nil {
		return errors.Join(err, l.leaves.Truncate(l.length))
	}
	l.tree, l.end, l.length = grown, leaf.End, l.length+int64(len(l.buf))
	return nil
}

// begin begins a file of leaves.
func (l *Log) begin() error {
	f, err := os.OpenFile(leavesPath(leavesDir(l.dir), l.tree.Size()), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(leavesMagic)); err != nil {
		return errors.Join(err, f.Close())
	}
	if l.leaves != nil {
		if err := errors.Join(l.leaves.Sync(), l.leaves.Close()); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	l.leaves, l.length = f, int64(len(leavesMagic))
	return nil
}

// store writes the hashes that became final with leaf n.
func (l *Log) store(n int64, final []tlog.Hash) error {
	var b []byte
	for i := range final {
		b = append(b, final[i][:]...)
	}
	_, err := l.hashes.WriteAt(b, tlog.StoredHashIndex(0, n)*tlog.HashSize)
	return err
}

// Sync returns when what the log had when it was called is on disk, and tells what that was.
func (l *Log) Sync() (size int64, root tlog.Hash, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leaves != nil {
		if err := l.leaves.Sync(); err != nil {
			return 0, root, fmt.Errorf("sync the log's leaves: %w", err)
		}
	}
	if err := errors.Join(l.hashes.Sync(), syncDir(leavesDir(l.dir)), syncDir(l.dir)); err != nil {
		return 0, root, fmt.Errorf("sync the log's hashes: %w", err)
	}
	return l.tree.Size(), l.tree.Root(), nil
}

// Close closes the log's files.
func (l *Log) Close() error {
	var errs []error
	for _, f := range []*os.File{l.leaves, l.hashes} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// missing reports whether err says that there is nothing there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
