package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// Reader is a log as those who verify it see it, beside a gateway that runs or in a copied folder.
type Reader struct{ dir string }

// Read reads the log in a folder; it may not exist.
func Read(dir string) *Reader { return &Reader{dir} }

// Exists reports whether there is a log at all.
func (r *Reader) Exists() bool {
	_, err := os.Stat(r.dir)
	return err == nil
}

// Placed is a leaf with its place.
type Placed struct {
	Leaf
	Number int64
	Hash   tlog.Hash
	Place  string // file and byte, in the archive
}

// Leaves yields all leaves in order. At what isn't whole or can't be read it ends, with the error. A leaf that is being
// written at the very end is none yet: it is left out.
func (r *Reader) Leaves() iter.Seq2[Placed, error] {
	return func(yield func(Placed, error) bool) {
		stored := r.Size() // before the leaves are: the hashes of one are written behind it
		n := int64(0)
		first, err := segments(leavesDir(r.dir))
		for i := 0; err == nil && i < len(first); i++ {
			if first[i] != n {
				err = fmt.Errorf("%s: the leaves from %d to %d are missing", r.place(first[i]), n, first[i]-1)
				break
			}
			var torn *TornError
			if err = r.file(first[i], &n, yield); err == errStop {
				return
			} else if errors.As(err, &torn) && i == len(first)-1 && n >= stored {
				return
			}
		}
		if err != nil {
			yield(Placed{Number: n}, err)
		}
	}
}

var errStop = errors.New("the reader has enough")

// file yields the leaves of one file.
func (r *Reader) file(first int64, n *int64, yield func(Placed, error) bool) error {
	f, err := openFrames(leavesPath(leavesDir(r.dir), first))
	if err != nil {
		return r.named(err)
	}
	defer f.close()
	for {
		at := f.offset
		raw, err := f.next()
		if err == io.EOF {
			return nil
		}
		p := Placed{Number: *n, Place: fmt.Sprintf("%s byte %d", r.place(first), at)}
		if err == nil {
			p.Hash = tlog.RecordHash(raw)
			if p.Leaf, err = ParseLeaf(raw); err != nil {
				err = fmt.Errorf("%s: %w", p.Place, err)
			}
		}
		if err != nil {
			return r.named(err)
		}
		if !yield(p, nil) {
			return errStop
		}
		*n++
	}
}

// place is a file of leaves, as seen from the archive.
func (r *Reader) place(first int64) string {
	return filepath.Join(filepath.Base(r.dir), "leaves", filepath.Base(leavesPath("", first)))
}

// named tells the file of an error as seen from the archive.
func (r *Reader) named(err error) error {
	var torn *TornError
	if errors.As(err, &torn) {
		return &TornError{filepath.Join(filepath.Base(r.dir), "leaves", torn.File), torn.Offset, torn.Reason}
	}
	return err
}

// Size is how many leaves the log has by its stored hashes: those of a leaf are written behind it.
func (r *Reader) Size() int64 {
	info, err := os.Stat(hashesPath(r.dir))
	if err != nil {
		return 0
	}
	return leavesOf(info.Size() / tlog.HashSize)
}

// leavesOf is how many leaves have all their hashes among the first count.
func leavesOf(count int64) int64 {
	n := count / 2 // there are at least n and fewer than 2n hashes
	for tlog.StoredHashCount(n+1) <= count {
		n++
	}
	return n
}

// Hashes reads the stored hashes in order.
type Hashes struct {
	file *os.File
	at   int64
	buf  []byte
}

// Hashes opens the stored hashes. The caller closes them.
func (r *Reader) Hashes() (*Hashes, error) {
	f, err := os.Open(hashesPath(r.dir))
	return &Hashes{file: f}, err
}

// Match reports whether the hashes that follow are these. place is where they aren't.
func (h *Hashes) Match(want []tlog.Hash) (place string, ok bool, err error) {
	h.buf = append(h.buf[:0], make([]byte, len(want)*tlog.HashSize)...)
	n, err := h.file.ReadAt(h.buf, h.at)
	if err != nil && err != io.EOF {
		return "", false, err
	}
	for i := range want {
		at := i * tlog.HashSize
		if end := at + tlog.HashSize; end > n || !bytes.Equal(h.buf[at:end], want[i][:]) {
			return fmt.Sprintf("byte %d", h.at+int64(at)), false, nil
		}
	}
	h.at += int64(len(h.buf))
	return "", true, nil
}

// Rest is how many bytes follow.
func (h *Hashes) Rest() (int64, error) {
	info, err := h.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size() - h.at, nil
}

// Close closes the file.
func (h *Hashes) Close() error { return h.file.Close() }
