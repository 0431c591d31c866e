package recorder

import (
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// The types of a journal entry: its first byte. A session's first record carries the session's secret, so that neither
// is ever there without the other.
const (
	entryRecord = 1 // a record, as record.AppendRecord writes it
	entryFirst  = 2 // 16 bytes of secret, then the record whose Seq is 0
)

const secretSize = 16

// entry is a journal entry taken apart; its slices alias it.
type entry struct {
	secret       *[secretSize]byte // nil: it isn't a session's first
	raw          []byte            // the record with its lengths, as it goes into a block
	env, payload []byte            // of the record
}

// splitEntry takes an entry apart. Its envelope and payload aren't looked at.
func splitEntry(b []byte) (e entry, err error) {
	switch {
	case len(b) > 1 && b[0] == entryRecord:
		e.raw = b[1:]
	case len(b) > 1+secretSize && b[0] == entryFirst:
		e.raw, e.secret = b[1+secretSize:], (*[secretSize]byte)(b[1:])
	case len(b) == 0:
		return e, fmt.Errorf("read journal entry: it is empty")
	default:
		return e, fmt.Errorf("read journal entry: type %d with %d bytes is none that this gatefold knows", b[0], len(b))
	}
	var rest []byte
	if e.env, e.payload, rest, err = record.NextRecord(e.raw); err != nil {
		return e, fmt.Errorf("read journal entry: %w", err)
	}
	if len(rest) > 0 {
		return e, fmt.Errorf("read journal entry: %d bytes behind its record", len(rest))
	}
	return e, nil
}

// decodeEntry reads an entry's record into r, whose slices alias it.
func decodeEntry(b []byte, r *record.Record) (e entry, err error) {
	if e, err = splitEntry(b); err != nil {
		return e, err
	}
	if err = record.DecodeEnvelope(e.env, r); err != nil {
		return e, err
	}
	return e, record.DecodePayload(e.payload, r)
}
