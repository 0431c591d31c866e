package clickhouse

import (
	"encoding/binary"
	"unsafe"
)

// Records are read as one column: the driver takes some 50 ns for each value of a row, more for lists, and there are 53. So
// ClickHouse puts a row's values behind one another as in its format RowBinary: numbers little endian as wide as their column,
// texts and lists behind their length (LEB128).

// packing is the expression of a row.
func packing(all []recordColumn) string { return "formatRow('RowBinary', " + labels(all) + ")" }

// unpacking reads what packing gives. short: there was less than was asked for.
type unpacking struct {
	rest  []byte
	short bool
	names map[string]string // each once
}

// take takes n bytes.
func (u *unpacking) take(n int) []byte {
	if n > len(u.rest) {
		u.rest, u.short = nil, true
		return nil
	}
	b := u.rest[:n:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacking) number(size int) uint64 {
	var b [8]byte
	copy(b[:], u.take(size))
	return binary.LittleEndian.Uint64(b[:])
}

// length is how many follow, of at least so many bytes each.
func (u *unpacking) length(size int) int {
	n, used := binary.Uvarint(u.rest)
	if used <= 0 || n > uint64((len(u.rest)-used)/size) {
		u.rest, u.short = nil, true
		return 0
	}
	u.rest = u.rest[used:]
	return int(n)
}

func (u *unpacking) bytes() []byte {
	n := u.length(1)
	if n == 0 {
		return nil
	}
	return u.take(n)
}

func (u *unpacking) name() string {
	b := u.bytes()
	if s, known := u.names[string(b)]; known || len(b) == 0 {
		return s
	}
	s := string(b)
	if len(u.names) < mostNames {
		u.names[s] = s
	}
	return s
}

const mostNames = 1 << 12

// list reads a list of values of at least so many bytes each.
func list[T any](u *unpacking, size int, one func() T) []T {
	n := u.length(size)
	if n == 0 {
		return nil
	}
	all := make([]T, n)
	for i := range all {
		all[i] = one()
	}
	return all
}

// view is b as a string for as long as b isn't changed.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
