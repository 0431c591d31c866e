package local_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// shop makes the example archive and leaves it closed.
func shop(t *testing.T) (dir string, blocks []storetest.Sealed) {
	t.Helper()
	dir, blocks = filepath.Join(t.TempDir(), "archive"), storetest.Shop()
	s, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, blocks
}

func fileOf(dir string, b storetest.Sealed) string {
	return filepath.Join(dir, "blocks", fmt.Sprintf("%016x.gfb", b.Pos))
}

// lines are all sessions, as the directory says.
func lines(t *testing.T, s *local.Store) []record.Session {
	t.Helper()
	var all []record.Session
	for line, err := range s.Sessions(t.Context(), record.Narrow{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	return all
}

// readable counts the blocks that can be read, and returns the errors of those that can't.
func readable(t *testing.T, s *local.Store) (n int, errs []error) {
	t.Helper()
	for _, err := range s.Blocks(t.Context(), record.Narrow{}) {
		if err != nil {
			errs = append(errs, err)
		} else {
			n++
		}
	}
	return n, errs
}

func TestNoArchive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nothing")
	if _, err := local.Open(dir, local.Read); !errors.Is(err, local.ErrNoArchive) || !strings.Contains(err.Error(), dir) {
		t.Errorf("reading what isn't there: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("reading made a folder")
	}
}

func TestOneWriter(t *testing.T) {
	dir, _ := shop(t)
	open(t, dir, local.Write)
	if _, err := local.Open(dir, local.Write); !errors.Is(err, local.ErrOwned) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second writer: %v", err)
	}
	for range 3 {
		open(t, dir, local.Read)
	}
}

func TestPermissions(t *testing.T) {
	dir, _ := shop(t)
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if err == nil && info.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s is %v, want %v", name, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A directory that is lost, cut short, overwritten or out of date: the next writer builds it again, a reader makes do, and
// both say so.
func TestLostDirectory(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, name string) error
		note string
	}{
		{"missing", func(t *testing.T, name string) error { return os.Remove(name) }, "was missing and was built again"},
		{"empty", func(t *testing.T, name string) error { return os.Truncate(name, 0) }, "it was damaged"},
		{"cut short", func(t *testing.T, name string) error { return os.Truncate(name, 5000) }, "it was damaged"},
		{"no database", func(t *testing.T, name string) error { return os.WriteFile(name, []byte("hello"), 0o600) }, "it was damaged"},
		{"a page overwritten", func(t *testing.T, name string) error {
			b, err := os.ReadFile(name)
			if err == nil {
				copy(b[8192:], strings.Repeat("garbage!", 512))
				err = os.WriteFile(name, b, 0o600)
			}
			return err
		}, "it was damaged"},
	} {
		dir, blocks := shop(t)
		whole := lines(t, open(t, dir, local.Read))
		if err := c.harm(t, filepath.Join(dir, "directory.db")); err != nil {
			t.Fatal(err)
		}
		r := open(t, dir, local.Read)
		if got := lines(t, r); fmt.Sprint(got) != fmt.Sprint(whole) || !strings.Contains(fmt.Sprint(r.Notes), "the directory is lost") {
			t.Errorf("%s, reading: %d sessions, notes %q", c.name, len(got), r.Notes)
		}
		if err := r.Put(t.Context(), blocks[0].Block, blocks[0].Raw); err == nil {
			t.Errorf("%s: a reader took a block", c.name)
		}
		w := open(t, dir, local.Write)
		if got := lines(t, w); fmt.Sprint(got) != fmt.Sprint(whole) || !strings.Contains(fmt.Sprint(w.Notes), c.note) {
			t.Errorf("%s, writing: %d sessions, notes %q", c.name, len(got), w.Notes)
		}
		if n, errs := readable(t, w); n != len(blocks) || len(errs) > 0 {
			t.Errorf("%s: %d blocks, %v", c.name, n, errs)
		}
	}
}

func TestNewerDirectory(t *testing.T) {
	dir, _ := shop(t)
	local.Exec(t, dir, `UPDATE meta SET value = 99 WHERE key = 'version'`)
	for _, mode := range []local.Mode{local.Read, local.Write} {
		_, err := local.Open(dir, mode)
		var newer *local.NewerError
		if !errors.As(err, &newer) || newer.Have != 99 {
			t.Errorf("mode %d: %v", mode, err)
		}
	}
}

func TestOlderDirectory(t *testing.T) {
	dir, blocks := shop(t)
	local.Exec(t, dir, `UPDATE meta SET value = 0 WHERE key = 'version'`)
	s := open(t, dir, local.Write)
	if n, _ := readable(t, s); n != len(blocks) || !strings.Contains(fmt.Sprint(s.Notes), "out of date") {
		t.Errorf("%d blocks, notes %q", n, s.Notes)
	}
}

func TestRebuild(t *testing.T) {
	dir, blocks := shop(t)
	whole := fmt.Sprint(lines(t, open(t, dir, local.Read)))
	if _, err := local.Rebuild(dir); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, local.Read)
	if n, _ := readable(t, s); n != len(blocks) || fmt.Sprint(lines(t, s)) != whole {
		t.Errorf("%d blocks; sessions:\n%v\nwant\n%v", n, lines(t, s), whole)
	}
	open(t, dir, local.Write)
	if _, err := local.Rebuild(dir); !errors.Is(err, local.ErrOwned) {
		t.Errorf("a rebuild under a writer: %v", err)
	}
}

