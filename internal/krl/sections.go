package krl

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
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

var (
	errShort   = errors.New("it ends before it should")
	errUnknown = errors.New("it is not known")
)

// reader reads what is left of a list, or of a part of one. After an error there is nothing left, and what is read is empty.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.err = nil, cmp.Or(r.err, errShort)
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number is of n bytes, up to eight, the first is the highest.
func (r *reader) number(n uint64) (v uint64) {
	for _, b := range r.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

// string is RFC 4251's: a length and as many bytes.
func (r *reader) string() []byte { return r.take(r.number(4)) }

// each reads strings to the end.
func (r *reader) each(do func([]byte) error) error {
	for len(r.rest) > 0 {
		if s := r.string(); r.err == nil {
			r.err = do(s)
		}
		if r.err != nil {
			break
		}
	}
	return r.err
}

// parts reads what is named by a number, of one byte, to the end.
func (r *reader) parts(what string, do func(kind byte, data *reader) error) error {
	for len(r.rest) > 0 {
		kind, data := byte(r.number(1)), r.string()
		if r.err != nil {
			break
		}
		if err := do(kind, &reader{rest: data}); err != nil {
			return fmt.Errorf("%s: %w", fmt.Sprintf(what, kind), err)
		}
	}
	return r.err
}

// end is why a part could not be read to its end, where nothing may follow.
func (r *reader) end() error {
	if len(r.rest) > 0 {
		return fmt.Errorf("%d bytes too many", len(r.rest))
	}
	return r.err
}

// sections reads a list that begins with magic. Its signatures aren't read: who may write the file is believed, as by sshd.
func (l *List) sections(text []byte) error {
	r := &reader{rest: text[len(magic):]}
	if format := r.number(4); r.err == nil && format != version {
		return fmt.Errorf("its format is %d, and %d is read", format, version)
	}
	r.take(8 + 8 + 8) // the list's version, its date, flags
	r.string()        // reserved
	r.string()        // comment
	if r.err != nil {
		return r.err
	}
	return r.parts("section %d", func(kind byte, data *reader) error {
		if kind == sectionSignature { // the signature is beside the key
			r.string()
			return r.err
		}
		return l.section(kind, data)
	})
}

func (l *List) section(kind byte, data *reader) error {
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
	return errUnknown
}

func note(sum []byte, size int, add func()) error {
	if len(sum) != size {
		return fmt.Errorf("a hash has %d bytes", len(sum))
	}
	add()
	return nil
}

// extension passes over one that needn't be understood.
func extension(data *reader) error {
	name, critical := data.string(), data.number(1)
	if data.err == nil && critical != 0 {
		return fmt.Errorf("extension %.64q must be understood, and isn't", name)
	}
	return data.err
}

// certificates reads a section of one authority's.
func (l *List) certificates(data *reader) error {
	authority := data.string()
	data.string() // reserved
	if data.err != nil {
		return data.err
	}
	c := l.by[string(authority)]
	if c == nil {
		c = &certificates{serials: map[uint64]struct{}{}, ids: map[string]struct{}{}}
		l.by[string(authority)] = c
	}
	return data.parts("part %#x", c.add)
}

func (c *certificates) add(kind byte, data *reader) error {
	switch kind {
	case certificateSerials:
		for len(data.rest) > 0 {
			if serial := data.number(8); data.err == nil {
				c.serials[serial] = struct{}{}
			}
		}
		return data.err
	case certificateSpan:
		c.spans = append(c.spans, span{data.number(8), data.number(8)})
		return data.end()
	case certificateBitmap:
		first, bits := data.number(8), data.string()
		if len(bits) > maxBitmap+1 { // an mpint may begin with a zero
			return fmt.Errorf("a bitmap has %d bytes", len(bits))
		}
		c.bitmaps = append(c.bitmaps, bitmap{first, bytes.Clone(bits)})
		return data.end()
	case certificateIDs:
		return data.each(func(id []byte) error { c.ids[string(id)] = struct{}{}; return nil })
	case certificateExtension:
		return extension(data)
	}
	return errUnknown
}
