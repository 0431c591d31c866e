package record

import (
	"encoding/binary"
	"errors"
)

// Span is the part of a session that lies in a block: Seq First to Last without a gap.
type Span struct {
	Session       ID
	First, Last   uint64
	Before, After Hash   // chain values before First and after Last
	Secret        Secret // the salts of the session's payloads come from it
}

// appendTo appends the span as it stands in a block's head: session, First, how many follow, Before, After, and the secret
// behind its length. Numbers are uvarints. Before is left out where it is no news: before Seq 0 it is the start.
func (s *Span) appendTo(dst []byte) []byte {
	dst = append(dst, s.Session[:]...)
	dst = binary.AppendUvarint(dst, s.First)
	dst = binary.AppendUvarint(dst, s.Last-s.First)
	if s.First > 0 {
		dst = append(dst, s.Before[:]...)
	}
	dst = append(dst, s.After[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(s.Secret)))
	return append(dst, s.Secret...)
}

// parse takes a span off b. On an error rest begins where it shows.
func (s *Span) parse(b []byte) (rest []byte, err error) {
	d := decoder{all: b, rest: b}
	copy(s.Session[:], d.take(uint64(len(s.Session))))
	s.First = d.uvarint()
	s.Last = s.First + d.uvarint()
	if s.First > 0 {
		copy(s.Before[:], d.take(uint64(len(s.Before))))
	} else {
		s.Before = Start(s.Session)
	}
	copy(s.After[:], d.take(uint64(len(s.After))))
	secret := d.take(d.uvarint())
	switch {
	case d.err != nil:
		return b, errors.New("its list of sessions is cut short, or a number in it is not in its shortest form")
	case s.Last < s.First || s.Last > MaxSeq:
		return b, errors.New("a session in it ends before it begins, or too late")
	}
	if s.Secret, err = ParseSecret(secret); err != nil {
		return b, err
	}
	return d.rest, nil
}
