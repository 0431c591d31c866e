package recorder

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
)

// The gateway dies after a block was cut and before the home had it. The block is cut again, under other settings and with
// more behind it: the home must see the same bytes (verify says when it does not).
func TestABlockCutAgainIsTheSameBlock(t *testing.T) {
	b := newBed(t)
	r := b.open()
	b.home.failWith(errDown)
	tape := start(t, r)
	for range 5 {
		put(t, tape, record.Record{Kind: record.KindQuery, Text: []byte("select 1")})
	}
	testenv.Eventually(t, "the first block", func() bool { return r.Stats().Failures > 0 })
	for range 5 {
		put(t, tape, record.Record{Kind: record.KindQuery, Text: []byte("select 2")})
	}
	b.crash(r)
	if len(b.home.seen) != 1 {
		t.Fatalf("%d blocks were tried", len(b.home.seen))
	}
	b.home.failWith(nil)
	b.opts.Seal, b.opts.BlockSize = time.Hour, 1<<20
	r = b.open()
	b.close(r)
	list := b.verify()[tape.id]
	if len(list) != 11+10+1 {
		t.Errorf("%d records", len(list))
	}
	first := true
	for blk, err := range b.home.blocks() {
		if err != nil {
			t.Fatal(err)
		}
		if raw := b.home.seen[blk.Pos]; first && (raw == nil || !bytes.Equal(blk.AppendTo(nil), raw)) {
			t.Error("the first block at home isn't the one that was tried before the crash")
		}
		first = false
	}
}

// Bounds that are damaged or tell of what isn't there must not keep the records from home.
func TestBoundsThatAreOfNoUseAreLeft(t *testing.T) {
	for name, content := range map[string][]byte{
		"garbage":        []byte("garbage"),
		"behind the end": bounds{1<<32 + 64, 1<<32 + 60000}.appendTo(nil),
		"elsewhere":      bounds{7 << 32, 8 << 32}.appendTo(nil),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			if err := os.WriteFile(filepath.Join(b.opts.Dir, cutName), content, 0o600); err != nil {
				t.Fatal(err)
			}
			r := b.open()
			tape := start(t, r)
			<-b.home.taken // without a Close: after the time that records wait
			b.close(r)
			if len(b.verify()[tape.id]) != 1 {
				t.Error("the record isn't at home")
			}
		})
	}
}

// Sessions that the last run left open end in what is known of them, also when part of them was at home already.
func TestARestartEndsTheSessionsThatWereOpen(t *testing.T) {
	b := newBed(t)
	r := b.open()
	tape := start(t, r)
	first := put(t, tape, record.Record{Kind: record.KindQuery, Text: []byte("select 1")})
	<-b.home.taken
	testenv.Eventually(t, "the journal to be sealed", func() bool { return r.lag() == 0 })
	b.home.failWith(errDown)
	second := put(t, tape, record.Record{Kind: record.KindQuery, Text: []byte("select 2")})
	put(t, tape, record.Record{Kind: record.KindResult, Of: first, Outcome: record.OutcomeDone})
	ended := start(t, r)
	if err := ended.Close(record.Record{Outcome: record.OutcomeDone}); err != nil {
		t.Fatal(err)
	}
	b.crash(r)
	b.home.failWith(nil)
	r = b.open()
	b.close(r)
	sessions := b.verify()
	list := sessions[tape.id]
	if len(list) != 6 {
		t.Fatalf("%d records: %+v", len(list), list)
	}
	if res := list[4]; res.Kind != record.KindResult || res.Of != second || res.Outcome != record.OutcomeUnknown {
		t.Errorf("the open action has %+v", res)
	}
	if end := list[5]; end.Kind != record.KindClose || end.Outcome != record.OutcomeUnknown || end.Rows != 2 ||
		string(end.Message) != "the gateway stopped" {
		t.Errorf("the session ends in %+v", end)
	}
	if n := len(sessions[ended.id]); n != 2 {
		t.Errorf("the session that had ended has %d records", n)
	}
	puts := b.home.puts
	b.close(b.open()) // there is nothing to do any more
	if b.home.puts != puts {
		t.Error("a quiet restart seals something")
	}
}

// The journal was deleted: what it had is lost, but the gateway starts, and the positions of new blocks tell of the loss.
func TestAJournalThatIsGone(t *testing.T) {
	b := newBed(t)
	r := b.open()
	tape := start(t, r)
	<-b.home.taken
	b.close(r)
	if err := os.RemoveAll(b.opts.Dir); err != nil {
		t.Fatal(err)
	}
	r = b.open()
	after := start(t, r)
	b.close(r)
	var blocks []*record.Block
	for blk, err := range b.home.blocks() {
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, blk)
	}
	if len(blocks) < 2 || blocks[1].Pos <= blocks[0].End {
		t.Errorf("%d blocks: the gap can't be seen", len(blocks))
	}
	last := blocks[len(blocks)-1]
	if n := len(last.Spans); n == 0 || last.Spans[n-1].Session != after.id {
		t.Error("the new session isn't at home")
	}
	open, err := b.home.Open(context.Background())
	if err != nil || len(open) != 1 || open[0].ID != after.id {
		t.Errorf("%v is not ended: %v, %v", tape.id, open, err)
	}
}

// A search covers all up to one second ago: a record is at home soon, with nothing behind it.
func TestARecordDoesNotWaitForCompany(t *testing.T) {
	b := newBed(t)
	r := b.open()
	tape := start(t, r)
	if blk := <-b.home.taken; blk.Count != 1 || blk.Spans[0].Session != tape.id {
		t.Errorf("%+v", blk)
	}
}

func TestCloseInVainSaysWhatIsLeft(t *testing.T) {
	b := newBed(t)
	r := b.open()
	b.home.failWith(errDown)
	start(t, r)
	testenv.Eventually(t, "the home to fail", func() bool { return r.Stats().Failures > 0 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Close(ctx); err == nil {
		t.Error("nothing is said of what isn't sealed")
	}
}

// Of two slots the later one counts, also when the other is torn.
func TestTheLastBoundsCount(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		c, last, unread, err := openCuts(dir, true)
		if err != nil || unread != nil {
			t.Fatal(err, unread)
		}
		if want := journal.Position(2 * i); last.pos != want {
			t.Fatalf("opened the %dth time: %v, want %v", i, last.pos, want)
		}
		for n := range 2 {
			pos := journal.Position(2*i + n + 1)
			if err := c.write(bounds{pos, pos + 1}); err != nil {
				t.Fatal(err)
			}
		}
		c.close()
	}
	path := filepath.Join(dir, cutName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for slot, want := range []journal.Position{10, 9} {
		torn := bytes.Clone(raw)
		torn[slot*boundsSize+20] ^= 1
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		c, last, unread, err := openCuts(dir, false)
		if err != nil || unread == nil || last.pos != want {
			t.Errorf("slot %d torn: %v, %v, %v", slot, last.pos, unread, err)
		}
		c.close()
	}
}
