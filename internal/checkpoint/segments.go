package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// The leaves lie in files of at most about 16 MiB, one frame behind the other, only ever appended to. A file is named by
// the number of its first leaf in sixteen hex digits.
//
//	0   8  "gfleaf\0", version 1
//	8      frames: length of the leaf 4, CRC-32C of it 4, the leaf. Numbers are little endian
const (
	leavesMagic   = "gfleaf\x00\x01"
	leavesSuffix  = ".gfl"
	frameHeader   = 4 + 4
	segmentLength = 16 << 20 // 16 MiB
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func leavesPath(dir string, first int64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x", first)+leavesSuffix)
}

// segments lists the numbers that the leaves' files begin with, in order.
func segments(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []int64 // sorted, as ReadDir sorts names
	for _, e := range entries {
		hex, ok := strings.CutSuffix(e.Name(), leavesSuffix)
		if n, err := strconv.ParseInt(hex, 16, 64); ok && err == nil && len(hex) == 16 {
			all = append(all, n)
		}
	}
	return all, err
}

func appendFrame(dst, leaf []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(leaf)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(leaf, castagnoli))
	return append(dst, leaf...)
}

// TornError says that a leaf isn't whole: the crash of a writer, at the end; damage, elsewhere.
type TornError struct {
	File   string
	Offset int64
	Reason string
}

func (e *TornError) Error() string {
	return fmt.Sprintf("%s byte %d: %s", e.File, e.Offset, e.Reason)
}

// frames reads a file of leaves. Its leaf is valid until the next.
type frames struct {
	name   string
	file   *os.File
	size   int64
	offset int64 // of the next frame
	buf    []byte
}

func openFrames(path string) (*frames, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &frames{name: filepath.Base(path), file: f, offset: int64(len(leavesMagic))}
	if err = r.begin(); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

func (r *frames) begin() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.size = info.Size()
	head := make([]byte, len(leavesMagic))
	_, err = r.file.ReadAt(head, 0)
	last := len(leavesMagic) - 1
	switch {
	case err == io.EOF:
		return &TornError{r.name, 0, "it is cut short"}
	case err != nil:
		return err
	case string(head[:last]) != leavesMagic[:last]:
		return &TornError{r.name, 0, "it does not begin as a file of leaves does"}
	case head[last] > leavesMagic[last]:
		return &record.VersionError{What: r.name, Have: int(head[last]), Know: int(leavesMagic[last])}
	case head[last] != leavesMagic[last]:
		return &TornError{r.name, int64(last), "there is no such version"}
	}
	return nil
}

// next returns the next leaf's bytes; io.EOF at the end of the file, a *TornError where it isn't whole.
func (r *frames) next() ([]byte, error) {
	if r.offset == r.size {
		return nil, io.EOF
	}
	torn := func(reason string) ([]byte, error) { return nil, &TornError{r.name, r.offset, reason} }
	if r.size-r.offset < frameHeader {
		return torn("a leaf is cut short")
	}
	var head [frameHeader]byte
	if _, err := r.file.ReadAt(head[:], r.offset); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n == 0 || n > maxLeaf || n > r.size-r.offset-frameHeader {
		return torn("a leaf is cut short, or its length is damaged")
	}
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	if _, err := r.file.ReadAt(r.buf, r.offset+frameHeader); err != nil {
		return nil, err
	}
	if crc32.Checksum(r.buf, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return torn("a leaf does not match its checksum")
	}
	r.offset += frameHeader + n
	return r.buf, nil
}

func (r *frames) close() error { return r.file.Close() }
