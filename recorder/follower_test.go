package recorder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/internal/testenv"
)

// depot is a follower's store for tests, which can fail before it takes a batch and after.
type depot struct {
	mu      sync.Mutex
	batches []*record.Block // taken, each once
	sent    map[uint64]*record.Block
	changed []uint64 // positions of batches that came again with other records
	hiccup  func() (before, after error)
	slow    time.Duration
	puts    int
	forgot  int // batches
}

func newDepot() *depot {
	return &depot{sent: map[uint64]*record.Block{}, hiccup: func() (error, error) { return nil, nil }}
}

func (s *depot) Put(ctx context.Context, b *record.Block, _ []byte) error {
	pause(ctx, s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	raw, _ := b.Unpacked()
	c := *b
	c.Spans = slices.Clone(b.Spans)
	kept := c.WithRaw(bytes.Clone(raw))
	if old := s.sent[b.Pos]; old != nil {
		was, _ := old.Unpacked()
		if old.End != b.End || !bytes.Equal(was, raw) || !slices.Equal(old.Spans, b.Spans) {
			s.changed = append(s.changed, b.Pos)
		}
	}
	s.sent[b.Pos] = kept
	before, after := s.hiccup()
	if before != nil {
		return before
	}
	if !slices.ContainsFunc(s.batches, func(have *record.Block) bool { return have.Pos == b.Pos }) {
		s.batches = append(s.batches, kept)
	}
	return after
}

func (s *depot) Last(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.batches) == 0 {
		return 0, nil
	}
	return s.batches[len(s.batches)-1].End, nil
}

func (s *depot) Newest(context.Context) (*record.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.batches) == 0 {
		return nil, nil
	}
	return s.batches[len(s.batches)-1], nil
}

func (s *depot) Forget(_ context.Context, pos uint64, _ []record.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sent, pos)
	s.forgot++
	return nil
}

func (s *depot) Heads(_ context.Context, ids []record.ID) (map[record.ID]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heads := make(map[record.ID]uint64)
	for _, b := range s.batches {
		for _, span := range b.Spans {
			if slices.Contains(ids, span.Session) {
				heads[span.Session] = max(heads[span.Session], span.Last)
			}
		}
	}
	return heads, nil
}

