package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// sealed verifies one block: its file, its place among the others, its line and its records. Blocks at the very end that
// the directory doesn't list are what a crash leaves, or a gateway that runs: they are a fault only where a listed one
// follows.
func (v *verifier) sealed(s *record.Sealed) {
	if s.Listed {
		for _, name := range v.unlisted {
			v.lack(name, "the directory does not list it")
		}
		v.unlisted = nil
	}
	if s.Gone {
		v.letGoBlock(s)
		return
	}
	b := v.open(s)
	if b == nil {
		v.known = s.Listed // its line says where the next begins
		v.end = s.End
		return
	}
	v.follows(s, b.Pos, b.End)
	v.Blocks++
	if !s.Listed {
		v.remember(b)
	}
	if s.Listed {
		v.listed(s, b)
	} else {
		v.unlisted = append(v.unlisted, s.Name)
	}
	if v.log != nil {
		v.log.until(b.End)
	}
	v.contents(s.Name, b, func(*record.Span) bool { return true })
	v.log.settle()
}

// remember keeps what the directory should say of the sessions in a block that it doesn't list.
func (v *verifier) remember(b *record.Block) {
	for _, span := range b.Spans {
		p := v.proof(span.Session)
		if p.listed != nil {
			continue
		}
		line := p.line
		if p.fresh {
			line = record.Session{} // nothing
		}
		p.listed = &line
	}
}

// open reads the block's bytes; nil: it can't be read, which is noted.
func (v *verifier) open(s *record.Sealed) *record.Block {
	switch {
	case errors.Is(s.Err, fs.ErrNotExist):
		v.lack(s.Name, "the block is listed in the directory and is not there")
		return nil
	case s.Err != nil:
		v.fault(s.Name, "the block can't be read: %v", s.Err)
		return nil
	}
	b, err := record.ParseBlock(s.Raw)
	if err != nil {
		v.fault(at(s.Name, err), "%s", reason(err))
		return nil
	}
	if b.Pos != s.Pos {
		v.fault(s.Name, "this is another block, that of position %016x, under its name", b.Pos)
		return nil
	}
	return b
}

// at adds the offset that an error tells.
func at(name string, err error) string {
	var f *record.FormatError
	if errors.As(err, &f) {
		return fmt.Sprintf("%s byte %d", name, f.Offset)
	}
	return name
}

func reason(err error) string {
	var f *record.FormatError
	if errors.As(err, &f) {
		return f.Reason
	}
	return err.Error()
}

// follows checks that the block begins where the one before ended.
func (v *verifier) follows(s *record.Sealed, pos, end uint64) {
	switch {
	case !v.known:
	case pos > v.end && !v.letGo(v.end, pos):
		v.lack(s.Name, "the blocks before it are missing, from position %016x on", v.end)
	case pos < v.end:
		v.fault(s.Name, "it begins before the end of the block before it, position %016x", v.end)
	}
	if end < pos {
		v.fault(s.Name, "it ends, at position %016x, before it begins", end)
	}
	v.end, v.known = end, true
}

// listed compares the block with what the directory says of it.
func (v *verifier) listed(s *record.Sealed, b *record.Block) {
	spans := slices.Clone(b.Spans)
	slices.SortFunc(spans, func(a, b record.Span) int { return bytes.Compare(a.Session[:], b.Session[:]) })
	sameSpan := func(a, b record.Span) bool { return a.Session == b.Session && a.First == b.First && a.Last == b.Last }
	for _, c := range []struct {
		what  string
		equal bool
	}{
		{"hash", s.Sum == record.Sum(s.Raw)},
		{"size", s.Bytes == int64(len(s.Raw))},
		{"end", s.End == b.End},
		{"first time", s.First == b.First},
		{"last time", s.Last == b.Last},
		{"number of records", s.Count == b.Count},
		{"kinds", s.Kinds == b.Kinds},
		{"filter of words", s.Words.Hashes == b.Words.Hashes && bytes.Equal(s.Words.Bits, b.Words.Bits)},
		{"list of sessions", slices.EqualFunc(spans, s.Spans, sameSpan)},
	} {
		if !c.equal {
			v.fault(s.Name, "the directory's line says another %s than the block", c.what)
		}
	}
}

// contents verifies the block's records: the chains of the sessions that are asked for, and what its head says of them.
func (v *verifier) contents(name string, b *record.Block, asked func(*record.Span) bool) {
	spans := make(map[record.ID]*record.Span, len(b.Spans))
	for i := range b.Spans {
		span := &b.Spans[i]
		if spans[span.Session] != nil {
			v.fault(name, "its head lists session %v twice", span.Session)
		}
		spans[span.Session] = span
		if asked(span) {
			v.proof(span.Session).enter(v, name, span)
		}
	}
	raw, err := b.Unpack(v.raw)
	if err != nil {
		v.fault(name, "%s", reason(err))
		return
	}
	v.raw = raw
	head := summary{}
	for rest := raw; len(rest) > 0; {
		var r record.Record
		env, payload, next, err := record.NextRecord(rest)
		if err == nil {
			_, err = record.Decode(rest, &r)
		}
		here := spot{name, len(raw) - len(rest), r.Session, r.Seq}
		if err != nil {
			v.fault(here.offset(), "%s", reason(err))
			return
		}
		head.add(&r)
		if span := spans[r.Session]; span == nil {
			v.fault(here.String(), "the block's head does not list this session")
		} else if asked(span) {
			v.one(here, span, &r, env, payload)
			v.log.record(here, v.proof(r.Session).head, b.End)
		}
		rest = next
	}
	for _, span := range b.Spans {
		if asked(&span) {
			v.proof(span.Session).leave(v, name, &span)
		}
	}
	v.summary(name, b, head)
}

// spot is where a record lies.
type spot struct {
	name    string
	byte    int // of the block's unpacked records
	session record.ID
	seq     uint64
}

func (s spot) offset() string {
	return fmt.Sprintf("%s byte %d of its unpacked records", s.name, s.byte)
}

func (s spot) String() string { return fmt.Sprintf("%s, session %v #%d", s.offset(), s.session, s.seq) }

// one verifies one record.
func (v *verifier) one(here spot, span *record.Span, r *record.Record, env, payload []byte) {
	v.Records++
	if r.Kind.Action() {
		v.Actions++
	}
	v.erasure.add(r)
	v.proof(r.Session).record(v, here, span, r, env, payload)
}

// summary is what a block's head says of its records.
type summary struct {
	count       int
	kinds       uint64
	first, last int64
}

func (s *summary) add(r *record.Record) {
	if s.count == 0 || r.At < s.first {
		s.first = r.At
	}
	if s.count == 0 || r.At > s.last {
		s.last = r.At
	}
	s.count++
	s.kinds |= 1 << r.Kind
}

func (v *verifier) summary(name string, b *record.Block, s summary) {
	if s != (summary{b.Count, b.Kinds, b.First, b.Last}) {
		v.fault(name, "its head says %d records of kinds %x between %d and %d, and holds %d of %x between %d and %d",
			b.Count, b.Kinds, b.First, b.Last, s.count, s.kinds, s.first, s.last)
	}
	if v.First == 0 || s.first < v.First {
		v.First = s.first
	}
	v.Last = max(v.Last, s.last)
}
