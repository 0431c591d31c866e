package recorder

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"testing"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
)

// remembering is a home that keeps how far each chain has got and drops the blocks.
type remembering struct {
	*folder
	spans   map[record.ID]record.Span
	recalls int
}

func (h *remembering) Put(_ context.Context, b *record.Block, _ []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range b.Spans {
		before, known := h.spans[s.Session]
		if known && (s.First != before.Last+1 || s.Before != before.After || s.Secret != before.Secret) || !known && s.First != 0 {
			return fmt.Errorf("session %v goes on at %d after %d", s.Session, s.First, before.Last)
		}
		h.spans[s.Session] = s
	}
	return nil
}

func (h *remembering) Head(_ context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recalls++
	s, ok := h.spans[id]
	return s.Last, s.After, s.Secret, ok, nil
}

// size is about what the home itself keeps in memory.
func (h *remembering) size() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var m1, m2 runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m1)
	h.spans = maps.Clone(h.spans)
	runtime.ReadMemStats(&m2)
	return m2.HeapAlloc - m1.HeapAlloc
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a sync.Pool held goes with the second
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The recorder's memory doesn't depend on how many sessions are open: chains of those that are silent are at home, asked for
// when they speak, and go on where they were. What an open session costs is its tape.
func TestTenThousandOpenSessions(t *testing.T) {
	const warm, sessions, rounds, chains = 1000, 10_000, 3, 512
	query := record.Record{Kind: record.KindQuery, Text: []byte("select abalance from pgbench_accounts where aid = 1")}
	b := newBed(t)
	home := &remembering{folder: b.home, spans: map[record.ID]record.Span{}}
	b.opts.Home, b.opts.Heads, b.opts.BlockSize = home, chains, 0
	b.opts.Journal = journal.Options{SegmentSize: 8 << 20, MaxBytes: 64 << 20}
	r := b.open()
	tapes := make([]*Tape, 0, warm+sessions)
	feed := func(n int) {
		first := len(tapes)
		for range n {
			tapes = append(tapes, start(t, r))
		}
		for range rounds {
			for _, tape := range tapes[first:] {
				put(t, tape, record.Record{Kind: record.KindResult, Of: put(t, tape, query)})
			}
		}
		testenv.Eventually(t, "all to be at home", func() bool { return r.lag() == 0 })
	}
	feed(warm) // blocks, compression and chains have their memory
	before := heap() - home.size()
	feed(sessions)
	each := (int64(heap()-home.size()) - int64(before)) / sessions
	t.Logf("%d bytes of heap for each of %d open sessions; %d chains asked of the home", each, sessions, home.recalls)
	if each > 1<<10 {
		t.Errorf("an open session takes %d bytes", each)
	}
	if home.recalls < (rounds-1)*(sessions-2*chains)/2 {
		t.Errorf("only %d chains were asked of the home: silent sessions aren't forgotten", home.recalls)
	}
	if r.Stats().Failures > 0 {
		t.Errorf("the home says %v", r.Stats().Err)
	}
	b.crash(r)
	if n := len(r.sealer.heads.known); n > 2*chains {
		t.Errorf("%d chains are kept in memory, want about %d", n, chains)
	}
	runtime.KeepAlive(tapes)
}