// A block that is damaged, cut short, or under another's name is an error that names its file; the others are read.
func TestDamagedBlock(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(name string, raw []byte) error
		want string
	}{
		{"flipped", func(name string, raw []byte) error {
			raw[len(raw)/2] ^= 1
			return os.WriteFile(name, raw, 0o600)
		}, "at byte"},
		{"cut short", func(name string, raw []byte) error { return os.Truncate(name, int64(len(raw)-1)) }, "cut short"},
		{"empty", func(name string, _ []byte) error { return os.Truncate(name, 0) }, "0 bytes"},
		{"gone", func(name string, _ []byte) error { return os.Remove(name) }, "no such file"},
		{"a folder", func(name string, _ []byte) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o700)) }, "no regular file"},
		{"enormous", func(name string, _ []byte) error { return os.Truncate(name, 1<<40) }, "more than a block may have"},
	} {
		dir, blocks := shop(t)
		name := fileOf(dir, blocks[2])
		if err := c.harm(name, append([]byte(nil), blocks[2].Raw...)); err != nil {
			t.Fatal(err)
		}
		n, errs := readable(t, open(t, dir, local.Read))
		if n != len(blocks)-1 || len(errs) != 1 || !strings.Contains(fmt.Sprint(errs), filepath.Base(name)) || !strings.Contains(fmt.Sprint(errs), c.want) {
			t.Errorf("%s: %d blocks, %v", c.name, n, errs)
		}
	}
}

func TestForeignFile(t *testing.T) {
	dir, blocks := shop(t)
	for _, name := range []string{"README", "zzzz.gfb", "0000000000001000.GFB", "00000000000010001.gfb"} {
		if err := os.WriteFile(filepath.Join(dir, "blocks", name), []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir, local.Write)
	if n, errs := readable(t, s); n != len(blocks) || len(errs) > 0 {
		t.Errorf("%d blocks, %v", n, errs)
	}
	var found []string
	for f, err := range s.Check(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, f.Place)
	}
	if len(found) != 4 || !strings.Contains(fmt.Sprint(found), "blocks/README") {
		t.Errorf("found %v", found)
	}
}

// What a kill leaves: a file half written is cleared away, one that is not listed is listed.
func TestAfterAKill(t *testing.T) {
	whole, blocks := shop(t)
	last := len(blocks) - 1
	dir := partly(t, blocks[:last])
	half := filepath.Join(dir, "blocks", "00000000ffffffff.gfb.tmp")
	for name, b := range map[string][]byte{half: []byte("half"), fileOf(dir, blocks[last]): blocks[last].Raw} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir, local.Write)
	if _, err := os.Stat(half); err == nil {
		t.Error("what was half written is still there")
	}
	if end, err := s.Last(t.Context()); end != blocks[last].End || err != nil {
		t.Errorf("Last = %x, %v; want %x", end, err, blocks[last].End)
	}
	if got, want := lines(t, s), lines(t, open(t, whole, local.Read)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sessions:\n%v\nwant\n%v", got, want)
	}
	if !strings.Contains(fmt.Sprint(s.Notes), "blocks that the directory did not list: 1") {
		t.Errorf("notes %q", s.Notes)
	}
}

// partly makes an archive of these blocks.
func partly(t *testing.T, blocks []storetest.Sealed) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "archive")
	s, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Where a block is put, something else may lie already: the same records packed otherwise stay, something damaged is put
// aside, other records are never overwritten.
func TestPutOnTopOfAFile(t *testing.T) {
	blocks := storetest.Shop()
	fresh := func(b []byte) (*local.Store, string) {
		dir := partly(t, blocks[:1])
		name := fileOf(dir, blocks[1])
		s := open(t, dir, local.Write)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return s, name
	}

	repacked := *blocks[1].Block
	repacked.Words = record.NewFilter(1000)
	s, name := fresh(repacked.AppendTo(nil))
	if err := s.Put(t.Context(), blocks[1].Block, blocks[1].Raw); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != string(repacked.AppendTo(nil)) {
		t.Errorf("the same records, packed otherwise, were written over: %v", err)
	}

	s, name = fresh(blocks[1].Raw[:100])
	if err := s.Put(t.Context(), blocks[1].Block, blocks[1].Raw); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != string(blocks[1].Raw) {
		t.Errorf("something damaged was not replaced: %v", err)
	}
	if b, err := os.ReadFile(name + ".damaged"); err != nil || len(b) != 100 {
		t.Errorf("something damaged was not kept: %v", err)
	}

	m := storetest.NewMaker()
	m.Open("mallory", "app", "orders", "shop")
	other, _ := m.Seal()
	other.Pos = blocks[1].Pos
	s, name = fresh(other.AppendTo(nil))
	if err := s.Put(t.Context(), blocks[1].Block, blocks[1].Raw); err == nil || !strings.Contains(err.Error(), "holds other records") {
		t.Errorf("other records in its place: %v", err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != string(other.AppendTo(nil)) {
		t.Errorf("other records were written over: %v", err)
	}

	if err := s.Put(t.Context(), &record.Block{Pos: 1}, nil); err == nil {
		t.Error("a block before those that are there was taken")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(name), "0000000000000001.gfb")); err == nil {
		t.Error("a block that was not taken left a file")
	}
}

// A folder that can't be written to, as a copy for a court, is read all the same.
func TestReadOnlyFolder(t *testing.T) {
	dir, blocks := shop(t)
	for _, d := range []string{dir, filepath.Join(dir, "blocks")} {
		if err := os.Chmod(d, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(d, 0o700) })
	}
	s := open(t, dir, local.Read)
	if n, errs := readable(t, s); n != len(blocks) || len(errs) > 0 || len(s.Notes) > 0 {
		t.Errorf("%d blocks, %v, notes %q", n, errs, s.Notes)
	}
}
