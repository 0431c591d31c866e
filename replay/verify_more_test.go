package replay_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// traffic makes blocks of many sessions at once, as large as a gateway's.
func traffic(blocks int) []storetest.Sealed {
	m, g := storetest.NewMaker(), gen.New(gen.Options{Seed: 3, Long: 100})
	var all []storetest.Sealed
	for range blocks {
		for range 500 {
			r := g.Next()
			m.Add(r.Session, r.Clone())
		}
		b, raw := m.Seal()
		all = append(all, storetest.Sealed{Block: b, Raw: raw})
	}
	return all
}

func compact(t *testing.T, s *local.Store) (steps int) {
	t.Helper()
	for {
		done, err := s.Compact(t.Context(), math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		if done.Blocks == 0 {
			return steps
		}
		steps++
	}
}

// A gateway that goes on, and rewrites what was walked over together with what was put since, damages nothing.
func TestVerifyBesideAGatewayThatRewrites(t *testing.T) {
	blocks := traffic(40)
	dir := filepath.Join(t.TempDir(), "archive")
	w, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	put := func(some []storetest.Sealed) {
		for _, b := range some {
			if err := w.Put(t.Context(), b.Block, b.Raw); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(blocks[:20])
	src := read(t, dir)
	walked := 0
	r, err := replay.Verify(t.Context(), src, func(*replay.Report) {
		if walked++; walked == 20 {
			put(blocks[20:])
			if compact(t, w) == 0 {
				t.Error("nothing was rewritten")
			}
		}
	})
	if err != nil || !r.Intact() || !r.Complete() {
		t.Errorf("%v %s", err, faults(r))
	}
	if r.Records != 40*500 {
		t.Errorf("%d records were verified", r.Records)
	}
	if r := verify(t, dir); !r.Intact() || !r.Complete() || r.Records != 40*500 || r.Blocks >= len(blocks) {
		t.Errorf("%+v %s", *r, faults(r))
	}
}
