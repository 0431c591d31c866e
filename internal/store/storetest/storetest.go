package storetest

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
)

// Store is a store from both its sides: the recorder's Sink and the investigator's Source.
type Store interface {
	Put(ctx context.Context, b *record.Block, raw []byte) error
	Last(ctx context.Context) (end uint64, err error)
	Head(ctx context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error)
	Open(ctx context.Context) ([]record.Session, error)
	Tail(ctx context.Context, id record.ID) iter.Seq2[record.Record, error]

	Sessions(ctx context.Context, n record.Narrow) iter.Seq2[record.Session, error]
	Session(ctx context.Context, id record.ID) (record.Session, bool, error)
	Blocks(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error]
	Walk(ctx context.Context) iter.Seq2[record.Sealed, error]
	Check(ctx context.Context) iter.Seq2[record.Fault, error]

	Close() error
}

// Place is where a store lies. Both may be opened at a time; Write once.
type Place struct {
	Write func(t *testing.T) Store
	Read  func(t *testing.T) Store
}

// Run holds a store to the contract. fresh makes an empty place.
func Run(t *testing.T, fresh func(t *testing.T) Place) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Place)
	}{
		{"an empty store knows nothing", empty},
		{"what was put comes back byte by byte", comesBack},
		{"a block put twice is there once", putTwice},
		{"a block in which nothing was said is kept", wordless},
		{"a chain can be taken on after a restart", heads},
		{"sessions are narrowed, never too much", sessions},
		{"blocks are narrowed, never too much", blocks},
		{"words are found wherever their session goes on", words},
		{"programs and paths are found by their words, though no text has them", touchedWords},
		{"single records are found, the newest first", hits},
		{"a reader sees what a writer puts meanwhile", beside},
		{"an ended context ends a read", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// fill puts the shop's blocks.
func fill(t *testing.T, p Place) (Store, []Sealed) {
	t.Helper()
	s, shop := p.Write(t), Shop()
	for _, b := range shop {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	return s, shop
}

// all collects what a sequence yields; an error fails the test.
func all[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var list []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

func empty(t *testing.T, p Place) {
	s := p.Write(t)
	if end, err := s.Last(t.Context()); end != 0 || err != nil {
		t.Errorf("Last = %d, %v", end, err)
	}
	if _, _, _, ok, err := s.Head(t.Context(), record.ID{1}); ok || err != nil {
		t.Errorf("Head of a session that isn't there: %v, %v", ok, err)
	}
	if open, err := s.Open(t.Context()); len(open) != 0 || err != nil {
		t.Errorf("Open = %v, %v", open, err)
	}
	n := len(all(t, s.Sessions(t.Context(), record.Narrow{}))) + len(all(t, s.Blocks(t.Context(), record.Narrow{}))) +
		len(all(t, s.Walk(t.Context()))) + len(all(t, s.Check(t.Context()))) + len(all(t, s.Tail(t.Context(), record.ID{1})))
	if n != 0 {
		t.Errorf("an empty store yields %d things", n)
	}
}

func comesBack(t *testing.T, p Place) {
	s, shop := fill(t, p)
	if end, err := s.Last(t.Context()); end != shop[len(shop)-1].End || err != nil {
		t.Errorf("Last = %d, %v", end, err)
	}
	if faults := all(t, s.Check(t.Context())); len(faults) > 0 {
		t.Errorf("faults: %v", faults)
	}
	walked := all(t, s.Walk(t.Context()))
	if len(walked) != len(shop) {
		t.Fatalf("%d blocks of %d", len(walked), len(shop))
	}
	for i, w := range walked {
		b := shop[i]
		if !w.Listed || w.Err != nil || !slices.Equal(w.Raw, b.Raw) || w.Pos != b.Pos || w.End != b.End || w.First != b.First ||
			w.Last != b.Last || w.Count != b.Count || w.Bytes != int64(len(b.Raw)) || w.Kinds != b.Kinds || len(w.Spans) != len(b.Spans) ||
			!slices.Equal(w.Words.Bits, b.Words.Bits) || w.Words.Hashes != b.Words.Hashes {
			t.Errorf("block %d came back as %+v", i, w)
		}
	}
	for _, id := range ids(shop) {
		next := uint64(0)
		for _, r := range all(t, s.Tail(t.Context(), id)) {
			if r.Session != id || r.Seq != next {
				t.Fatalf("Tail of %v yields %v #%d, want #%d", id, r.Session, r.Seq, next)
			}
			next++
		}
		if line, ok, err := s.Session(t.Context(), id); !ok || err != nil || line.Last+1 != next {
			t.Errorf("session %v: %+v, %v, %v; it has %d records", id, line, ok, err, next)
		}
	}
}

// ids are the sessions of some blocks, in the order in which they were opened.
func ids(blocks []Sealed) []record.ID {
	var list []record.ID
	for _, b := range blocks {
		for _, span := range b.Spans {
			if !slices.Contains(list, span.Session) {
				list = append(list, span.Session)
			}
		}
	}
	return list
}

func putTwice(t *testing.T, p Place) {
	s, shop := fill(t, p)
	before := all(t, s.Sessions(t.Context(), record.Narrow{}))
	for _, b := range []Sealed{shop[len(shop)-1], shop[0]} {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Errorf("the same block again: %v", err)
		}
	}
	if n := len(all(t, s.Walk(t.Context()))); n != len(shop) {
		t.Errorf("%d blocks of %d", n, len(shop))
	}
	if after := all(t, s.Sessions(t.Context(), record.Narrow{})); !slices.Equal(before, after) {
		t.Errorf("the same block again changed sessions:\n%+v\n%+v", before, after)
	}
}

// wordless pins that a block of a Close alone, whose filter is empty, was refused by a directory in which that was NULL.
func wordless(t *testing.T, p Place) {
	s, m := p.Write(t), NewMaker()
	put := func() {
		t.Helper()
		b, raw := m.Seal()
		if err := s.Put(t.Context(), b, raw); err != nil {
			t.Fatal(err)
		}
	}
	session := m.Open("alice", "app", "orders", "shop")
	put()
	session.Close()
	put()
	if line, ok, err := s.Session(t.Context(), session.ID); !ok || err != nil || line.Closed == 0 {
		t.Errorf("%+v, %v, %v", line, ok, err)
	}
	walked := all(t, s.Walk(t.Context()))
	if len(walked) != 2 || len(walked[1].Words.Bits) > 0 {
		t.Fatalf("%d blocks, the last with a filter", len(walked))
	}
	if found := all(t, s.Blocks(t.Context(), record.Narrow{Words: [][]byte{[]byte("alice")}})); len(found) == 0 {
		t.Error("what was said before is not found")
	}
	if faults := all(t, s.Check(t.Context())); len(faults) > 0 {
		t.Errorf("faults: %v", faults)
	}
}

func heads(t *testing.T, p Place) {
	s, shop := fill(t, p)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = p.Write(t)
	last := make(map[record.ID]record.Span)
	for _, b := range shop {
		for _, span := range b.Spans {
			last[span.Session] = span
		}
	}
	for id, span := range last {
		seq, head, secret, ok, err := s.Head(t.Context(), id)
		if !ok || err != nil || seq != span.Last || head != span.After || secret != span.Secret {
			t.Errorf("head of %v: %d %x %v %v, want %d %x", id, seq, head, ok, err, span.Last, span.After)
		}
	}
	open, err := s.Open(t.Context())
	if err != nil || len(open) != 1 || open[0].User != "dave" {
		t.Errorf("open sessions: %+v, %v; want dave's", open, err)
	}
}
