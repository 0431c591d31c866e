package postgres

import (
	"bytes"
	"encoding/binary"
)

// Message types of the client (PostgreSQL's documentation, section 55.7).
const (
	typeBind         = 'B'
	typeClose        = 'C'
	typeCopyFail     = 'f'
	typeDescribe     = 'D'
	typeExecute      = 'E'
	typeFlush        = 'H'
	typeFunctionCall = 'F'
	typeParse        = 'P'
	typeQuery        = 'Q'
	typeSync         = 'S'
	typeTerminate    = 'X'
)

// Message types of both sides.
const (
	typeCopyData = 'd'
	typeCopyDone = 'c'
)

// Message types of the server.
const (
	typeBindComplete         = '2'
	typeCloseComplete        = '3'
	typeCommandComplete      = 'C'
	typeCopyInResponse       = 'G'
	typeCopyOutResponse      = 'H'
	typeDataRow              = 'D'
	typeEmptyQueryResponse   = 'I'
	typeErrorResponse        = 'E'
	typeFunctionCallResponse = 'V'
	typeNoData               = 'n'
	typeNoticeResponse       = 'N'
	typeNotification         = 'A'
	typeParameterDescription = 't'
	typeParameterStatus      = 'S'
	typeParseComplete        = '1'
	typePortalSuspended      = 's'
	typeReadyForQuery        = 'Z'
	typeRowDescription       = 'T'
)

const (
	headSize   = 5       // type and length
	maxMessage = 1 << 30 // 1 GiB: no PostgreSQL takes or sends a longer message (its PQ_LARGE_MESSAGE_LIMIT)
	maxSmall   = 10000   // bytes of those that never are long (its PQ_SMALL_MESSAGE_LIMIT)
)

// frame reads a message's head: its type, and the bytes of its body. ok is false where the length can't be one.
func frame(head []byte) (kind byte, size int, ok bool) {
	n := binary.BigEndian.Uint32(head[1:headSize])
	if n < 4 || n > maxMessage {
		return head[0], 0, false
	}
	return head[0], int(n) - 4, true
}

// body takes a message's body apart. Slices that it returns point into it. A read past its end sets bad and gives
// zero values from then on.
type body struct {
	b   []byte
	bad bool
}

// done reports whether all was there and nothing is left.
func (r *body) done() bool { return !r.bad && len(r.b) == 0 }

func (r *body) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *body) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *body) uint16() int {
	if b := r.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *body) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// text reads up to a NUL, which it takes and leaves out.
func (r *body) text() []byte {
	if i := bytes.IndexByte(r.b, 0); i >= 0 {
		text := r.b[:i:i]
		r.b = r.b[i+1:]
		return text
	}
	r.bad, r.b = true, nil
	return nil
}

// message appends one of the gateway's own messages to dst.
func message(dst []byte, kind byte, parts ...[]byte) []byte {
	size := 4
	for _, p := range parts {
		size += len(p)
	}
	dst = binary.BigEndian.AppendUint32(append(dst, kind), uint32(size))
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return dst
}
