package checkpoint

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatefold/gatefold/internal/record"
)

// leafNo is a leaf of one to four sessions, the same each time.
func leafNo(n int) Leaf {
	l := Leaf{Pos: uint64(n) * 100, End: uint64(n)*100 + 100, Last: int64(n) * 1e9}
	for i := range n%4 + 1 {
		h := Head{Session: record.ID{byte(i), 6: 0x70}, Last: uint64(n * 10)}
		binary.BigEndian.PutUint64(h.Chain[:], uint64(n))
		l.Heads = append(l.Heads, h)
	}
	return l
}

// filled is a log of n leaves, closed.
func filled(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "log")
	l := openLog(t, dir)
	add(t, l, 0, n)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openLog(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func add(t *testing.T, l *Log, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := l.Add(leafNo(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// leaves reads a log; an error is the last.
func leaves(dir string) (all []Leaf, err error) {
	for p, err := range Read(dir).Leaves() {
		if err != nil {
			return all, err
		}
		all = append(all, p.Leaf)
	}
	return all, nil
}

// The tree is that of tlog at every size: so are its stored hashes, in their places.
func TestTheTreeIsTlogs(t *testing.T) {
	var tree Tree
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		list := make([]tlog.Hash, len(at))
		for i := range at {
			list[i] = stored[at[i]]
		}
		return list, nil
	})
	for n := range 130 {
		want, err := tlog.TreeHash(int64(n), reader)
		if err != nil || tree.Root() != want {
			t.Fatalf("%d leaves: root %v, want %v, %v", n, tree.Root(), want, err)
		}
		again, err := treeOf(int64(n), reader)
		if err != nil || again.Root() != want || again.Size() != int64(n) {
			t.Errorf("%d leaves: taken up again as %v, %v", n, again.Root(), err)
		}
		l := leafNo(n)
		raw := l.AppendTo(nil)
		final, err := tlog.StoredHashes(int64(n), raw, reader)
		if got := tree.Add(nil, tlog.RecordHash(raw)); err != nil || !reflect.DeepEqual(got, final) {
			t.Fatalf("leaf %d makes %v final, want %v, %v", n, got, final, err)
		}
		stored = append(stored, final...)
	}
}

func TestALogComesBackAsItWas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	var last tlog.Hash
	for n := range 12 {
		l := openLog(t, dir)
		size, end := l.Size()
		if size != int64(n) || end != uint64(n*100) || len(l.Notes) > 0 {
			t.Fatalf("opened with %d leaves up to %d: %v", size, end, l.Notes)
		}
		if _, root, err := l.Sync(); err != nil || n > 0 && root != last {
			t.Errorf("%d leaves: root %v, was %v, %v", n, root, last, err)
		}
		add(t, l, n, n+1)
		if err := l.Add(leafNo(n)); err != nil { // once more: it is there
			t.Error(err)
		}
		_, last, _ = l.Sync()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all, err := leaves(dir)
	if err != nil || len(all) != 12 {
		t.Fatalf("%d leaves, %v", len(all), err)
	}
	for n := range all {
		if !reflect.DeepEqual(all[n], leafNo(n)) {
			t.Errorf("leaf %d is %+v", n, all[n])
		}
	}
}

// A kill at any byte of a leaf, and one before its hashes, leaves a log that goes on as if it had not been.
func TestALogGoesOnAfterACrash(t *testing.T) {
	const n = 5
	want := filled(t, n+1)
	whole, _ := os.ReadFile(leavesPath(leavesDir(want), 0))
	stored, _ := os.ReadFile(hashesPath(want))
	short, _ := os.ReadFile(leavesPath(leavesDir(filled(t, n)), 0))
	for cut := len(short); cut <= len(whole); cut++ {
		for _, hashes := range []int64{tlog.StoredHashCount(n), tlog.StoredHashCount(n) + 1, tlog.StoredHashCount(n + 1)} {
			if cut < len(whole) && hashes > tlog.StoredHashCount(n) {
				continue // the hashes come behind the leaf
			}
			dir := filepath.Join(t.TempDir(), "log")
			if err := os.MkdirAll(leavesDir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, leavesPath(leavesDir(dir), 0), whole[:cut])
			write(t, hashesPath(dir), stored[:hashes*tlog.HashSize])
			if all, err := leaves(dir); err != nil || len(all) < n {
				t.Errorf("cut at %d: a reader beside it sees %d leaves, %v", cut, len(all), err)
			}
			l := openLog(t, dir)
			add(t, l, n, n+1)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(leavesPath(leavesDir(dir), 0)); string(got) != string(whole) {
				t.Errorf("cut at %d with %d hashes: the leaves are others", cut, hashes)
			}
			if got, _ := os.ReadFile(hashesPath(dir)); string(got) != string(stored) {
				t.Errorf("cut at %d with %d hashes: the hashes are others", cut, hashes)
			}
		}
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Hashes that are lost or changed are computed again from the leaves, and that is said.
func TestHashesAreMended(t *testing.T) {
	for name, harm := range map[string]func(b []byte) []byte{
		"lost":      func([]byte) []byte { return nil },
		"cut short": func(b []byte) []byte { return b[:len(b)-40] },
		"changed":   func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
	} {
		dir := filled(t, 7) // its last hash is a leaf's
		good, _ := os.ReadFile(hashesPath(dir))
		write(t, hashesPath(dir), harm(append([]byte(nil), good...)))
		l := openLog(t, dir)
		if got, _ := os.ReadFile(hashesPath(dir)); string(got) != string(good) || !strings.Contains(strings.Join(l.Notes, ""), "computed again") {
			t.Errorf("%s: not mended: %v", name, l.Notes)
		}
		l.Close()
	}
}

// Damage in the middle is no crash: nothing of the file is lost, and the log goes on in front of it.
func TestADamagedLeafIsPutAside(t *testing.T) {
	dir := filled(t, 9)
	path := leavesPath(leavesDir(dir), 0)
	raw, _ := os.ReadFile(path)
	raw[len(raw)/2] ^= 1
	write(t, path, raw)
	l := openLog(t, dir)
	defer l.Close()
	size, end := l.Size()
	aside, err := os.ReadFile(path + ".damaged")
	if err != nil || string(aside) != string(raw) || size == 9 || end != uint64(size)*100 {
		t.Errorf("%d leaves up to %d, %v", size, end, err)
	}
	if !strings.Contains(strings.Join(l.Notes, ""), "damaged at byte") {
		t.Errorf("not said: %v", l.Notes)
	}
	add(t, l, int(size), 9)
	if all, err := leaves(dir); err != nil || len(all) != 9 {
		t.Errorf("%d leaves, %v", len(all), err)
	}
}

func TestLeavesGoOnInAnotherFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := openLog(t, dir)
	add(t, l, 0, 3)
	l.length = segmentLength // as if it were full
	add(t, l, 3, 5)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if first, err := segments(leavesDir(dir)); err != nil || !reflect.DeepEqual(first, []int64{0, 3}) {
		t.Fatalf("files begin with %v, %v", first, err)
	}
	l = openLog(t, dir)
	defer l.Close()
	add(t, l, 5, 6)
	if all, err := leaves(dir); err != nil || len(all) != 6 {
		t.Errorf("%d leaves, %v", len(all), err)
	}
	if err := os.Remove(leavesPath(leavesDir(dir), 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := leaves(dir); err == nil || !strings.Contains(err.Error(), "the leaves from 0 to 2 are missing") {
		t.Errorf("without the first file: %v", err)
	}
}

func TestALogOfANewerVersionIsNamed(t *testing.T) {
	dir := filled(t, 1)
	path := leavesPath(leavesDir(dir), 0)
	raw, _ := os.ReadFile(path)
	raw[len(leavesMagic)-1]++
	write(t, path, raw)
	var version *record.VersionError
	if _, err := Open(dir); !errors.As(err, &version) {
		t.Errorf("%v", err)
	}
}

func FuzzParseLeaf(f *testing.F) {
	for n := range 5 {
		l := leafNo(n)
		f.Add(l.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLeaf(b)
		if err != nil {
			return
		}
		if again := l.AppendTo(nil); string(again) != string(b) {
			t.Errorf("% x is written % x", b, again)
		}
	})
}

// Whatever stands in a file of leaves, reading it ends, and every leaf that it gives is one.
func FuzzLeaves(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "log")
	l, err := Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	for n := range 4 {
		l.Add(leafNo(n))
	}
	l.Close()
	raw, _ := os.ReadFile(leavesPath(leavesDir(dir), 0))
	f.Add(raw)
	f.Add(raw[:len(raw)-3])
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		os.MkdirAll(leavesDir(dir), 0o700)
		write(t, leavesPath(leavesDir(dir), 0), b)
		all, _ := leaves(dir)
		if len(all) > len(b)/minHead {
			t.Errorf("%d leaves in %d bytes", len(all), len(b))
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	l, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if err := l.Add(leafNo(n)); err != nil {
			b.Fatal(err)
		}
	}
}
