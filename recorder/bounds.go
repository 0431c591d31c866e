package recorder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/gatefold/gatefold/internal/journal"
)

// bounds are where the last block was cut, written down before the home sees it: when the block is cut again after a crash
// it is the same bytes. The file "cut" in the journal's folder:
//
//	0   8  "gfcut\0\0", version 1
//	8   8  position of the block's first entry, little endian
//	16  8  position behind its last
//	24  4  CRC-32C of bytes 0 to 23
type bounds struct{ pos, end journal.Position }

const (
	cutName    = "cut"
	cutMagic   = "gfcut\x00\x00\x01"
	boundsSize = len(cutMagic) + 8 + 8 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (b bounds) encode() []byte {
	p := append(make([]byte, 0, boundsSize), cutMagic...)
	p = binary.LittleEndian.AppendUint64(p, uint64(b.pos))
	p = binary.LittleEndian.AppendUint64(p, uint64(b.end))
	return binary.LittleEndian.AppendUint32(p, crc32.Checksum(p, castagnoli))
}

func parseBounds(p []byte) (b bounds, err error) {
	if len(p) != boundsSize || string(p[:len(cutMagic)]) != cutMagic {
		return b, errors.New("it is not a file of this version")
	}
	if crc32.Checksum(p[:24], castagnoli) != binary.LittleEndian.Uint32(p[24:]) {
		return b, errors.New("it does not match its checksum")
	}
	b.pos = journal.Position(binary.LittleEndian.Uint64(p[8:]))
	b.end = journal.Position(binary.LittleEndian.Uint64(p[16:]))
	return b, nil
}

// readBounds returns the bounds in dir; none where there is no file yet.
func readBounds(dir string) (b bounds, err error) {
	p, err := os.ReadFile(filepath.Join(dir, cutName))
	if errors.Is(err, os.ErrNotExist) {
		return b, nil
	}
	if err == nil {
		b, err = parseBounds(p)
	}
	if err != nil {
		return b, fmt.Errorf("read bounds of the last block from %s: %w", filepath.Join(dir, cutName), err)
	}
	return b, nil
}

// write puts the bounds in dir, all or nothing.
func (b bounds) write(dir string, sync bool) error {
	path := filepath.Join(dir, cutName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write bounds of a block: %w", err)
	}
	_, err = f.Write(b.encode())
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write bounds of a block: %w", err)
	}
	return nil
}
