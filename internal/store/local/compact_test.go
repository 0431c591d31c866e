package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// traffic makes blocks of so many records each, of many sessions at once.
func traffic(blocks, records int) []storetest.Sealed {
	m, g := storetest.NewMaker(), gen.New(gen.Options{Seed: 7, Long: 200})
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

// compact rewrites all that can be rewritten.
func compact(t *testing.T, s *local.Store) (steps int) {
	t.Helper()
	for {
		done, err := s.Compact(t.Context(), ^uint64(0)>>1)
		if err != nil {
			t.Fatal(err)
		}
		if done.Blocks == 0 {
			return steps
		}
		if steps++; steps > 1000 {
			t.Fatal("it never ends")
		}
	}
}

// told is all that an archive says: the sessions' lines, and each record where it is.
func told(t *testing.T, s *local.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, line := range lines(t, s) {
		all[line.ID.String()] = fmt.Sprintf("%+v", line)
		next := uint64(0)
		for r, err := range s.Tail(t.Context(), line.ID) {
			if err != nil {
				t.Fatal(err)
			}
			if next > 0 && r.Seq != next {
				t.Fatalf("record #%d of %v comes before #%d", r.Seq, line.ID, next)
			}
			next = r.Seq + 1
			all[fmt.Sprintf("%v #%d", line.ID, r.Seq)] = string(record.AppendRecord(nil, &r))
		}
	}
	return all
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d things, want %d", what, len(got), len(want))
	}
	for k, v := range want {
		if got[k] != v {
			t.Fatalf("%s: %s is %q, want %q", what, k, got[k], v)
		}
	}
}

func blockFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "blocks", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestCompact(t *testing.T) {
	blocks := traffic(60, 400)
	dir := partly(t, blocks)
	s := open(t, dir, local.Write)
	want := told(t, s)
	end, _ := s.Last(t.Context())
	compact(t, s)
	if n := len(blockFiles(t, dir)); n > len(blocks)/3 {
		t.Errorf("%d files of %d are left", n, len(blocks))
	}
	same(t, "rewritten", told(t, s), want)
	if now, err := s.Last(t.Context()); now != end || err != nil {
		t.Errorf("Last = %x, %v; want %x", now, err, end)
	}
	sorted := 0
	for b, err := range s.Blocks(t.Context(), record.Narrow{Oldest: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Sorted() {
			sorted++
		}
	}
	if sorted == 0 {
		t.Error("no block holds its records session by session")
	}
	for _, b := range blocks { // the recorder may put again what it put before
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "put again", told(t, s), want)
	for f, err := range s.Check(t.Context()) {
		t.Error(f, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Rebuild(dir); err != nil {
		t.Fatal(err)
	}
	same(t, "its directory built again", told(t, open(t, dir, local.Read)), want)
}

// Rewriting is done in ever larger steps: a record is rewritten once for each size at most.
func TestCompactAsItGrows(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	s := open(t, dir, local.Write)
	moved, put := int64(0), int64(0)
	for _, b := range traffic(150, 100) {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
		put += int64(b.Block.Raw)
		for {
			done, err := s.Compact(t.Context(), ^uint64(0)>>1)
			if err != nil {
				t.Fatal(err)
			}
			if done.Blocks == 0 {
				break
			}
			moved += done.Raw
		}
	}
	if moved > 3*put {
		t.Errorf("%d bytes of records were rewritten %d times", put, moved/put)
	}
	if n := len(blockFiles(t, dir)); n > 30 {
		t.Errorf("%d files are left", n)
	}
}

// A kill between any two steps of rewriting leaves files that the next start removes, and loses nothing.
func TestKillWhileRewriting(t *testing.T) {
	blocks := traffic(40, 300)
	for _, c := range []struct {
		name    string
		listed  bool // step 2 was done
		rebuilt bool // the directory is lost as well
	}{
		{"before the directory lists it", false, false},
		{"before the old files are removed", true, false},
		{"before the directory lists it, and that is lost", false, true},
		{"before the old files are removed, and the directory is lost", true, true},
	} {
		dir := partly(t, blocks)
		old := copies(t, dir, dir+"-old")
		s := open(t, dir, local.Write)
		want := told(t, s)
		compact(t, s)
		now := len(blockFiles(t, dir))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if c.listed { // the old files are still there
			restore(t, old, filepath.Join(dir, "blocks"))
		} else { // the old directory and files are, and the new files
			restore(t, blockFiles(t, dir), filepath.Join(dir+"-old", "blocks"))
			dir += "-old"
		}
		if c.rebuilt {
			if err := os.Remove(filepath.Join(dir, "directory.db")); err != nil {
				t.Fatal(err)
			}
		}
		same(t, c.name+", reading", told(t, open(t, dir, local.Read)), want)
		s, err := local.Open(dir, local.Write)
		if err != nil {
			t.Fatal(err)
		}
		same(t, c.name, told(t, s), want)
		if err := s.Close(); err != nil { // nobody reads any more
			t.Fatal(err)
		}
		s = open(t, dir, local.Write)
		left := len(blockFiles(t, dir))
		if whole := c.listed || c.rebuilt; whole && left != now || !whole && left != len(blocks) {
			t.Errorf("%s: %d files, %d before it was rewritten and %d after", c.name, left, len(blocks), now)
		}
		for f, err := range s.Check(t.Context()) {
			t.Error(c.name, f, err)
		}
	}
}

// copies copies an archive that nobody has open and returns the names of its blocks' copies.
func copies(t *testing.T, dir, to string) []string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return blockFiles(t, to)
}

// restore puts files where others may be that have their names.
func restore(t *testing.T, names []string, dir string) {
	t.Helper()
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Who reads sees the archive as it was when it began.
func TestRewriteBesideAReader(t *testing.T) {
	blocks := traffic(40, 300)
	dir := partly(t, blocks)
	w := open(t, dir, local.Write)
	r := open(t, dir, local.Read)
	n := 0
	for b, err := range r.Blocks(t.Context(), record.Narrow{Oldest: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			compact(t, w)
		}
		if b.Pos != blocks[n].Pos || b.End != blocks[n].End {
			t.Fatalf("block %d is now %x to %x", n, b.Pos, b.End)
		}
		n++
	}
	if n != len(blocks) {
		t.Errorf("%d blocks of %d", n, len(blocks))
	}
	walked := 0
	for sealed, err := range r.Walk(t.Context()) {
		if err != nil || sealed.Err != nil || !sealed.Listed {
			t.Fatal(sealed.Name, sealed.Listed, sealed.Err, err)
		}
		walked++
	}
	if walked >= len(blocks) {
		t.Errorf("%d blocks of %d are left", walked, len(blocks))
	}
	compact(t, w) // whoever rewrites next removes what nobody reads any more
	if left := len(blockFiles(t, dir)); left != walked {
		t.Errorf("%d files of %d blocks", left, walked)
	}
}

// A block that can't be read is left as it is, with its neighbours' records where they were.
func TestCompactBesideDamage(t *testing.T) {
	blocks := traffic(40, 300)
	dir := partly(t, blocks)
	if err := os.Truncate(fileOf(dir, blocks[20]), 100); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, local.Write)
	compact(t, s)
	n, errs := readable(t, s)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), filepath.Base(fileOf(dir, blocks[20]))) || n < 2 || n > 10 {
		t.Errorf("%d blocks, %v", n, errs)
	}
}

// Of a rewritten block only what is asked for is unpacked.
func TestPartsOfRewrittenBlocks(t *testing.T) {
	dir := partly(t, traffic(80, 400))
	s := open(t, dir, local.Write)
	compact(t, s)
	total, most := 0, 0
	for b, err := range s.Blocks(t.Context(), record.Narrow{}) {
		if err != nil {
			t.Fatal(err)
		}
		total += b.Count
	}
	asked := lines(t, s)
	for _, line := range asked[:20] {
		var seqs []uint64
		read := 0
		for b, err := range s.Blocks(t.Context(), record.Narrow{Sessions: []record.ID{line.ID}, Oldest: true}) {
			if err != nil {
				t.Fatal(err)
			}
			read += b.Count
			for r, err := range b.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if r.Session == line.ID {
					seqs = append(seqs, r.Seq)
				}
			}
		}
		if most = max(most, read); uint64(len(seqs)) != line.Last+1 || !slices.IsSorted(seqs) {
			t.Errorf("%d records of session %v, it has %d", len(seqs), line.ID, line.Last+1)
		}
	}
	if most > total/4 {
		t.Errorf("for one session %d of %d records were unpacked", most, total)
	}
}
