package mysql

import "github.com/gatefold/gatefold/internal/record"

// formatBinary is record.Param.Format of a value in the binary protocol.
const formatBinary = 2

// Types of values ("enum_field_types"), as far as their size isn't told by themselves. All others have their length in
// front of them.
const (
	typeTiny     = 0x01
	typeShort    = 0x02
	typeLong     = 0x03
	typeFloat    = 0x04
	typeDouble   = 0x05
	typeNull     = 0x06
	typeLongLong = 0x08
	typeInt24    = 0x09
	typeYear     = 0x0d
	typeBit      = 0x10
	typeJSON     = 0xf5
	typeBlob     = 0xfc
	typeGeometry = 0xff

	unsigned = 0x80 // in the second byte of a type
)

// readAlike reports whether all servers read a value of this type as it is read here. MariaDB takes INT24, YEAR, BIT and
// GEOMETRY for NULL and not a byte for them (seen on 10.11), MySQL for strings: what follows would be read as other values
// than those on record. Clients send none of them.
func readAlike(kind byte) bool {
	switch kind {
	case typeInt24, typeYear, typeBit, typeGeometry:
		return false
	}
	return kind <= 0x0f || kind >= typeJSON
}

// fixedSize is how long values of a type are; -1: it stands before each.
func fixedSize(kind byte) int {
	switch kind {
	case typeNull:
		return 0
	case typeTiny:
		return 1
	case typeShort, typeYear:
		return 2
	case typeLong, typeInt24, typeFloat:
		return 4
	case typeLongLong, typeDouble:
		return 8
	}
	return -1
}

// paramType is a type's number in records.
func paramType(kind, flags byte) uint32 {
	return uint32(kind) | uint32(flags&unsigned)<<8
}

// values takes binary values apart, in portions: there may be more of them than is ever held.
type values struct {
	types []byte // two bytes each
	null  []byte // bit map
	long  []byte // bit map of those that went ahead as long data; nil: none
	bulk  bool   // rows of values, each behind an indicator, to the end (COM_STMT_BULK_EXECUTE)
	count int    // values in all, or in a row
	next  int    // the value that begins next
	left  uint64 // bytes to come of the value that is being read
	size  uint64 // of all of it
	bad   bool   // a value is of a type that servers read in several ways
}

// Indicators of bulk executions ("COM_STMT_BULK_EXECUTE"): of a value that follows, and what stands in for one.
const (
	bulkNone      = 0
	bulkDefault   = 2
	bulkIgnore    = 3
	bulkIgnoreRow = 4
)

// instead is what a parameter's type in records says of an indicator.
func instead(indicator byte) uint32 {
	switch indicator {
	case bulkDefault:
		return record.DefaultType
	case bulkIgnore, bulkIgnoreRow:
		return record.IgnoreType
	}
	return 0
}

// feed takes the next portion, of which it uses so many bytes: a number or a length that is cut waits for more. Values that
// begin in it are appended to params, the last of them perhaps not whole: left then says how much is missing. rest is
// what the portion gives to the value that the one before left open. last: nothing follows.
func (v *values) feed(b []byte, last bool, params []record.Param) (used int, rest []byte, out []record.Param, ok bool) {
	all := len(b)
	if v.left > 0 {
		n := v.piece(b, v.left)
		rest, b = b[:n:n], b[n:]
		v.left -= uint64(n)
		if v.left > 0 {
			return all - len(b), rest, params, !last
		}
	}
	for v.left == 0 && v.more(b) {
		size, head, whole := v.begin(b)
		if v.bad {
			return all - len(b), rest, params, false
		}
		if !whole {
			break
		}
		param := record.Param{Format: formatBinary, Type: paramType(v.types[2*v.next], v.types[2*v.next+1])}
		if size < 0 {
			param.Null = size == isNull
			if v.bulk {
				param.Type |= instead(b[0])
			}
		} else {
			n := v.piece(b[head:], uint64(size))
			if uint64(n) < uint64(size) && fixedSize(v.types[2*v.next]) >= 0 {
				break
			}
			param.Value = b[head : head+n : head+n]
			v.size, v.left = uint64(size), uint64(size)-uint64(n)
			head += n
		}
		b = b[head:]
		params = append(params, param)
		if v.next++; v.bulk && v.next == v.count {
			v.next = 0
		}
	}
	whole := v.left == 0 && len(b) == 0 && (v.next == v.count || v.bulk && v.next == 0)
	return all - len(b), rest, params, whole || !last
}

// piece is how many bytes of b a value of which left are to come takes. Where b ends before it, the cut is not within a
// word: whoever looks for words in records finds them (FORMAT.md of package recorder).
func (v *values) piece(b []byte, left uint64) int {
	if left <= uint64(len(b)) {
		return int(left)
	}
	return len(b) - tornWord(b)
}

const maxWord = 64 // bytes: a longer run of letters is no word that is looked for

// tornWord is how many bytes at the end of b may be of a word that goes on behind it.
func tornWord(b []byte) int {
	n := 0
	for n < len(b) && letter(b[len(b)-1-n]) {
		if n++; n == maxWord {
			return 0
		}
	}
	if n == len(b) {
		return 0
	}
	return n
}

// more reports whether another value begins.
func (v *values) more(b []byte) bool {
	if v.bulk {
		return len(b) > 0
	}
	return v.next < v.count
}

// What begin says of a value that isn't there.
const (
	isNull = -1 // it is NULL, or MariaDB's default or ignored
	isLong = -2 // it went ahead as long data
)

