package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// FORMAT of a segment: a header of 64 bytes, then frames, then zeros. Numbers are little endian.
//
//	0   7  "gfjrnal"
//	7   1  version, 1
//	8   4  the segment's number
//	12  4  zero
//	16  8  size of the file in bytes
//	24  8  seed: random, so that no entry can look like a frame of this segment
//	32  4  CRC-32C of bytes 0 to 31
//	36  28 zero
const (
	magic      = "gfjrnal"
	version    = 1
	headerSize = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is one mapped file. Bytes below limit are whole frames and don't change; done says that limit doesn't either.
type segment struct {
	number uint32
	seed   uint64
	size   int64 // bytes mapped
	made   int64 // bytes that it was made with
	path   string
	file   *os.File
	data   []byte // the mapping
	limit  atomic.Int64
	done   atomic.Bool
	synced int64        // bytes known to be on disk; under Journal.syncs
	refs   atomic.Int32 // the journal's, and one for each reader or sync at work; unmapped at 0
}

func segmentPath(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%08x.seg", number))
}

// createSegment makes a segment whose room is allocated on disk. It appears under its name only when it is whole.
func createSegment(dir string, number uint32, size int64) (*segment, error) {
	path := segmentPath(dir, number)
	f, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make journal segment: %w", err)
	}
	s, err := fillSegment(f, number, size)
	if err == nil {
		s.path = path
		if err = os.Rename(path+".new", path); err == nil {
			if err = syncDir(dir); err == nil {
				return s, nil
			}
		}
		s.release()
	} else {
		f.Close()
	}
	os.Remove(path + ".new")
	return nil, fmt.Errorf("make journal segment %s: %w", path, err)
}

func fillSegment(f *os.File, number uint32, size int64) (*segment, error) {
	if err := allocate(f, size); err != nil {
		return nil, err
	}
	seed, err := writeHeader(f, number, size)
	if err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return mapSegment(f, number, size, seed)
}

// writeHeader writes one with a seed of its own.
func writeHeader(f *os.File, number uint32, size int64) (seed uint64, err error) {
	var h [headerSize]byte
	copy(h[:], magic)
	h[7] = version
	binary.LittleEndian.PutUint32(h[8:], number)
	binary.LittleEndian.PutUint64(h[16:], uint64(size))
	rand.Read(h[24:32])
	binary.LittleEndian.PutUint32(h[32:], crc32.Checksum(h[:32], castagnoli))
	_, err = f.WriteAt(h[:], 0)
	return binary.LittleEndian.Uint64(h[24:]), err
}

// allocate reserves the file's blocks, so that writing to the mapping can't run out of disk.
func allocate(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func mapSegment(f *os.File, number uint32, size int64, seed uint64) (*segment, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map it into memory: %w", err)
	}
	s := &segment{number: number, seed: seed, size: size, made: size, path: f.Name(), file: f, data: data}
	s.limit.Store(headerSize)
	s.refs.Store(1)
	return s, nil
}

// openSegment opens a segment of an earlier run. Its limit isn't known yet.
func openSegment(path string) (*segment, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s, err := readSegment(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func readSegment(f *os.File) (*segment, error) {
	var h [headerSize]byte
	if _, err := f.ReadAt(h[:], 0); err != nil {
		return nil, damaged(f, 0, "it is shorter than its header")
	}
	if string(h[:7]) != magic {
		return nil, damaged(f, 0, "it does not begin as a segment does")
	}
	if h[7] > version {
		return nil, fmt.Errorf("segment %s has format version %d, this gatefold reads up to %d: use a newer one",
			f.Name(), h[7], version)
	}
	number := binary.LittleEndian.Uint32(h[8:])
	if crc32.Checksum(h[:32], castagnoli) != binary.LittleEndian.Uint32(h[32:]) || h[7] != version {
		return nil, damaged(f, 32, "its header does not match its checksum")
	}
	if segmentPath(filepath.Dir(f.Name()), number) != f.Name() {
		return nil, damaged(f, 8, fmt.Sprintf("its header says that it is number %d", number))
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	made := int64(binary.LittleEndian.Uint64(h[16:]))
	size := made
	if info.Size() != made || made > largestSegment || made%pageSize != 0 || made < minSegment {
		size = min(info.Size()&^(pageSize-1), largestSegment)
	}
	if size < pageSize {
		return nil, damaged(f, info.Size(), "it was cut short")
	}
	s, err := mapSegment(f, number, size, binary.LittleEndian.Uint64(h[24:]))
	if err != nil {
		return nil, err
	}
	if s.made = made; size != made {
		s.done.Store(true) // read what there is, write nothing
	}
	return s, nil
}

// DamageError says that a file can't be read as a segment, and where that shows.
type DamageError struct {
	Path   string
	Offset int64
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("segment %s is damaged at byte %d: %s", e.Path, e.Offset, e.Reason)
}

func damaged(f *os.File, offset int64, reason string) error {
	return &DamageError{f.Name(), offset, reason}
}

func (s *segment) acquire() { s.refs.Add(1) }

func (s *segment) release() {
	if s.refs.Add(-1) == 0 {
		unix.Munmap(s.data)
		s.file.Close()
	}
}

// syncDir makes a new name in dir survive the machine's death.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
