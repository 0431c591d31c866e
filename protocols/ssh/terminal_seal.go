package ssh

import (
	"bytes"
	"fmt"
	"time"

	"filippo.io/age"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// seal keeps what is typed for an investigator alone: all of it, passwords too, encrypted to a key that isn't here (age). What
// is typed of a line is sealed as one when its Enter comes, or when it is long or old.
type seal struct {
	ch    *channel
	to    age.Recipient
	who   string
	typed []byte
	of    uint64 // the first read of typed
	since int64  // when that was
}

const (
	maxSeal  = 4 << 10 // 4 KiB
	sealTime = int64(time.Second)
)

func newSeal(ch *channel) *seal { return &seal{ch: ch, who: ch.r.route.Recipient} }

var errSeal = &protocols.Error{Class: protocols.ClassNotRecorded, Message: "what is typed can't be sealed, so it isn't passed on"}

// keep adds a read.
func (s *seal) keep(of uint64, b []byte) error {
	if len(s.typed) == 0 {
		s.of, s.since = of, now()
	}
	s.typed = append(s.typed, b...)
	if len(s.typed) >= maxSeal || bytes.ContainsAny(b, "\r\n") {
		return s.flush()
	}
	return nil
}

// deadline is when what was typed is sealed, whatever there is of it; 0: there is nothing.
func (s *seal) deadline() int64 {
	if s == nil || len(s.typed) == 0 {
		return 0
	}
	return s.since + sealTime
}

// flush has on record what was typed, sealed, and wipes it.
func (s *seal) flush() error {
	if len(s.typed) == 0 {
		return nil
	}
	defer func() {
		clear(s.typed)
		s.typed = s.typed[:0]
	}()
	text, err := s.encrypt()
	if err != nil {
		e := *errSeal
		e.Cause = err
		s.ch.r.end(&e)
		return &e
	}
	return s.ch.r.tell(record.Record{Kind: record.KindInput, Stream: s.ch.number, Of: s.of, Bytes: uint64(len(s.typed)), Text: text,
		Message: []byte("sealed to " + s.who)})
}

func (s *seal) encrypt() ([]byte, error) {
	if s.to == nil {
		to, err := age.ParseX25519Recipient(s.who)
		if err != nil {
			return nil, fmt.Errorf("read recipient: %w", err)
		}
		s.to = to
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, s.to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(s.typed); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
