package record

import (
	"encoding/binary"
	"fmt"
)

// FormatError says where bytes stop being what they should be.
type FormatError struct {
	What   string // "record", "block"
	Offset int    // byte at which it shows, from the start of what was to be decoded
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("damaged %s at byte %d: %s", e.What, e.Offset, e.Reason)
}

// VersionError says that bytes were written by a newer gatefold.
type VersionError struct {
	What       string
	Have, Know int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has format version %d, this gatefold reads up to %d: use a newer one", e.What, e.Have, e.Know)
}

// decoder reads the fields of one part in the order in which they must stand. Asked for a field that isn't next, it
// gives zero; a field that nobody asks for, because it is unknown or out of its order, remains and is the error that
// end returns. After an error all is zero. Invariant: every length is checked against rest before it is used.
type decoder struct {
	all, rest []byte
	num       byte // of the field whose value is next; 0: none is left
	err       error
}

// newDecoder begins to read a part, of a version that is known.
func newDecoder(b []byte, known byte) decoder {
	d := decoder{all: b, rest: b}
	switch {
	case len(b) == 0:
		d.fail("it is empty")
	case b[0] == 0:
		d.fail("version 0")
	case b[0] > known:
		d.fail("")
		d.err = &VersionError{"record", int(b[0]), int(known)}
	default:
		d.rest = b[1:]
		d.next()
	}
	return d
}

func (d *decoder) fail(reason string) {
	if d.err == nil {
		d.err = &FormatError{"record", len(d.all) - len(d.rest), reason}
	}
	d.rest, d.num = nil, 0
}

// isVersion fails where all was read and the version isn't the least that has the fields that were there.
func (d *decoder) isVersion(b []byte, least byte) {
	if d.err == nil && d.num == 0 && b[0] != least {
		d.fail(fmt.Sprintf("version %d is not that of its fields", b[0]))
	}
}

func (d *decoder) next() {
	if len(d.rest) == 0 {
		d.num = 0
		return
	}
	if d.num = d.rest[0]; d.num == 0 {
		d.fail("field number 0")
		return
	}
	d.rest = d.rest[1:]
}

func (d *decoder) end() error {
	if d.err == nil && d.num != 0 {
		d.fail(fmt.Sprintf("field number %d is unknown or out of its order", d.num))
	}
	return d.err
}

// uvarint reads a number in its shortest form.
func (d *decoder) uvarint() uint64 {
	if len(d.rest) > 0 && d.rest[0] < 0x80 {
		v := d.rest[0]
		d.rest = d.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("a number is cut short or too large")
		return 0
	}
	if d.rest[n-1] == 0 {
		d.fail("a number is not in its shortest form")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail("a length goes past the end")
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint(num byte, bits int) uint64 {
	if d.num != num {
		return 0
	}
	v := d.uvarint()
	if v == 0 || bits < 64 && v>>bits != 0 {
		d.fail("a number is zero or too large for its field")
		return 0
	}
	d.next()
	return v
}

func (d *decoder) fixed(num byte) uint64 {
	if d.num != num {
		return 0
	}
	b := d.take(8)
	if len(b) < 8 {
		return 0
	}
	v := binary.LittleEndian.Uint64(b)
	if v == 0 {
		d.fail("a zero value is not left out")
		return 0
	}
	d.next()
	return v
}

func (d *decoder) id(num byte, id *ID) {
	if d.num != num {
		*id = ID{}
		return
	}
	if copy(id[:], d.take(uint64(len(id)))); id.IsZero() {
		d.fail("a zero value is not left out")
		return
	}
	d.next()
}

func (d *decoder) bytes(num byte) []byte {
	if d.num != num {
		return nil
	}
	b := d.take(d.uvarint())
	if len(b) == 0 {
		d.fail("an empty value is not left out")
		return nil
	}
	d.next()
	return b
}

func (d *decoder) string(num byte, s *string) {
	if d.num != num {
		*s = ""
		return
	}
	if b := d.bytes(num); *s != string(b) {
		*s = string(b)
	}
}

// count reads how many follow, each of at least size bytes.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n == 0 || n > uint64(len(d.rest)/size) {
		d.fail("a count is zero or goes past the end")
		return 0
	}
	return int(n)
}

// strings leaves a list that is the same as it is, and makes a new one otherwise: the old may be in use elsewhere.
func (d *decoder) strings(num byte, list *[]string) {
	if d.num != num {
		*list = nil
		return
	}
	n, start := d.count(1), d.rest
	if n == len(*list) && d.same(*list) {
		d.next()
		return
	}
	d.rest, *list = start, make([]string, n)
	for i := range *list {
		(*list)[i] = string(d.take(d.uvarint()))
	}
	if d.err != nil {
		*list = nil
		return
	}
	d.next()
}

func (d *decoder) same(list []string) bool {
	for _, s := range list {
		if n := d.uvarint(); n != uint64(len(s)) || string(d.take(n)) != s {
			return false
		}
	}
	return d.err == nil
}

func (d *decoder) params(num byte) []Param {
	if d.num != num {
		return nil
	}
	list := make([]Param, d.count(3))
	for i := range list {
		d.param(&list[i])
		if d.err != nil {
			return nil
		}
	}
	d.next()
	return list
}

func (d *decoder) param(p *Param) {
	t := d.uvarint()
	if t>>32 != 0 {
		d.fail("a parameter's type is too large")
		return
	}
	p.Type = uint32(t)
	if f := d.take(1); len(f) == 1 {
		p.Format = f[0]
	}
	switch n := d.uvarint(); n {
	case 0:
		p.Null = true
	case 1:
	default:
		p.Value = d.take(n - 1)
	}
}
