package replay

import (
	"fmt"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// sheet is a block that lies open: where its records are, and which of them are still to be looked at. Its records are
// read when they are asked for. It takes the block's bytes and about 60 more a record.
type sheet struct {
	name    uint64 // the block's position
	made    bool   // up of single records: what answers them was given with it
	raw     []byte // the block's records, unpacked
	lines   []line // in the block's order
	parts   []part
	part    map[record.ID]int32
	index   []int32           // for each part, for each Seq of it: which line, from 1; 0: it isn't there
	answers []int32           // the same: which line answers it
	pieces  map[place][]int32 // lines of KindData by the record that they go on
	todo    []int32           // lines to look at, the newest at the end
}

// line is what is known of a record before it is read whole.
type line struct {
	at       int64
	seq, of  uint64
	from, to uint32 // its bytes in raw, at most record.MaxRaw
	part     int32
	kind     record.Kind
	flags    record.Flags
}

// part is a session's share of a sheet.
type part struct {
	record.Span
	start int  // in index and answers
	skip  bool // what is asked of the session doesn't hold
}

// reset empties s and keeps its room.
func (s *sheet) reset(b *record.Block) error {
	s.name, s.made = b.Pos, b.Beside != nil
	s.lines, s.parts, s.todo, s.index, s.answers = s.lines[:0], s.parts[:0], s.todo[:0], s.index[:0], s.answers[:0]
	if s.part == nil {
		s.part, s.pieces = make(map[record.ID]int32), make(map[place][]int32)
	}
	clear(s.part)
	clear(s.pieces)
	total, most := 0, b.Count
	if b.Part { // it lists sessions whole of which it holds some records
		most = record.MaxRaw
	}
	for _, span := range b.Spans {
		if span.Last < span.First || span.Last-span.First >= uint64(most-total) {
			return fmt.Errorf("block %016x: its head lists more records than it holds", b.Pos)
		}
		s.part[span.Session] = int32(len(s.parts))
		s.parts = append(s.parts, part{Span: span, start: total})
		total += int(span.Last-span.First) + 1
	}
	s.index, s.answers = zeros(s.index, total), zeros(s.answers, total)
	return nil
}

func zeros(s []int32, n int) []int32 {
	s = slices.Grow(s, n)[:n]
	clear(s)
	return s
}

// fill unpacks the block and notes where its records lie. want says which are to be looked at, by their envelopes. What
// could be read stays where an error comes.
func (s *sheet) fill(b *record.Block, want func(*record.Record) bool) error {
	if err := s.reset(b); err != nil {
		return err
	}
	raw, err := b.Unpack(s.raw)
	if err != nil {
		return err
	}
	s.raw = raw
	var r record.Record
	for rest := raw; len(rest) > 0; {
		env, _, after, err := record.NextRecord(rest)
		if err == nil {
			err = record.DecodeEnvelope(env, &r)
		}
		if err != nil {
			return fmt.Errorf("block %016x: %w", b.Pos, err)
		}
		if err := s.note(&r, len(raw)-len(rest), len(raw)-len(after), want); err != nil {
			return err
		}
		rest = after
	}
	return nil
}

func (s *sheet) note(r *record.Record, from, to int, want func(*record.Record) bool) error {
	at, ok := s.part[r.Session]
	if !ok || r.Seq < s.parts[at].First || r.Seq > s.parts[at].Last {
		return fmt.Errorf("block %016x: its head does not list record #%d of session %v", s.name, r.Seq, r.Session)
	}
	p := &s.parts[at]
	s.lines = append(s.lines, line{r.At, r.Seq, r.Of, uint32(from), uint32(to), at, r.Kind, r.Flags})
	n := int32(len(s.lines))
	s.index[p.start+int(r.Seq-p.First)] = n
	switch {
	case r.Kind == record.KindData:
		of := place{r.Session, r.Of}
		s.pieces[of] = append(s.pieces[of], n-1)
	case r.Kind == record.KindResult && r.Of >= p.First && r.Of <= p.Last:
		if answer := &s.answers[p.start+int(r.Of-p.First)]; *answer == 0 || r.Flags&record.FlagSimple == 0 {
			*answer = n // of several, the one that is not marked as one of several is the last
		}
	}
	if !p.skip && want(r) {
		s.todo = append(s.todo, n-1)
	}
	return nil
}

// sort puts what is to be looked at in order. A block in the journal's order nearly is, one ordered by session isn't.
func (s *sheet) sort() {
	slices.SortFunc(s.todo, func(a, b int32) int { return s.cursor(a).compare(s.cursor(b)) })
}

// cursor is where a line stands among all.
func (s *sheet) cursor(n int32) cursor {
	l := &s.lines[n]
	return cursor{l.at, s.parts[l.part].Session, l.seq}
}

// top is where the newest line stands that is still to be looked at.
func (s *sheet) top() cursor { return s.cursor(s.todo[len(s.todo)-1]) }

// find is the line of a record; false: it isn't here.
func (s *sheet) find(p place) (int32, bool) { return s.among(s.index, p) }

// answer is the line of what came of a record; false: it isn't here.
func (s *sheet) answer(p place) (int32, bool) { return s.among(s.answers, p) }

func (s *sheet) among(index []int32, p place) (int32, bool) {
	at, ok := s.part[p.session]
	if !ok || p.seq < s.parts[at].First || p.seq > s.parts[at].Last {
		return 0, false
	}
	n := index[s.parts[at].start+int(p.seq-s.parts[at].First)]
	return n - 1, n > 0
}

// read reads the record of a line into r. It shares the sheet's bytes.
func (s *sheet) read(n int32, r *record.Record) error {
	_, err := record.Decode(s.raw[s.lines[n].from:s.lines[n].to], r)
	if err != nil {
		return fmt.Errorf("block %016x: %w", s.name, err)
	}
	return nil
}

// whole reads the record of a line, with its pieces where it was split. false: not all are here.
func (s *sheet) whole(n int32, r *record.Record) (*record.Record, bool, error) {
	if err := s.read(n, r); err != nil || r.Flags&record.FlagMore == 0 {
		return r, err == nil, err
	}
	var pieces []*record.Record
	for _, at := range s.pieces[place{r.Session, r.Seq}] {
		piece := new(record.Record)
		if err := s.read(at, piece); err != nil {
			return nil, false, err
		}
		pieces = append(pieces, piece)
	}
	joined, ok := join(r, pieces)
	return joined, ok, nil
}
