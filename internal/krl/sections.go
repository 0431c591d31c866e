package krl

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// magic begins a list (PROTOCOL.krl, section 1), and its version follows.
const (
	magic   = "SSHKRL\n\x00"
	version = 1
)

// Sections of a list, and those within one of certificates.
const (
	sectionCertificates = 1
	sectionKeys         = 2
	sectionSHA1         = 3
	sectionSignature    = 4
	sectionSHA256       = 5
	sectionExtension    = 255

	certificateSerials   = 0x20
	certificateSpan      = 0x21
	certificateBitmap    = 0x22
	certificateIDs       = 0x23
	certificateExtension = 0x39
)

// maxBitmap bounds one bitmap: OpenSSH writes and takes none that is longer.
const maxBitmap = 1 << 24 / 8 // bytes

var errShort = errors.New("it ends before it should")

// rest is what is still to be read.
type rest []byte

func (r *rest) take(n int) ([]byte, error) {
	if n > len(*r) {
		return nil, errShort
	}
	taken := (*r)[:n]
	*r = (*r)[n:]
	return taken, nil
}

func (r *rest) byte() (byte, error) {
	b, err := r.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (r *rest) uint64() (uint64, error) {
	b, err := r.take(8)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

// string is RFC 4251's: a length and as many bytes.
func (r *rest) string() (rest, error) {
	b, err := r.take(4)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(*r)) {
		return nil, errShort
	}
	return r.take(int(n))
}

// each reads strings to the end.
func (r *rest) each(do func([]byte) error) error {
	for len(*r) > 0 {
		s, err := r.string()
		if err == nil {
			err = do(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sections reads a list that begins with magic. Its signatures aren't read: who may write the file is believed, as by sshd.
func (l *List) sections(text []byte) error {
	r := rest(text[len(magic):])
	head, err := r.take(4 + 8 + 8 + 8) // format, the list's version, its date, flags
	if err != nil {
		return err
	}
	if format := binary.BigEndian.Uint32(head); format != version {
		return fmt.Errorf("its format is %d, and %d is read", format, version)
	}
	for range 2 { // reserved, comment
		if _, err := r.string(); err != nil {
			return err
		}
	}
	for len(r) > 0 {
		kind, err := r.byte()
		if err != nil {
			return err
		}
		data, err := r.string()
		if err != nil {
			return err
		}
		if kind == sectionSignature { // the signature is beside the key
			_, err = r.string()
		} else {
			err = l.section(kind, data)
		}
		if err != nil {
			return fmt.Errorf("section %d: %w", kind, err)
		}
	}
	return nil
}

func (l *List) section(kind byte, data rest) error {
	switch kind {
	case sectionCertificates:
		return l.certificates(data)
	case sectionKeys:
		return data.each(func(key []byte) error { l.keys[string(key)] = struct{}{}; return nil })
	case sectionSHA1:
		return data.each(func(sum []byte) error {
			return note(sum, sha1.Size, func() { l.sha1s[[sha1.Size]byte(sum)] = struct{}{} })
		})
	case sectionSHA256:
		return data.each(func(sum []byte) error {
			return note(sum, sha256.Size, func() { l.sha256s[[sha256.Size]byte(sum)] = struct{}{} })
		})
	case sectionExtension:
		return extension(data)
	}
	return errors.New("it is not known")
}

func note(sum []byte, size int, add func()) error {
	if len(sum) != size {
		return fmt.Errorf("a hash has %d bytes", len(sum))
	}
	add()
	return nil
}

// extension passes over one that needn't be understood.
func extension(data rest) error {
	name, err := data.string()
	if err != nil {
		return err
	}
	critical, err := data.byte()
	if err != nil {
		return err
	}
	if critical != 0 {
		return fmt.Errorf("extension %.64q must be understood, and isn't", []byte(name))
	}
	return nil
}

// certificates reads a section of one authority's.
func (l *List) certificates(data rest) error {
	authority, err := data.string()
	if err != nil {
		return err
	}
	if _, err := data.string(); err != nil { // reserved
		return err
	}
	c := l.by[string(authority)]
	if c == nil {
		c = &certificates{serials: map[uint64]struct{}{}, ids: map[string]struct{}{}}
		l.by[string(authority)] = c
	}
	for len(data) > 0 {
		kind, err := data.byte()
		if err != nil {
			return err
		}
		part, err := data.string()
		if err == nil {
			err = c.add(kind, part)
		}
		if err != nil {
			return fmt.Errorf("part %#x: %w", kind, err)
		}
	}
	return nil
}

func (c *certificates) add(kind byte, data rest) error {
	switch kind {
	case certificateSerials:
		for len(data) > 0 {
			serial, err := data.uint64()
			if err != nil {
				return err
			}
			c.serials[serial] = struct{}{}
		}
		return nil
	case certificateSpan:
		first, err := data.uint64()
		if err != nil {
			return err
		}
		last, err := data.uint64()
		if err != nil {
			return err
		}
		c.spans = append(c.spans, span{first, last})
		return ended(data)
	case certificateBitmap:
		first, err := data.uint64()
		if err != nil {
			return err
		}
		bits, err := data.string()
		if err != nil {
			return err
		}
		if len(bits) > maxBitmap+1 { // an mpint may begin with a zero
			return fmt.Errorf("a bitmap has %d bytes", len(bits))
		}
		c.bitmaps = append(c.bitmaps, bitmap{first, bytes.Clone(bits)})
		return ended(data)
	case certificateIDs:
		return data.each(func(id []byte) error { c.ids[string(id)] = struct{}{}; return nil })
	case certificateExtension:
		return extension(data)
	}
	return errors.New("it is not known")
}

func ended(data rest) error {
	if len(data) > 0 {
		return fmt.Errorf("%d bytes too many", len(data))
	}
	return nil
}
