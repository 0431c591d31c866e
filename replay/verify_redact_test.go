package replay_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// redactable is an archive in which alice said a password, in two blocks; a third tells that records of hers were erased.
func redactable(t *testing.T, told ...uint64) (blocks []storetest.Sealed, alice record.ID) {
	t.Helper()
	m := storetest.NewMaker()
	seal := func() {
		b, raw := m.Seal()
		blocks = append(blocks, storetest.Sealed{Block: b, Raw: raw})
	}
	s := m.Open("alice", "app", "orders", "shop")
	q := s.Query("alter role x password 'tiramisu'", []string{"alter"}, nil)
	seal()
	s.Fail(q, "42501", "denied, said tiramisu")
	s.Close()
	seal()
	teller := m.Open("root", "", "", "")
	for _, seq := range told {
		teller.Add(record.Record{Kind: record.KindRedact, Parent: s.ID, Of: seq, Message: []byte("ticket 4711")})
	}
	teller.Close()
	seal()
	return blocks, s.ID
}

func erase(t *testing.T, dir string, id record.ID, seqs ...uint64) {
	t.Helper()
	w, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Redact(t.Context(), id, seqs); err != nil {
		t.Fatal(err)
	}
}

// What was erased verifies against the log and a checkpoint from before it was.
func TestVerifyAfterErasing(t *testing.T) {
	blocks, alice := redactable(t, 2, 3)
	p := prove(t, blocks, nil, 1, 2, 3)
	erase(t, p.dir, alice, 2, 3)
	r := p.verify(t, true)
	if !r.Intact() || !r.Complete() || r.Redacted != 2 {
		t.Errorf("%+v\n%s", *r, faults(r))
	}
}

func TestVerifyFindsWhatWasErasedWithoutAWord(t *testing.T) {
	blocks, alice := redactable(t, 2)
	p := prove(t, blocks, nil, 3)
	erase(t, p.dir, alice, 2, 3)
	r := p.verify(t, false)
	if want := fmt.Sprintf("session %v #3: its payload was erased, and no record tells who did it and why", alice); r.Intact() ||
		faults(r) != want {
		t.Errorf("want %q in\n%s", want, faults(r))
	}
}

// A commitment that is another's, or made up, is not what was chained; nor is a payload whose salt is gone.
func TestVerifyFindsAFalseErasure(t *testing.T) {
	for name, forge := range map[string]func(payload []byte, commitment record.Hash) []byte{
		"another commitment": func([]byte, record.Hash) []byte { return record.AppendErased(nil, record.Hash{1}) },
		"a payload put back": func(payload []byte, _ record.Hash) []byte { return payload },
	} {
		blocks, alice := redactable(t, 2)
		first := blocks[0]
		left, err := first.Spans[0].Secret.Puncture(2)
		if err != nil {
			t.Fatal(err)
		}
		salt, _ := first.Spans[0].Secret.Salts().Salt(2)
		f := *first.Block
		f.Spans = append([]record.Span(nil), first.Spans...)
		f.Spans[0].Secret = left
		var raw []byte
		for r, err := range first.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if payload := r.AppendPayload(nil); r.Seq == 2 {
				if err := record.DecodePayload(forge(payload, record.Commit(salt, payload)), &r); err != nil {
					t.Fatal(err)
				}
			}
			raw = record.AppendRecord(raw, &r)
		}
		f.Raw, f.Data = len(raw), record.Pack(nil, raw)
		blocks[0] = storetest.Sealed{Block: &f, Raw: f.AppendTo(nil)}
		r := verify(t, put(t, blocks))
		if want := fmt.Sprintf("session %v #2", alice); r.Intact() || !strings.Contains(faults(r), want) ||
			!strings.Contains(faults(r), "its records are not those that were chained") {
			t.Errorf("%s: want %q in\n%s", name, want, faults(r))
		}
	}
}

