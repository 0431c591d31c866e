package recorder

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// forked makes two lists of blocks that begin with the same ones and then lie, with other records, at about the same positions:
// what an archive recorded, and what it recorded after it was put back from an older copy.
func forked(t *testing.T, same, after int) (as, bs []storetest.Sealed) {
	t.Helper()
	var lists [2][]storetest.Sealed
	for i := range lists {
		m, g := storetest.NewMaker(), gen.New(gen.Options{Seed: 11, Long: 200})
		for n := range same + after {
			if n == same {
				g = gen.New(gen.Options{Seed: uint64(100 + i), Long: 200})
			}
			for range 60 {
				r := g.Next()
				m.Add(r.Session, r.Clone())
			}
			b, raw := m.Seal()
			lists[i] = append(lists[i], storetest.Sealed{Block: b, Raw: raw})
		}
	}
	return lists[0], lists[1]
}

// TestFollowerRefusesAnOlderCopy pins that a follower of an archive that was put back from an older copy took, once the archive
// had grown past it, the store's end for its own and left out, unseen, what was new: with its cursor put back as well or lost.
func TestFollowerRefusesAnOlderCopy(t *testing.T) {
	const same = 4
	for name, put := range map[string]func(t *testing.T, file string, then []byte){
		"the cursor is that of then": func(t *testing.T, file string, then []byte) {
			if err := os.WriteFile(file, then, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"the cursor is lost": func(t *testing.T, file string, _ []byte) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			was, is := forked(t, same, 8)
			home, keeper := archive(t), newDepot()
			file := filepath.Join(t.TempDir(), "f", "test")
			catchUp := func(home *local.Store) error {
				f := follower(t, FollowerOptions{File: file, Home: home, Keeper: keeper, Rows: 60})
				defer f.Close()
				return f.CatchUp(t.Context(), nil)
			}
			var then []byte
			for i, b := range was[:same+4] {
				store(t, home, b)
				if err := catchUp(home); err != nil {
					t.Fatal(err)
				}
				if i == same-1 {
					var err error
					if then, err = os.ReadFile(file); err != nil {
						t.Fatal(err)
					}
				}
			}
			put(t, file, then)
			back, puts := archive(t), keeper.puts
			for i, b := range is {
				store(t, back, b)
				if i < same-1 {
					continue
				}
				var another *AnotherError
				if err := catchUp(back); !errors.As(err, &another) {
					t.Fatalf("%d blocks after it was put back: %v", i+1-same, err)
				}
			}
			if keeper.puts != puts {
				t.Errorf("%d batches were sent", keeper.puts-puts)
			}
		})
	}
}

// TestFollowerWithoutItsCursor: where the file is lost and the archive is the one that it was, the follower goes on.
func TestFollowerWithoutItsCursor(t *testing.T) {
	home, keeper, all := archive(t), newDepot(), traffic(8, 50)
	file := filepath.Join(t.TempDir(), "f", "test")
	for i, b := range all {
		store(t, home, b)
		f := follower(t, FollowerOptions{File: file, Home: home, Keeper: keeper, Rows: 60})
		if err := f.CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if i%3 == 1 {
			if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	keeper.audit(t, all)
}

// TestFollowerOfAnArchiveThatIsBehind: an archive that lost its end goes on at positions behind what was sent (Options.After), and
// that is sent.
func TestFollowerOfAnArchiveThatIsBehind(t *testing.T) {
	all := traffic(8, 50)
	home, keeper := archive(t), newDepot()
	file := filepath.Join(t.TempDir(), "f", "test")
	catchUp := func(home *local.Store) {
		t.Helper()
		f := follower(t, FollowerOptions{File: file, Home: home, Keeper: keeper, Rows: 60})
		defer f.Close()
		if err := f.CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range all[:6] {
		store(t, home, b)
	}
	catchUp(home)
	if sent, taken, err := Sent(file); err != nil || sent != all[5].End || taken > sent {
		t.Errorf("sent up to %x, taken up to %x, want %x: %v", sent, taken, all[5].End, err)
	}
	back := archive(t)
	for _, b := range append(all[:3:3], all[6:]...) {
		store(t, back, b)
		catchUp(back)
	}
	keeper.audit(t, all)
}
