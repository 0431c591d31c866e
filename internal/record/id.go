package record

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// ID names a session: a UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time they were made.
type ID [16]byte

// NewID returns a new id for now.
func NewID(now time.Time) ID {
	var id ID
	rand.Read(id[:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// IsZero reports whether id is no id.
func (id ID) IsZero() bool { return id == ID{} }

// String is the form of RFC 9562, section 4.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

var errID = errors.New("a session id looks like 01931b5e-7c1a-7f3e-8a4b-0123456789ab")

// ParseID reads the form that String writes; hyphens may be left out.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	}
	if len(s) != 32 {
		return id, errID
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, errID
	}
	return id, nil
}

// Hash is a SHA-256.
type Hash [32]byte

// Prefix reads the beginning of an id, with or without hyphens, into the form that Narrow takes.
func Prefix(s string) (string, error) {
	s = strings.ToLower(strings.ReplaceAll(s, "-", ""))
	if s == "" || len(s) > 2*len(ID{}) || strings.Trim(s, "0123456789abcdef") != "" {
		return "", errID
	}
	return s, nil
}
