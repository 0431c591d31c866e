package recorder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/statefile"
)

// A follower's cursor, and what its batch in flight holds, are one small file that is replaced whole:
//
//	0   8  "gffoll\0", version 1
//	8   8  cursor: journal position, little endian
//	16  8  position of the batch in flight
//	24  8  position behind it; 0: there is none
//	32     number of its sessions, a uvarint, and each: session 16, first Seq and how many follow, uvarints
//	    4  CRC-32C of all before it
const (
	cursorMagic = "gffoll\x00\x01"
	cursorFixed = len(cursorMagic) + 8 + 8 + 8
	maxCursor   = 64 << 20 // 64 MiB: more than a batch of the shortest records has sessions
)

// cursorState is what the file says.
type cursorState struct {
	cursor  uint64
	pending *manifest // nil: none
}

// manifest is what a batch holds.
type manifest struct {
	pos, end uint64
	spans    []span // by session
}

// span names records of a session.
type span struct {
	session     record.ID
	first, last uint64
}

func manifestOf(b *record.Block) *manifest {
	m := &manifest{pos: b.Pos, end: b.End, spans: make([]span, len(b.Spans))}
	for i := range b.Spans {
		s := &b.Spans[i]
		m.spans[i] = span{s.Session, s.First, s.Last}
	}
	return m
}

// sessions are those that it holds records of.
func (m *manifest) sessions() []record.ID {
	ids := make([]record.ID, len(m.spans))
	for i := range m.spans {
		ids[i] = m.spans[i].session
	}
	return ids
}

// describes reports whether b is the batch.
func (m *manifest) describes(b *record.Block) bool {
	count := uint64(0)
	if len(b.Spans) != len(m.spans) {
		return false
	}
	for i, s := range m.spans {
		if have := &b.Spans[i]; have.Session != s.session || have.First != s.first || have.Last != s.last {
			return false
		}
		count += s.last - s.first + 1
	}
	return count == uint64(b.Count)
}

func (s cursorState) encode() []byte {
	le := binary.LittleEndian
	p := le.AppendUint64([]byte(cursorMagic), s.cursor)
	if m := s.pending; m != nil {
		p = le.AppendUint64(le.AppendUint64(p, m.pos), m.end)
		p = binary.AppendUvarint(p, uint64(len(m.spans)))
		for _, sp := range m.spans {
			p = append(p, sp.session[:]...)
			p = binary.AppendUvarint(p, sp.first)
			p = binary.AppendUvarint(p, sp.last-sp.first)
		}
	} else {
		p = append(p, make([]byte, 8+8+1)...)
	}
	return le.AppendUint32(p, crc32.Checksum(p, castagnoli))
}

var errCursorFile = errors.New("it is damaged")

func parseCursor(p []byte) (s cursorState, err error) {
	le := binary.LittleEndian
	if len(p) < cursorFixed+1+4 || string(p[:len(cursorMagic)]) != cursorMagic {
		return s, errors.New("it is not a file of this version")
	}
	body := p[:len(p)-4]
	if crc32.Checksum(body, castagnoli) != le.Uint32(p[len(body):]) {
		return s, errCursorFile
	}
	s.cursor = le.Uint64(body[8:])
	pos, end, rest := le.Uint64(body[16:]), le.Uint64(body[24:]), body[cursorFixed:]
	n, rest, ok := uvarint(rest)
	if !ok || n > uint64(len(rest)/len(record.ID{})) || end == 0 && n > 0 {
		return s, errCursorFile
	}
	if end == 0 {
		return s, nil
	}
	m := &manifest{pos: pos, end: end, spans: make([]span, n)}
	for i := range m.spans {
		sp := &m.spans[i]
		if len(rest) < len(sp.session) {
			return s, errCursorFile
		}
		rest = rest[copy(sp.session[:], rest):]
		var more uint64
		if sp.first, rest, ok = uvarint(rest); ok {
			more, rest, ok = uvarint(rest)
		}
		if sp.last = sp.first + more; !ok || sp.last < sp.first {
			return s, errCursorFile
		}
	}
	if len(rest) > 0 {
		return s, errCursorFile
	}
	s.pending = m
	return s, nil
}

func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, b, false
	}
	return v, b[n:], true
}

// Sent is up to which journal position a follower's file says that batches were sent, whether or not they were taken; taken is
// up to where they certainly were. Both are 0 where there is no file.
func Sent(file string) (sent, taken uint64, err error) {
	s, err := (&cursorFile{path: file}).read()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	if sent = s.cursor; s.pending != nil {
		sent = max(sent, s.pending.end)
	}
	return sent, s.cursor, nil
}

// ErrFollowed says that another process follows with this cursor.
var ErrFollowed = errors.New("another gatefold is at it")

// cursorFile is the file, which one follower has at a time.
type cursorFile struct {
	path string
	lock *os.File
}

func openCursor(path string) (*cursorFile, error) {
	if err := statefile.Folder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock a follower's cursor: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrFollowed
		}
		return nil, fmt.Errorf("lock a follower's cursor: %w", err)
	}
	return &cursorFile{path, lock}, nil
}

func (c *cursorFile) read() (cursorState, error) {
	p, err := statefile.Read(c.path, maxCursor)
	if err != nil {
		return cursorState{}, err
	}
	s, err := parseCursor(p)
	if err != nil {
		return cursorState{}, fmt.Errorf("read a follower's cursor from %s: %w", c.path, err)
	}
	return s, nil
}

// write puts s down: it survives the process and the machine when it returns.
func (c *cursorFile) write(s cursorState) error {
	if err := statefile.Write(c.path, s.encode()); err != nil {
		return fmt.Errorf("write a follower's cursor: %w", err)
	}
	return nil
}

func (c *cursorFile) close() error { return c.lock.Close() }
