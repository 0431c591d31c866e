package record

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"time"
)

// PostgreSQL's type numbers whose binary form is simple (pg_type.dat). Numbers of other protocols that fall on these
// are told apart by Format: only a binary value is decoded.
const (
	oidBool        = 16
	oidName        = 19
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidOID         = 26
	oidJSON        = 114
	oidXML         = 142
	oidFloat4      = 700
	oidFloat8      = 701
	oidUnknown     = 705
	oidBPChar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestampTZ = 1184
	oidUUID        = 2950
	oidJSONB       = 3802
)

// AppendText appends the value as a person reads it: text as it is, binary values of PostgreSQL's usual types and of
// MySQL's decoded, others as \x and hex. NULL is nothing.
func (p *Param) AppendText(dst []byte) []byte {
	switch {
	case p.Null:
		return dst
	case p.Format == FormatText:
		return append(dst, p.Value...)
	case p.Format == FormatMySQL:
		return p.appendMySQL(dst)
	}
	if out, ok := p.appendKnown(dst); ok {
		return out
	}
	return hex.AppendEncode(append(dst, `\x`...), p.Value)
}

// appendKnown decodes a binary value; false: it is of no type that is known here, or not of the one that it says.
func (p *Param) appendKnown(dst []byte) ([]byte, bool) {
	switch p.Type {
	case oidText, oidVarchar, oidBPChar, oidName, oidJSON, oidXML, oidUnknown:
		return append(dst, p.Value...), true
	case oidJSONB:
		if len(p.Value) > 0 && p.Value[0] == 1 {
			return append(dst, p.Value[1:]...), true
		}
	}
	if out, ok := p.appendFixed(dst); ok {
		return out, true
	}
	return p.appendParts(dst)
}

// appendFixed decodes the types of a fixed length; false: it is none, or its length is wrong.
func (p *Param) appendFixed(dst []byte) ([]byte, bool) {
	v := p.Value
	switch len(v) {
	case 1:
		if p.Type == oidBool && v[0] <= 1 {
			return strconv.AppendBool(dst, v[0] == 1), true
		}
	case 2:
		if p.Type == oidInt2 {
			return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(v))), 10), true
		}
	case 4:
		return p.append4(dst, binary.BigEndian.Uint32(v))
	case 8:
		return p.append8(dst, binary.BigEndian.Uint64(v))
	case 16:
		if p.Type == oidUUID {
			return append(dst, ID(v).String()...), true
		}
	}
	return dst, false
}

func (p *Param) append4(dst []byte, v uint32) ([]byte, bool) {
	switch p.Type {
	case oidInt4:
		return strconv.AppendInt(dst, int64(int32(v)), 10), true
	case oidOID:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case oidFloat4:
		return strconv.AppendFloat(dst, float64(math.Float32frombits(v)), 'g', -1, 32), true
	case oidDate:
		if days := int32(v); days != math.MaxInt32 && days != math.MinInt32 {
			return epoch2000.AddDate(0, 0, int(days)).AppendFormat(dst, time.DateOnly), true
		}
		return appendInfinity(dst, int32(v) < 0), true
	}
	return dst, false
}

// epoch2000 is what PostgreSQL counts days and microseconds from.
var epoch2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *Param) append8(dst []byte, v uint64) ([]byte, bool) {
	const second = 1_000_000 // microseconds
	n := int64(v)
	switch p.Type {
	case oidInt8:
		return strconv.AppendInt(dst, n, 10), true
	case oidFloat8:
		return strconv.AppendFloat(dst, math.Float64frombits(v), 'g', -1, 64), true
	case oidTime:
		return time.UnixMicro(n).UTC().AppendFormat(dst, "15:04:05.999999"), true
	case oidTimestamp, oidTimestampTZ:
		if n == math.MaxInt64 || n == math.MinInt64 {
			return appendInfinity(dst, n < 0), true
		}
		at := time.Unix(epoch2000.Unix()+n/second, n%second*1000).UTC()
		if p.Type == oidTimestamp {
			return at.AppendFormat(dst, "2006-01-02 15:04:05.999999"), true
		}
		return at.AppendFormat(dst, "2006-01-02 15:04:05.999999Z07:00"), true
	}
	return dst, false
}

func appendInfinity(dst []byte, negative bool) []byte {
	if negative {
		dst = append(dst, '-')
	}
	return append(dst, "infinity"...)
}
