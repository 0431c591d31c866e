package clickhouse

import (
	"encoding/binary"
	"strings"
	"unsafe"
)

// Records are read as one column: the driver takes some 50 ns for each value of a row, more for lists, and there are 48. So
// ClickHouse puts a row's values behind one another: numbers little endian as wide as their column, texts behind their length
// (4 bytes), lists behind theirs. What introduces a session stands at the end, and only where there is something.

// A FixedString in a list is cut at its zeros: it is made a String first.
func packNumber(x string) string { return "concat(reinterpretAsFixedString(" + x + "), '')" }

func packText(x string) string {
	return "concat(" + packNumber("toUInt32(length("+x+"))") + ", " + x + ")"
}

func packList(x, each string) string {
	return "concat(" + packNumber("toUInt32(length("+x+"))") + ", arrayStringConcat(arrayMap(x -> " + each + ", " + x + ")))"
}

// packing is the expression of a row.
func packing(all []column) string {
	var said, last []string
	for _, c := range all {
		said = append(said, c.expression())
	}
	for _, f := range introductions {
		last = append(last, "`"+f.name+"`")
	}
	some := strings.Join(last, ", ")
	for i := range last {
		last[i] = packText(last[i])
	}
	return "concat(" + strings.Join(said, ", ") + ", if(concat(" + some + ") = '', '', concat(" + strings.Join(last, ", ") + ")))"
}

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

func (u *unpacking) bytes() []byte {
	n := int(u.number(4))
	if n == 0 {
		return nil
	}
	return u.take(n)
}

func (u *unpacking) name() string {
	b := u.bytes()
	if s, known := u.names[string(b)]; known {
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
	n := int(u.number(4))
	if n > len(u.rest)/size {
		u.rest, u.short = nil, true
	}
	if n == 0 || u.short {
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
