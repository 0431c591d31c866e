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

// bounds are where a block was cut, written down before the home sees it: when the block is cut again after a crash it is
// the same bytes. The file "cut" in the journal's folder is two slots of 28 bytes that are written in turn, so that a write
// that was torn leaves the other whole:
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

func (b bounds) appendTo(p []byte) []byte {
	start := len(p)
	p = append(p, cutMagic...)
	p = binary.LittleEndian.AppendUint64(p, uint64(b.pos))
	p = binary.LittleEndian.AppendUint64(p, uint64(b.end))
	return binary.LittleEndian.AppendUint32(p, crc32.Checksum(p[start:], castagnoli))
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

// cutFile keeps the bounds of the last two blocks.
type cutFile struct {
	file *os.File
	sync bool
	slot int64 // the next to be written
	buf  []byte
}

// openCuts opens the file in dir, or makes it, and returns the last bounds in it; none where there are none that can be
// read, which unread then says.
func openCuts(dir string, sync bool) (c *cutFile, last bounds, unread, err error) {
	path := filepath.Join(dir, cutName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, last, nil, fmt.Errorf("open bounds of the last block: %w", err)
	}
	c = &cutFile{file: f, sync: sync, buf: make([]byte, 0, boundsSize)}
	for slot := range int64(2) {
		p := make([]byte, boundsSize)
		n, _ := f.ReadAt(p, slot*int64(boundsSize))
		if n == 0 {
			continue
		}
		b, err := parseBounds(p[:n])
		if err != nil {
			unread = fmt.Errorf("read bounds of the last block from %s: %w", path, err)
		} else if b.pos >= last.pos {
			last, c.slot = b, 1-slot
		}
	}
	return c, last, unread, nil
}

// write puts b down. It survives the process and, with sync, the machine.
func (c *cutFile) write(b bounds) error {
	c.buf = b.appendTo(c.buf[:0])
	_, err := c.file.WriteAt(c.buf, c.slot*int64(boundsSize))
	if err == nil && c.sync {
		err = c.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write bounds of a block: %w", err)
	}
	c.slot = 1 - c.slot
	return nil
}

func (c *cutFile) close() { c.file.Close() }
