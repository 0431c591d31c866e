package record

import (
	"encoding/binary"
	"fmt"
)

// Redact returns the block without the payloads of a session's records whose Seq gone names: in the place of each stands
// its commitment. left is what is to be left of the session's secret, wherever it stands. Chains, positions and times
// stay as they are; the words are found again from what is still said.
func (b *Block) Redact(id ID, gone func(seq uint64) bool, left Secret) (*Block, error) {
	c := *b
	c.raw, c.Stored = nil, false
	c.Spans = append([]Span(nil), b.Spans...)
	var salts *Salter
	for i := range c.Spans {
		if c.Spans[i].Session == id {
			salts = c.Spans[i].Secret.Salts()
			c.Spans[i].Secret = left
		}
	}
	raw, err := b.Unpack(nil)
	if err != nil {
		return nil, err
	}
	var words WordSet
	var out []byte
	var ends []int
	for rest := raw; len(rest) > 0; {
		env, payload, next, err := NextRecord(rest)
		var r Record
		if err == nil {
			err = DecodeEnvelope(env, &r)
		}
		if err == nil && r.Session == id && gone(r.Seq) && salts != nil {
			payload, err = erase(payload, salts, r.Seq)
		}
		if err == nil {
			words.AddText(r.Code)
			err = words.AddPayload(r.Kind, payload)
		}
		if err != nil {
			return nil, within(err, len(raw)-len(rest))
		}
		out = appendPart(appendPart(out, env), payload)
		ends = append(ends, len(out))
		rest = next
	}
	if c.Raw, c.Words = len(out), words.Filter(); b.Sorted() {
		c.Data = Repack(nil, out, ends)
	} else {
		c.Data = Pack(nil, out)
	}
	return &c, nil
}

// erase returns what takes a payload's place. One that was erased stays as it is.
func erase(payload []byte, salts *Salter, seq uint64) ([]byte, error) {
	if _, ok := Erased(payload); ok {
		return payload, nil
	}
	salt, ok := salts.Salt(seq)
	if !ok {
		return nil, fmt.Errorf("the salt of record #%d was erased and its payload was not", seq)
	}
	return AppendErased(nil, Commit(salt, payload)), nil
}

// appendPart appends an envelope or a payload behind its length.
func appendPart(dst, part []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(part))), part...)
}