// audit holds what the depot has against what was put home: every record once, byte by byte, in batches whose chains fit.
func (s *depot) audit(t *testing.T, want []storetest.Sealed) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	type key struct {
		session record.ID
		seq     uint64
	}
	left := map[key][]byte{}
	for _, b := range want {
		raw, err := b.Unpack(nil)
		if err != nil {
			t.Fatal(err)
		}
		for len(raw) > 0 {
			var r record.Record
			rest, err := record.Decode(raw, &r)
			if err != nil {
				t.Fatal(err)
			}
			left[key{r.Session, r.Seq}] = raw[:len(raw)-len(rest)]
			raw = rest
		}
	}
	chains := map[record.ID]record.Hash{}
	for _, b := range s.batches {
		raw, _ := b.Unpacked()
		spans := map[record.ID]*record.Span{}
		for i := range b.Spans {
			span := &b.Spans[i]
			spans[span.Session] = span
			if head, ok := chains[span.Session]; ok && head != span.Before {
				t.Errorf("batch %016x: the chain of session %v does not go on", b.Pos, span.Session)
			}
			chains[span.Session] = span.Before
		}
		for len(raw) > 0 {
			env, payload, rest, err := record.NextRecord(raw)
			if err != nil {
				t.Fatal(err)
			}
			var r record.Record
			if _, err := record.Decode(raw, &r); err != nil {
				t.Fatal(err)
			}
			k := key{r.Session, r.Seq}
			if !bytes.Equal(left[k], raw[:len(raw)-len(rest)]) {
				t.Fatalf("batch %016x: record #%d of session %v is a second time there, or another", b.Pos, r.Seq, r.Session)
			}
			delete(left, k)
			chains[r.Session] = record.Next(chains[r.Session], spans[r.Session].Secret.Salts(), r.Seq, env, payload)
			raw = rest
		}
		for _, span := range b.Spans {
			if chains[span.Session] != span.After {
				t.Errorf("batch %016x: the chain of session %v does not end as it says", b.Pos, span.Session)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("%d records are missing", len(left))
	}
	if len(s.changed) > 0 {
		t.Errorf("batches that came again with other records: %x", s.changed)
	}
}

// traffic makes blocks of so many records each.
func traffic(blocks, records int) []storetest.Sealed {
	m, g := storetest.NewMaker(), gen.New(gen.Options{Seed: 11, Long: 200})
	var all []storetest.Sealed
	for range blocks {
		for range records {
			r := g.Next()
			m.Add(r.Session, r.Clone())
		}
		b, raw := m.Seal()
		all = append(all, storetest.Sealed{Block: b, Raw: raw})
	}
	return all
}

func archive(t *testing.T) *local.Store {
	t.Helper()
	s, err := local.Open(filepath.Join(t.TempDir(), "archive"), local.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func follower(t *testing.T, o FollowerOptions) *Follower {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Name, o.Wait, o.Calm = "test", time.Millisecond, 5*time.Millisecond
	f, err := OpenFollower(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFollowerLosesNothing kills a follower again and again, with a store that fails before and after it takes a batch and a
// home that rewrites its blocks meanwhile: each record is there once, and a batch that comes again is the same.
func TestFollowerLosesNothing(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			home, keeper, all := archive(t), newDepot(), traffic(60, 150)
			keeper.hiccup = func() (error, error) {
				switch rnd.IntN(4) {
				case 0:
					return errors.New("away"), nil
				case 1:
					return nil, errors.New("away before it could say that it has it")
				}
				return nil, nil
			}
			file := filepath.Join(t.TempDir(), "followers", "test")
			for next := 0; next < len(all); {
				for range rnd.IntN(12) {
					if next < len(all) {
						store(t, home, all[next])
						next++
					}
				}
				f := follower(t, FollowerOptions{File: file, Home: home, Keeper: keeper, Rows: 200 + rnd.IntN(2000)})
				for range rnd.IntN(3) {
					f.agree(t.Context())
					b, _, err := f.next(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if b == nil || keeper.Put(t.Context(), b, nil) != nil || rnd.IntN(3) == 0 {
						break // killed
					}
					f.cursor.Store(b.End)
					f.pending = nil
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				if rnd.IntN(2) == 0 {
					if _, err := home.Compact(t.Context(), ^uint64(0)>>1); err != nil {
						t.Fatal(err)
					}
				}
			}
			keeper.hiccup = func() (error, error) { return nil, nil }
			f := follower(t, FollowerOptions{File: file, Home: home, Keeper: keeper})
			defer f.Close()
			if err := f.CatchUp(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			keeper.audit(t, all)
			if st := f.Stats(t.Context()); st.Lag != 0 || !st.Oldest.IsZero() || st.Cursor != all[len(all)-1].End {
				t.Errorf("it has caught up: %+v", st)
			}
		})
	}
}

func store(t *testing.T, s *local.Store, b storetest.Sealed) {
	t.Helper()
	if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
		t.Fatal(err)
	}
}

// TestFollowerRuns follows a home to which blocks come, while its store is away and comes back.
func TestFollowerRuns(t *testing.T) {
	home, keeper, all := archive(t), newDepot(), traffic(20, 100)
	away := true
	keeper.hiccup = func() (error, error) {
		if away {
			return errors.New("away"), nil
		}
		return nil, nil
	}
	f := follower(t, FollowerOptions{File: filepath.Join(t.TempDir(), "f", "test"), Home: home, Keeper: keeper, Busy: func() bool { return true }})
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { f.Run(ctx) })
	for _, b := range all[:10] {
		store(t, home, b)
	}
	testenv.Eventually(t, "it fails", func() bool { return f.Stats(ctx).Failures > 2 })
	if st := f.Stats(ctx); st.Lag != 1000 || st.Oldest.UnixNano() != all[0].First || st.Err == nil {
		t.Errorf("while its store is away: %+v", st)
	}
	keeper.mu.Lock()
	away = false
	keeper.mu.Unlock()
	for _, b := range all[10:] {
		store(t, home, b)
	}
	testenv.Eventually(t, "it has all", func() bool { st := f.Stats(ctx); return st.Lag == 0 && st.Records == 2000 && st.Err == nil })
	cancel()
	wg.Wait()
	keeper.audit(t, all)
}

// TestFollowerBounds: batches are bounded by records, bytes and partition, and one follower has the cursor at a time.
func TestFollowerBounds(t *testing.T) {
	home, all := archive(t), traffic(12, 100)
	for _, b := range all {
		store(t, home, b)
	}
	for name, c := range map[string]struct {
		o    FollowerOptions
		want int
	}{
		"one":        {FollowerOptions{}, 1},
		"records":    {FollowerOptions{Rows: 399}, 4},
		"bytes":      {FollowerOptions{Bytes: 1}, 12},
		"partitions": {FollowerOptions{Partition: func(at int64) int64 { return (at - all[0].First) / (all[6].First - all[0].First) }}, 2},
	} {
		keeper := newDepot()
		c.o.File, c.o.Home, c.o.Keeper = filepath.Join(t.TempDir(), "f", "test"), home, keeper
		f := follower(t, c.o)
		if _, err := OpenFollower(f.opts); !errors.Is(err, ErrFollowed) {
			t.Errorf("%s: a second follower: %v", name, err)
		}
		if err := f.CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if n := len(keeper.batches); n < c.want || n > c.want+1 {
			t.Errorf("%s: %d batches, want %d", name, n, c.want)
		}
		keeper.audit(t, all)
		f.Close()
	}
}

// TestFollowerRefusesAnother: a store that is ahead of the archive has another gateway's records.
func TestFollowerRefusesAnother(t *testing.T) {
	home, all := archive(t), traffic(2, 10)
	store(t, home, all[0])
	keeper := newDepot()
	keeper.batches = append(keeper.batches, all[1].Block)
	f := follower(t, FollowerOptions{File: filepath.Join(t.TempDir(), "f", "test"), Home: home, Keeper: keeper})
	defer f.Close()
	if err := f.CatchUp(t.Context(), nil); err == nil || keeper.puts > 0 {
		t.Errorf("it follows all the same: %v", err)
	}
}

// TestFollowerOfWhatIsGone pins that a batch which was taken, and not heard of, was made anew from what retention (despite) had left of
// it here, over the one that was there; and that of one that was only begun rows stayed which no batch listed.
func TestFollowerOfWhatIsGone(t *testing.T) {
	for _, taken := range []bool{true, false} {
		all := traffic(6, 100)
		home, left, keeper := archive(t), archive(t), newDepot()
		for _, b := range all {
			store(t, home, b)
		}
		for _, b := range all[2:] {
			store(t, left, b)
		}
		file := filepath.Join(t.TempDir(), "f", "test")
		f := follower(t, FollowerOptions{File: file, Home: home, Keeper: keeper, Rows: 350})
		if err := f.agree(t.Context()); err != nil {
			t.Fatal(err)
		}
		b, _, err := f.next(t.Context())
		if err != nil || b.Count != 300 {
			t.Fatal(b, err)
		}
		want := all[2:]
		if taken {
			want = all
			if err := keeper.Put(t.Context(), b, nil); err != nil {
				t.Fatal(err)
			}
		} else {
			keeper.sent[b.Pos] = b
		}
		f.Close() // killed
		f = follower(t, FollowerOptions{File: file, Home: left, Keeper: keeper, Rows: 350})
		if err := f.CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		f.Close()
		keeper.audit(t, want)
		if forgot := keeper.forgot > 0; forgot == taken {
			t.Errorf("taken: %v, forgotten: %v", taken, forgot)
		}
		for i := 1; i < len(keeper.batches); i++ {
			if a, b := keeper.batches[i-1], keeper.batches[i]; a.End > b.Pos {
				t.Errorf("taken: %v: batches %x to %x and %x to %x lie over each other", taken, a.Pos, a.End, b.Pos, b.End)
			}
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	b := traffic(1, 20)[0]
	f.Add(cursorState{cursor: 7}.encode())
	f.Add(cursorState{cursor: b.Pos, pending: manifestOf(b.Block)}.encode())
	f.Fuzz(func(t *testing.T, p []byte) {
		s, err := parseCursor(p)
		if err != nil {
			return
		}
		if again, err := parseCursor(s.encode()); err != nil || again.cursor != s.cursor || (again.pending == nil) != (s.pending == nil) {
			t.Errorf("%+v came back as %+v, %v", s, again, err)
		}
	})
}
