package record

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Binary forms of PostgreSQL's types that consist of parts (src/backend/utils/adt: numeric.c, arrayfuncs.c, timestamp.c).
// Each decoder gives back dst and false for what isn't one.

const (
	oidInterval = 1186
	oidNumeric  = 1700

	maxDimensions = 6       // PostgreSQL's MAXDIM
	maxNumeric    = 1 << 10 // digits beside those that were sent: a short value shall not become a long text
)

// elements are the element types of arrays, by the array's number.
var elements = map[uint32]uint32{
	1000: oidBool, 1003: oidName, 1005: oidInt2, 1007: oidInt4, 1009: oidText, 1014: oidBPChar, 1015: oidVarchar, 1016: oidInt8,
	1021: oidFloat4, 1022: oidFloat8, 1028: oidOID, 1115: oidTimestamp, 1182: oidDate, 1183: oidTime, 1185: oidTimestampTZ,
	1187: oidInterval, 1231: oidNumeric, 199: oidJSON, 2951: oidUUID, 3807: oidJSONB,
}

// appendParts decodes the types that consist of parts.
func (p *Param) appendParts(dst []byte) ([]byte, bool) {
	switch {
	case p.Type == oidNumeric:
		return appendNumeric(dst, p.Value)
	case p.Type == oidInterval:
		return appendInterval(dst, p.Value)
	case elements[p.Type] != 0:
		return appendArray(dst, p.Value, elements[p.Type])
	}
	return dst, false
}

// appendNumeric decodes digits to the base of 10,000, the first of which stands for 10,000 to the power of weight.
func appendNumeric(dst, v []byte) ([]byte, bool) {
	const (
		header   = 8
		negative = 0x4000
	)
	if len(v) < header || len(v)%2 != 0 {
		return dst, false
	}
	be := binary.BigEndian
	n, weight, sign, scale := int(be.Uint16(v)), int(int16(be.Uint16(v[2:]))), be.Uint16(v[4:]), int(be.Uint16(v[6:]))
	switch sign {
	case 0, negative:
	case 0xc000:
		return append(dst, "NaN"...), true
	case 0xd000, 0xf000:
		return appendInfinity(dst, sign == 0xf000), true
	default:
		return dst, false
	}
	digits := v[header:]
	if n != len(digits)/2 || max(weight, -weight)*4+scale > maxNumeric+2*len(v) {
		return dst, false
	}
	group := func(power int) int {
		if i := weight - power; i >= 0 && i < n {
			return int(be.Uint16(digits[2*i:])) % 10_000
		}
		return 0
	}
	if sign == negative {
		dst = append(dst, '-')
	}
	dst = strconv.AppendInt(dst, int64(group(max(weight, 0))), 10)
	for power := weight - 1; power >= 0; power-- {
		dst = appendPadded(dst, group(power), 4)
	}
	if scale > 0 {
		dst = append(dst, '.')
		end := len(dst) + scale
		for power := -1; len(dst) < end; power-- {
			dst = appendPadded(dst, group(power), 4)
		}
		dst = dst[:end]
	}
	return dst, true
}

func appendPadded(dst []byte, n, width int) []byte {
	s := strconv.Itoa(n)
	for i := len(s); i < width; i++ {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// appendInterval decodes microseconds, days and months.
func appendInterval(dst, v []byte) ([]byte, bool) {
	if len(v) != 16 {
		return dst, false
	}
	be := binary.BigEndian
	micros, days, months := int64(be.Uint64(v)), int32(be.Uint32(v[8:])), int32(be.Uint32(v[12:]))
	if micros == math.MinInt64 {
		return dst, false
	}
	if months != 0 {
		dst = append(strconv.AppendInt(dst, int64(months), 10), " mons "...)
	}
	if days != 0 {
		dst = append(strconv.AppendInt(dst, int64(days), 10), " days "...)
	}
	if micros < 0 {
		dst, micros = append(dst, '-'), -micros
	}
	const second = 1_000_000
	dst = appendPadded(dst, int(micros/(3600*second)), 2)
	dst = appendPadded(append(dst, ':'), int(micros/(60*second)%60), 2)
	dst = appendPadded(append(dst, ':'), int(micros/second%60), 2)
	if rest := int(micros % second); rest != 0 {
		dst = appendPadded(append(dst, '.'), rest, 6)
	}
	return dst, true
}

// appendArray decodes an array as its text: {1,NULL,"a b"}.
func appendArray(dst, v []byte, of uint32) ([]byte, bool) {
	const header, dimension = 12, 8
	be := binary.BigEndian
	if len(v) < header || be.Uint32(v) > maxDimensions || be.Uint32(v[8:]) != of {
		return dst, false
	}
	a := array{of: of, dims: make([]int, be.Uint32(v)), rest: v[header:]}
	if len(a.dims) == 0 {
		return append(dst, "{}"...), len(a.rest) == 0
	}
	for i := range a.dims {
		if len(a.rest) < dimension || be.Uint32(a.rest[4:]) != 1 { // other lower bounds are not shown
			return dst, false
		}
		n := be.Uint32(a.rest)
		a.rest = a.rest[dimension:]
		if n > uint32(len(v)/4) {
			return dst, false
		}
		if n == 0 {
			return append(dst, "{}"...), len(a.rest) == 0
		}
		a.dims[i] = int(n)
	}
	out, ok := a.append(dst, a.dims)
	if !ok || len(a.rest) > 0 {
		return dst, false
	}
	return out, true
}

// array is one being decoded.
type array struct {
	of   uint32
	dims []int
	rest []byte
	text []byte // an element's
}

func (a *array) append(dst []byte, dims []int) ([]byte, bool) {
	ok := true
	dst = append(dst, '{')
	for i := 0; i < dims[0] && ok; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if len(dims) > 1 {
			dst, ok = a.append(dst, dims[1:])
		} else {
			dst, ok = a.element(dst)
		}
	}
	return append(dst, '}'), ok
}

func (a *array) element(dst []byte) ([]byte, bool) {
	if len(a.rest) < 4 {
		return dst, false
	}
	n := int32(binary.BigEndian.Uint32(a.rest))
	a.rest = a.rest[4:]
	if n == -1 {
		return append(dst, "NULL"...), true
	}
	if n < 0 || int(n) > len(a.rest) {
		return dst, false
	}
	p := Param{Type: a.of, Format: 1, Value: a.rest[:n]}
	a.rest = a.rest[n:]
	var ok bool
	if a.text, ok = p.appendKnown(a.text[:0]); !ok {
		return dst, false
	}
	return appendElement(dst, a.text), true
}

// appendElement writes an element as array_out does, with quotes where it isn't a plain number or word.
func appendElement(dst, text []byte) []byte {
	plain := len(text) > 0 && string(text) != "NULL" && string(text) != "null"
	for _, c := range text {
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '.' || c == '-' || c == '_' || c == ':' || c == '+') {
			plain = false
			break
		}
	}
	if plain {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