// begin reads what stands before the next value: its size, or why there is none, and the bytes of that. whole is false where
// it is cut.
func (v *values) begin(b []byte) (size int64, head int, whole bool) {
	bit := func(m []byte) bool { return m != nil && m[v.next/8]&(1<<(v.next%8)) != 0 }
	switch {
	case v.bulk && b[0] != bulkNone:
		return isNull, 1, true
	case v.bulk:
		head, b = 1, b[1:]
	case bit(v.long):
		return isLong, 0, true
	case bit(v.null):
		return isNull, 0, true
	}
	if !readAlike(v.types[2*v.next]) {
		v.bad = true
		return 0, 0, false
	}
	if n := fixedSize(v.types[2*v.next]); n >= 0 {
		if v.types[2*v.next] == typeNull {
			return isNull, head, true
		}
		return int64(n), head, true
	}
	if len(b) > 0 && (b[0] == 0xfb || b[0] == 0xff) { // no length begins so: it isn't one that is cut
		v.bad = true
	}
	r := body{b: b}
	n := r.lenenc()
	if v.bad = v.bad || n > 1<<40; r.bad || v.bad {
		return 0, 0, false
	}
	return int64(n), head + len(b) - len(r.b), true
}

// executeHead is what stands before the values of an execution.
type executeHead struct {
	id     uint32
	stmt   *statement // nil: there is none of that id
	types  []byte     // two bytes each, where they are sent; nil: as before
	cursor bool       // rows are asked for behind a cursor
	size   int        // bytes of all this
}

// Flags of executions.
const (
	executeCursor    = 1 | 2 | 4 // read only, for update, scrollable
	executeHasCount  = 1 << 3    // PARAMETER_COUNT_AVAILABLE: the number of parameters is told, query attributes among them
	bulkSendTypes    = 1 << 7
	bulkSendUnits    = 1 << 6 // with mariadbBulkUnitResult
	maxParams        = 1<<16 - 1
	executeFixedSize = 4 + 1 + 4
)

// executeHead reads the start of COM_STMT_EXECUTE or COM_STMT_BULK_EXECUTE and sets values up for the rest. short: it
// goes on past b, or is malformed.
func (m *machine) executeHead(b []byte) (h executeHead, short, ok bool) {
	r := body{b: b}
	h.id = r.uint32()
	if h.stmt = m.statementAt(h.id); h.stmt == nil {
		return h, r.bad, false
	}
	v := values{count: h.stmt.params, bulk: m.cmd.kind == comStmtBulkExecute}
	types := h.stmt.types
	switch {
	case v.bulk:
		flags := r.uint16()
		if !m.bulkFlags(flags) { // the server refuses it, and keeps long data and types as they were
			return h, r.bad, false
		}
		if flags&bulkSendTypes != 0 {
			h.types = r.take(2 * v.count)
		}
	default:
		flags := r.byte()
		h.cursor = flags&executeCursor != 0
		r.uint32() // iterations: 1
		v.long = h.stmt.long
		if attrs := m.caps.has(clientQueryAttributes); v.count > 0 || attrs && flags&executeHasCount != 0 {
			if attrs {
				n := r.lenenc()
				if n > maxParams || int(n) < v.count {
					return h, r.bad && n <= maxParams, false
				}
				v.count = int(n)
			}
			v.null = r.take((v.count + 7) / 8)
			switch r.byte() {
			case 0:
			case 1:
				h.types = m.types(&r, v.count, attrs)
			default: // the servers take all but 0 for 1
				return h, r.bad, false
			}
		}
	}
	if r.bad {
		return h, true, false
	}
	if h.types != nil {
		types = h.types
	}
	h.size = len(b) - len(r.b)
	if v.count == 0 { // the servers look at nothing more; MariaDB's connector for Node sends a byte
		h.size = len(b)
	}
	v.types = types
	if len(v.long)*8 < v.count && v.long != nil {
		v.long = append(append([]byte(nil), v.long...), make([]byte, v.count/8+1)...)
	}
	m.stream.values = v
	return h, false, len(types) >= 2*v.count && (!v.bulk || v.count > 0)
}

// bulkFlags reports whether a bulk execution with these flags is one that the server runs.
func (m *machine) bulkFlags(flags uint16) bool {
	known := uint16(bulkSendTypes)
	if m.caps.has(mariadbBulkUnitResult) {
		known |= bulkSendUnits
	}
	return m.caps.has(mariadbBulk) && flags&^known == 0
}

// types reads types of parameters, with their names between them where query attributes are.
func (m *machine) types(r *body, count int, named bool) []byte {
	if !named {
		return r.take(2 * count)
	}
	types := make([]byte, 0, 2*count)
	for range count {
		types = append(types, r.take(2)...)
		r.lenencText()
	}
	return types
}

// attributes splits a COM_QUERY into its query attributes, which come first where they were negotiated, and its text.
func (m *machine) attributes(b []byte) (attrs []record.Param, text []byte, ok bool) {
	if !m.caps.has(clientQueryAttributes) {
		return nil, b, true
	}
	r := body{b: b}
	n := r.lenenc()
	if sets := r.lenenc(); r.bad || sets != 1 || n > maxParams {
		return nil, nil, false
	}
	if n == 0 {
		return nil, r.b, true
	}
	v := values{count: int(n), null: r.take((int(n) + 7) / 8)}
	if r.byte() != 1 {
		return nil, nil, false
	}
	if v.types = m.types(&r, v.count, true); r.bad {
		return nil, nil, false
	}
	used, _, attrs, _ := v.feed(r.b, false, m.params[:0])
	m.keepParams(attrs)
	return attrs, r.b[used:], v.next == v.count && v.left == 0
}
