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

// splitEntry takes an entry apart. raw is the record with its lengths, as it goes into a block.
func splitEntry(entry []byte) (raw []byte, secret *[secretSize]byte, err error) {
	switch {
	case len(entry) > 1 && entry[0] == entryRecord:
		return entry[1:], nil, nil
	case len(entry) > 1+secretSize && entry[0] == entryFirst:
		return entry[1+secretSize:], (*[secretSize]byte)(entry[1:]), nil
	case len(entry) == 0:
		return nil, nil, fmt.Errorf("read journal entry: it is empty")
	}
	return nil, nil, fmt.Errorf("read journal entry: type %d with %d bytes is none that this gatefold knows", entry[0], len(entry))
}

// decodeEntry reads an entry's record into r, whose slices alias entry.
func decodeEntry(entry []byte, r *record.Record) (raw, env, payload []byte, secret *[secretSize]byte, err error) {
	if raw, secret, err = splitEntry(entry); err != nil {
		return
	}
	var rest []byte
	if env, payload, rest, err = record.NextRecord(raw); err != nil {
		return
	}
	if len(rest) > 0 {
		err = fmt.Errorf("read journal entry: %d bytes behind its record", len(rest))
		return
	}
	if err = record.DecodeEnvelope(env, r); err != nil {
		return
	}
	err = record.DecodePayload(payload, r)
	return
}