// Retention takes the old part away and signs for it: nothing is missing then. Without the tombstones it is.
func TestVerifyAfterRetention(t *testing.T) {
	shop := storetest.Shop()
	p := prove(t, shop, nil, 3, 5)
	w, err := local.Open(p.dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, shop[4].Last)
	_, err = w.Prune(t.Context(), local.Retention{Before: shop[3].First, UpTo: shop[4].End, Now: now, Sign: p.key.SignTombstone})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, outside := range []bool{false, true} {
		if r := p.verify(t, outside); !r.Intact() || !r.Complete() || r.Blocks == len(shop) {
			t.Errorf("outside %v: %+v\n%s", outside, *r, faults(r))
		}
	}
	e, err := replay.OpenEvidence(p.dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Tombstones) == 0 {
		t.Fatal("retention left no tombstone")
	}
	whole := e.Tombstones
	e.Log, e.Tombstones = nil, twisted(whole)
	if r, err := e.Verify(t.Context(), read(t, p.dir), nil); err != nil || r.Intact() || !strings.Contains(faults(r), "from where the tombstone says") {
		t.Errorf("without a log, of another chain: %s, %v", faults(r), err)
	}
	e.Log = checkpoint.Read(checkpoint.Folder(p.dir))
	for name, stones := range map[string][]checkpoint.Tombstone{"none": nil, "of another chain": twisted(whole)} {
		e.Tombstones = stones
		r, err := e.Verify(t.Context(), read(t, p.dir), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Intact() && r.Complete() {
			t.Errorf("%s: nothing is missing", name)
		}
	}
}

// twisted are tombstones that say other chain values.
func twisted(stones []checkpoint.Tombstone) (all []checkpoint.Tombstone) {
	for _, s := range stones {
		s.Cuts = append([]checkpoint.Cut(nil), s.Cuts...)
		for i := range s.Cuts {
			s.Cuts[i].Chain[0]++
		}
		all = append(all, s)
	}
	return all
}

func TestParts(t *testing.T) {
	m := storetest.NewMaker()
	s := m.Open("alice", "app", "orders", "shop")
	q := s.Query("select 1", nil, nil)
	more := s.Add(record.Record{Kind: record.KindQuery, Flags: record.FlagMore, Text: []byte("select ")})
	s.Add(record.Record{Kind: record.KindData, Of: more, Flags: record.FlagMore, Text: []byte("'a'")})
	s.Result(q, "SELECT 1", 1)
	b, raw := m.Seal()
	blocks := []storetest.Sealed{{Block: b, Raw: raw}}
	s.Add(record.Record{Kind: record.KindData, Of: more, Text: []byte(" from t")})
	s.Fail(more, "42P01", "no t")
	s.Close()
	b, raw = m.Seal()
	dir := put(t, append(blocks, storetest.Sealed{Block: b, Raw: raw}))
	parts := func(seq uint64, with bool) string {
		found, err := replay.Parts(t.Context(), read(t, dir), s.ID, seq, with)
		return fmt.Sprint(found, err)
	}
	for _, c := range []struct {
		seq  uint64
		with bool
		want string
	}{{q, false, "[2] <nil>"}, {q, true, "[2 5] <nil>"}, {more, false, "[3 4 6] <nil>"}, {more + 1, true, "[3 4 6 7] <nil>"},
		{99, false, fmt.Sprintf("[] session %v has no record #99 that can be read", s.ID)}} {
		if got := parts(c.seq, c.with); got != c.want {
			t.Errorf("parts of #%d, with result %v: %s, want %s", c.seq, c.with, got, c.want)
		}
	}
	erase(t, dir, s.ID, 3, 4)
	if got := parts(more, false); got != "[6] <nil>" {
		t.Errorf("what is left to erase: %s", got)
	}
	erase(t, dir, s.ID, 6)
	if got := parts(more, false); !strings.Contains(got, "was erased before") {
		t.Errorf("what is left to erase: %s", got)
	}
}

// Blocks are rewritten by session, and something is erased in what came of it: what the log said of the small ones holds.
func TestVerifyAfterRewritingAndErasing(t *testing.T) {
	m := storetest.NewMaker()
	var blocks []storetest.Sealed
	a, b := m.Open("alice", "app", "orders", "shop"), m.Open("bob", "app", "orders", "shop")
	for i := range 12 {
		for _, s := range []*storetest.Session{a, b} {
			s.Result(s.Query(fmt.Sprintf("select %d /* %s */", i, strings.Repeat("long ", 2<<10)), nil, nil), "SELECT 1", 1)
		}
		if i == 10 {
			b.Add(record.Record{Kind: record.KindRedact, Parent: a.ID, Of: 2, Message: []byte("ticket 4711")})
		}
		block, raw := m.Seal()
		blocks = append(blocks, storetest.Sealed{Block: block, Raw: raw})
	}
	p := prove(t, blocks, nil, 1, 5, 12)
	w, err := local.Open(p.dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	for {
		done, err := w.Compact(t.Context(), ^uint64(0)>>1)
		if err != nil {
			t.Fatal(err)
		}
		if done.Blocks == 0 {
			break
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	erase(t, p.dir, a.ID, 2)
	r := p.verify(t, true)
	if !r.Intact() || !r.Complete() || r.Redacted != 1 || r.Blocks == len(blocks) || r.Uncovered != 0 || r.Signed != 12 {
		t.Errorf("%+v\n%s", *r, faults(r))
	}
}
