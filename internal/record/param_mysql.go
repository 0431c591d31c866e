package record

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"
)

// MySQL's type numbers (its protocol reference, page "Column Definition Protocol", enum_field_types).
const (
	MySQLDecimal    = 0x00
	MySQLTiny       = 0x01
	MySQLShort      = 0x02
	MySQLLong       = 0x03
	MySQLFloat      = 0x04
	MySQLDouble     = 0x05
	MySQLNull       = 0x06
	MySQLTimestamp  = 0x07
	MySQLLongLong   = 0x08
	MySQLInt24      = 0x09
	MySQLDate       = 0x0a
	MySQLTime       = 0x0b
	MySQLDateTime   = 0x0c
	MySQLYear       = 0x0d
	MySQLVarchar    = 0x0f
	MySQLBit        = 0x10
	MySQLVector     = 0xf2
	MySQLJSON       = 0xf5
	MySQLNewDecimal = 0xf6
	MySQLEnum       = 0xf7
	MySQLSet        = 0xf8
	MySQLTinyBlob   = 0xf9
	MySQLMediumBlob = 0xfa
	MySQLLongBlob   = 0xfb
	MySQLBlob       = 0xfc
	MySQLVarString  = 0xfd
	MySQLString     = 0xfe
	MySQLGeometry   = 0xff
)

// appendMySQL appends a value of MySQL's binary protocol as a person reads it (its reference, page "Binary Protocol
// Resultset", section "Binary Protocol Value"): numbers and times decoded; bytes as they are where they are UTF-8 and may
// be text, for drivers send text and blobs under one type; all else, and what is not of the type that it says, in hex.
func (p *Param) appendMySQL(dst []byte) []byte {
	if out, ok := p.appendMySQLKnown(dst); ok {
		return out
	}
	return hex.AppendEncode(append(dst, `\x`...), p.Value)
}

func (p *Param) appendMySQLKnown(dst []byte) ([]byte, bool) {
	switch p.Type &^ UnsignedType {
	case MySQLTiny, MySQLShort, MySQLYear, MySQLLong, MySQLInt24, MySQLLongLong:
		return p.appendMySQLInt(dst)
	case MySQLFloat:
		if len(p.Value) == 4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(p.Value))
			return strconv.AppendFloat(dst, float64(v), 'g', -1, 32), true
		}
	case MySQLDouble:
		if len(p.Value) == 8 {
			v := math.Float64frombits(binary.LittleEndian.Uint64(p.Value))
			return strconv.AppendFloat(dst, v, 'g', -1, 64), true
		}
	case MySQLDate, MySQLDateTime, MySQLTimestamp:
		return appendMySQLDate(dst, p.Value, p.Type&^UnsignedType == MySQLDate)
	case MySQLTime:
		return appendMySQLTime(dst, p.Value)
	case MySQLDecimal, MySQLNewDecimal, MySQLVarchar, MySQLJSON, MySQLEnum, MySQLSet, MySQLTinyBlob, MySQLMediumBlob, MySQLLongBlob,
		MySQLBlob, MySQLVarString, MySQLString:
		if utf8.Valid(p.Value) {
			return append(dst, p.Value...), true
		}
	}
	return dst, false
}

// mysqlIntSize is the length of an integer type's values in bytes.
func mysqlIntSize(typ uint32) int {
	switch typ {
	case MySQLTiny:
		return 1
	case MySQLShort, MySQLYear:
		return 2
	case MySQLLong, MySQLInt24:
		return 4
	}
	return 8
}

func (p *Param) appendMySQLInt(dst []byte) ([]byte, bool) {
	size := mysqlIntSize(p.Type &^ UnsignedType)
	if len(p.Value) != size {
		return dst, false
	}
	var b [8]byte
	copy(b[:], p.Value)
	v := binary.LittleEndian.Uint64(b[:])
	if p.Type&UnsignedType != 0 {
		return strconv.AppendUint(dst, v, 10), true
	}
	unused := 64 - 8*size
	return strconv.AppendInt(dst, int64(v<<unused)>>unused, 10), true
}

// appendMySQLDate decodes a year, a month and a day, and an hour, a minute and a second behind them, and microseconds behind
// these. What is zero may be left out at the end. A date's time is shown where it has one: the server passes it over.
func appendMySQLDate(dst, v []byte, date bool) ([]byte, bool) {
	var b [11]byte
	switch len(v) {
	case 0, 4, 7, 11:
		copy(b[:], v)
	default:
		return dst, false
	}
	dst = appendPadded(dst, int(binary.LittleEndian.Uint16(b[:])), 4)
	dst = appendPadded(append(dst, '-'), int(b[2]), 2)
	dst = appendPadded(append(dst, '-'), int(b[3]), 2)
	if date && len(v) <= 4 {
		return dst, true
	}
	return appendMySQLClock(append(dst, ' '), uint64(b[4]), b[5:]), true
}

// appendMySQLTime decodes a sign, days, an hour, a minute and a second, and microseconds behind them.
func appendMySQLTime(dst, v []byte) ([]byte, bool) {
	var b [12]byte
	switch len(v) {
	case 0, 8, 12:
		copy(b[:], v)
	default:
		return dst, false
	}
	switch b[0] {
	case 0:
	case 1:
		dst = append(dst, '-')
	default:
		return dst, false
	}
	hours := uint64(binary.LittleEndian.Uint32(b[1:]))*24 + uint64(b[5])
	return appendMySQLClock(dst, hours, b[6:]), true
}

// appendMySQLClock appends an hour and, from rest, the minute, the second and four bytes of microseconds.
func appendMySQLClock(dst []byte, hours uint64, rest []byte) []byte {
	if hours < 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendUint(dst, hours, 10)
	dst = appendPadded(append(dst, ':'), int(rest[0]), 2)
	dst = appendPadded(append(dst, ':'), int(rest[1]), 2)
	if micros := binary.LittleEndian.Uint32(rest[2:]); micros != 0 {
		dst = appendPadded(append(dst, '.'), int(micros), 6)
	}
	return dst
}
