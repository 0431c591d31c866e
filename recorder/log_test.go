package recorder

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// shelf is an archive for tests: a folder whose blocks are read from a position on, and which punctures secrets.
type shelf struct{ *folder }

func (s shelf) After(_ context.Context, pos uint64) iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) {
		for b, err := range s.blocks() {
			if err == nil && b.End <= pos {
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (s shelf) Redact(ctx context.Context, id record.ID, seqs []uint64) (record.Secret, error) {
	_, _, left, ok, err := s.Head(ctx, id)
	if err != nil || !ok {
		return "", errors.Join(err, errors.New("no such session"))
	}
	for _, seq := range seqs {
		if left, err = left.Puncture(seq); err != nil {
			return "", err
		}
	}
	return left, nil
}

func openLog(t *testing.T, dir string) *checkpoint.Log {
	t.Helper()
	l, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// blocksOf are a few blocks of one session, a record each.
func blocksOf(secret record.Secret, n int) (blocks []*record.Block) {
	id := record.ID{1, 6: 0x70}
	head, salts := record.Start(id), secret.Salts()
	for i := range n {
		r := record.Record{Session: id, Seq: uint64(i), At: int64(i) + 1, Kind: record.KindNotice}
		raw := record.AppendRecord(nil, &r)
		next := record.Next(head, salts, r.Seq, r.AppendEnvelope(nil), r.AppendPayload(nil))
		blocks = append(blocks, &record.Block{Pos: uint64(i) * 100, End: uint64(i)*100 + 100, First: r.At, Last: r.At, Count: 1,
			Raw: len(raw), Kinds: 1 << r.Kind, Data: record.Pack(nil, raw),
			Spans: []record.Span{{Session: id, First: r.Seq, Last: r.Seq, Before: head, After: next, Secret: secret}}})
		head = next
	}
	return blocks
}

// Whatever a crash left between a block and its leaf, the log ends up with one leaf for each block, in order.
func TestTheLogHasEveryBlock(t *testing.T) {
	blocks := blocksOf(record.NewSecret([16]byte{1}), 4)
	for lacking := range len(blocks) + 1 {
		dir := filepath.Join(t.TempDir(), "log")
		a := shelf{newFolder(t.TempDir())}
		log := openLog(t, dir)
		h, err := NewHome(t.Context(), a, log)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range blocks {
			put := h.Put
			if i >= len(blocks)-lacking {
				put = a.Put // and the gateway is killed
			}
			if err := put(t.Context(), b, b.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
		}
		log.Close()
		log = openLog(t, dir)
		if h, err = NewHome(t.Context(), a, log); err != nil {
			t.Fatal(err)
		}
		if err := h.Put(t.Context(), blocks[3], blocks[3].AppendTo(nil)); err != nil { // once more, as after a crash
			t.Fatal(err)
		}
		n := 0
		for leaf, err := range checkpoint.Read(dir).Leaves() {
			if want := checkpoint.LeafOf(blocks[n]); err != nil || leaf.End != want.End || !slices.Equal(leaf.Heads, want.Heads) {
				t.Errorf("%d lacking, leaf %d: %+v %v", lacking, n, leaf, err)
			}
			n++
		}
		if n != len(blocks) {
			t.Errorf("%d lacking: %d leaves", lacking, n)
		}
		log.Close()
	}
}

// TestTheLogHasEveryBlockOfAClockSetBack pins that blocks which a crash had kept out of the log stayed out where the clock had been set
// back: they were looked for by time, and verify said that the log did not know them.
func TestTheLogHasEveryBlockOfAClockSetBack(t *testing.T) {
	a, m := archive(t), storetest.NewMaker()
	log := openLog(t, filepath.Join(t.TempDir(), "log"))
	defer log.Close()
	for i := range 5 {
		m.Open("alice", "app", "orders", "shop").Close()
		b, raw := m.Seal()
		m.Now = m.Now.Add(-time.Hour)
		if err := a.Put(t.Context(), b, raw); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			if err := log.Add(checkpoint.LeafOf(b)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := NewHome(t.Context(), a, log); err != nil {
		t.Fatal(err)
	}
	if n, _ := log.Size(); n != 5 {
		t.Errorf("the log has %d leaves of 5", n)
	}
}

// A block whose leaf can't be written is not acknowledged: the journal keeps it.
func TestABlockWithoutItsLeafIsNotAcknowledged(t *testing.T) {
	log := openLog(t, filepath.Join(t.TempDir(), "log"))
	h, err := NewHome(t.Context(), shelf{newFolder(t.TempDir())}, log)
	if err != nil {
		t.Fatal(err)
	}
	log.Close()
	b := blocksOf(record.NewSecret([16]byte{1}), 1)[0]
	if err := h.Put(t.Context(), b, b.AppendTo(nil)); err == nil {
		t.Error("it was")
	}
}

// The archive was put back to an earlier state, and the log was not: no position may name two blocks.
func TestPositionsGoOnBehindTheLog(t *testing.T) {
	log := openLog(t, filepath.Join(t.TempDir(), "log"))
	defer log.Close()
	for _, b := range blocksOf(record.NewSecret([16]byte{1}), 3) {
		if err := log.Add(checkpoint.LeafOf(b)); err != nil {
			t.Fatal(err)
		}
	}
	h, err := NewHome(t.Context(), shelf{newFolder(t.TempDir())}, log)
	if err != nil {
		t.Fatal(err)
	}
	if end, err := h.Last(t.Context()); err != nil || end != 300 {
		t.Errorf("they begin at %d, %v", end, err)
	}
}

// A session that is redacted while it is open: the sealer still has its whole secret, and no later block gets it.
func TestLaterBlocksHaveNoErasedSecret(t *testing.T) {
	secret := record.NewSecret([16]byte{1})
	blocks := blocksOf(secret, 3)
	a := shelf{newFolder(t.TempDir())}
	log := openLog(t, filepath.Join(t.TempDir(), "log"))
	defer log.Close()
	h, err := NewHome(t.Context(), a, log)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b *record.Block) {
		if err := h.Put(t.Context(), b, b.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
	}
	put(blocks[0])
	left, err := h.Redact(t.Context(), blocks[0].Spans[0].Session, []uint64{0})
	if err != nil {
		t.Fatal(err)
	}
	put(blocks[1])
	put(blocks[2])
	for b, err := range a.blocks() {
		if err != nil {
			t.Fatal(err)
		}
		if want := left; b.Pos > 0 && b.Spans[0].Secret != want {
			t.Errorf("block %d has the secret %x", b.Pos, b.Spans[0].Secret)
		}
	}
	if blocks[1].Spans[0].Secret != secret {
		t.Error("the sealer's own block was changed")
	}
}
