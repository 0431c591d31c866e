package recorder

import (
	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
)

// A record that is too long is split: it keeps what fits and has FlagMore; KindData records, right behind it, go on with
// the fields that they set (record.Record.Extend joins them). All have FlagMore but the last, so that no part can be
// missing unseen.

// payloadSize is about how long r's payload will be; fields that only the gateway sets are not counted.
func payloadSize(r *record.Record) int {
	n := len(r.Text) + len(r.Name) + len(r.Portal) + len(r.Message)
	for i := range r.Params {
		n += paramSize + len(r.Params[i].Value)
	}
	for _, list := range [...][]string{r.Actions, r.Tables, r.Columns, r.Programs, r.Paths} {
		for _, s := range list {
			n += stringSize + len(s)
		}
	}
	return n
}

const (
	paramSize  = 11 // of a parameter beside its value, at most
	stringSize = 5  // of a string in a list beside its bytes, at most
)

// appendSplit appends r in parts. Room for all is set aside with the first, so that no record stands half.
func (t *Tape) appendSplit(r *record.Record, reserve int64) error {
	parts := split(*r, t.r.chunk)
	sizes := make([]int64, len(parts))
	rest := int64(0)
	for i := range parts {
		parts[i].Seq = r.Seq + uint64(i)
		sizes[i] = int64(t.size(&parts[i]) + journal.FrameOverhead)
		if i > 0 {
			rest += sizes[i]
		}
	}
	if err := t.put(&parts[0], reserve+rest); err != nil {
		return err
	}
	for i := 1; i < len(parts); i++ {
		if err := t.put(&parts[i], -sizes[i]); err != nil {
			t.closed = true // half a record: what would follow it could not be told from its rest
			return err
		}
	}
	return nil
}

// split cuts r into parts with payloads of about room bytes. Their slices alias r's.
func split(r record.Record, room int) []record.Record {
	of, last := r.Seq, r.Flags&record.FlagMore // the caller goes on itself
	if r.Kind == record.KindData {
		of = r.Of
	}
	var parts []record.Record
	for {
		rest := cut(&r, room)
		if payloadSize(&rest) == 0 {
			r.Flags = r.Flags&^record.FlagMore | last
			return append(parts, r)
		}
		r.Flags |= record.FlagMore
		parts = append(parts, r)
		rest.Session, rest.At, rest.Stream, rest.Epoch = r.Session, r.At, r.Stream, r.Epoch
		rest.Kind, rest.Of = record.KindData, of
		r = rest
	}
}

// cut shortens r to about room bytes of payload and returns what it took away. Fields go in the order in which Extend puts
// them together: text before parameters, since a value that goes on does so in Text.
func cut(r *record.Record, room int) (rest record.Record) {
	left := cutText(r, &rest, room)
	left = cutBytes(&r.Name, &rest.Name, left)
	left = cutBytes(&r.Portal, &rest.Portal, left)
	left = cutBytes(&r.Message, &rest.Message, left)
	if len(rest.Text) > 0 {
		rest.Params, r.Params = r.Params, nil
	} else {
		left = cutParams(r, &rest, left)
	}
	for _, list := range [...]struct{ from, to *[]string }{
		{&r.Actions, &rest.Actions}, {&r.Tables, &rest.Tables}, {&r.Columns, &rest.Columns},
		{&r.Programs, &rest.Programs}, {&r.Paths, &rest.Paths},
	} {
		left = cutStrings(list.from, list.to, left, left == room)
	}
	return rest
}

func cutText(r, rest *record.Record, room int) (left int) {
	whole := uint64(len(r.Text))
	left = cutBytes(&r.Text, &rest.Text, room)
	if len(rest.Text) > 0 {
		if r.Kind == record.KindData {
			rest.Bytes = r.Bytes
		} else if r.Length == 0 {
			r.Length = whole
		}
		rest.Bytes += uint64(len(r.Text))
	}
	return left
}

func cutBytes(from, to *[]byte, room int) (left int) {
	if len(*from) <= room {
		return room - len(*from)
	}
	n := splitAt(*from, room)
	*from, *to = (*from)[:n], (*from)[n:]
	return 0
}

// splitAt returns where to split b, at most at room: not in a word, so that a search finds it, unless the word is so long
// that only its beginning counts.
func splitAt(b []byte, room int) int {
	for n := room; n > 0 && n > room-record.MaxWord; n-- {
		if !record.InWord(b[n-1]) || !record.InWord(b[n]) {
			return n
		}
	}
	if room <= record.MaxWord {
		return 0
	}
	return room
}

func cutParams(r, rest *record.Record, room int) (left int) {
	for i := range r.Params {
		p := r.Params[i]
		if paramSize+len(p.Value) <= room {
			room -= paramSize + len(p.Value)
			continue
		}
		all := r.Params
		if r.Params, rest.Params = all[:i], all[i:]; room <= paramSize+record.MaxWord {
			return 0
		}
		if r.Length == 0 {
			r.Length = uint64(len(p.Value))
		}
		cutBytes(&p.Value, &rest.Text, room-paramSize)
		r.Params = append(all[:i:i], p) // a list of its own: all is the caller's
		rest.Params, rest.Bytes = all[i+1:], uint64(len(p.Value))
		return 0
	}
	return room
}

// cutStrings keeps what fits of a list; its first string in any case where the record holds nothing else.
func cutStrings(from, to *[]string, room int, alone bool) (left int) {
	for i, s := range *from {
		if room -= stringSize + len(s); room < 0 && !(alone && i == 0) {
			*from, *to = (*from)[:i], (*from)[i:]
			return 0
		}
	}
	return max(room, 0)
}
