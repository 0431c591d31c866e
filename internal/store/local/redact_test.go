package local_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// secretive is an archive of one session over three blocks, which said a password in the second.
func secretive(t *testing.T, dir string) (id record.ID, seq uint64) {
	t.Helper()
	w := open(t, dir, local.Write)
	defer w.Close()
	m := storetest.NewMaker()
	s, other := m.Open("alice", "app", "orders", "shop"), m.Open("bob", "app", "orders", "shop")
	put := func() {
		for range 3 { // so that the directory's pages are moved about
			m.Open("carol", "app", "orders", "shop").Close()
		}
		other.Query("select 'beside it'", nil, nil)
		b, raw := m.Seal()
		if err := w.Put(t.Context(), b, raw); err != nil {
			t.Fatal(err)
		}
	}
	s.Query("select 1", nil, nil)
	put()
	seq = s.Query("select 'tiramisu42' -- oops, pasted", []string{"select"}, nil)
	s.Fail(seq, "42601", "syntax error at or near tiramisu42")
	put()
	s.Query("select 'afterwards'", nil, nil)
	s.Close()
	put()
	return s.ID, seq
}

// records are a session's records as the archive has them.
func records(t *testing.T, s *local.Store, id record.ID) []record.Record {
	t.Helper()
	var all []record.Record
	for r, err := range s.Tail(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Clone())
	}
	return all
}

// traces finds the files of an archive that hold any of these bytes, as they are or in a block's records.
func traces(t *testing.T, dir string, what ...[]byte) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if b, bad := record.ParseBlock(raw); bad == nil {
			said, err := b.Unpack(nil)
			if err != nil {
				return err
			}
			raw = append(raw, said...)
		}
		for _, w := range what {
			if bytes.Contains(raw, w) {
				found = append(found, filepath.Base(path))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRedactErasesForGood(t *testing.T) {
	dir := t.TempDir()
	id, seq := secretive(t, dir)
	w := open(t, dir, local.Write)
	before := records(t, w, id)
	line, _, _ := w.Session(t.Context(), id)
	salt, _ := line.Secret.Salts().Salt(seq)
	if len(traces(t, dir, []byte("tiramisu42"), []byte(line.Secret))) < 4 {
		t.Fatal("what is to be erased is not there: this test finds nothing")
	}
	left, err := w.Redact(t.Context(), id, []uint64{seq, seq + 1})
	if err != nil {
		t.Fatal(err)
	}
	if where := traces(t, dir, []byte("tiramisu42"), []byte(line.Secret), salt[:]); len(where) > 0 {
		t.Errorf("it, its salt or the secret is still in %v", where)
	}
	if _, ok := left.Salts().Salt(seq); ok {
		t.Error("its salt can be derived from what is left")
	}
	after := records(t, w, id)
	for i := range after {
		erased := after[i].Seq == seq || after[i].Seq == seq+1
		if !erased && !bytes.Equal(after[i].AppendPayload(nil), before[i].AppendPayload(nil)) {
			t.Errorf("record %d changed", i)
		}
		if commitment := record.Commit(saltOf(line.Secret, after[i].Seq), before[i].AppendPayload(nil)); erased &&
			!bytes.Equal(after[i].Erased, commitment[:]) {
			t.Errorf("in the place of record %d stands %x", i, after[i].Erased)
		}
		if !bytes.Equal(after[i].AppendEnvelope(nil), before[i].AppendEnvelope(nil)) {
			t.Errorf("the envelope of record %d changed", i)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	soundAfter(t, dir, id, line)
}

func saltOf(s record.Secret, seq uint64) [16]byte {
	salt, _ := s.Salts().Salt(seq)
	return salt
}

// soundAfter holds the directory to the blocks again, and the words to what is still said.
func soundAfter(t *testing.T, dir string, id record.ID, before record.Session) {
	t.Helper()
	s := open(t, dir, local.Read)
	defer s.Close()
	for f, err := range s.Check(t.Context()) {
		t.Errorf("%v %v", f, err)
	}
	line, ok, err := s.Session(t.Context(), id)
	if before.Secret = line.Secret; err != nil || !ok || line != before {
		t.Errorf("its line is %+v, was %+v", line, before)
	}
	for word, want := range map[string]int{"tiramisu42": 0, "afterwards": 1} {
		n := 0
		for _, err := range s.Blocks(t.Context(), record.Narrow{Words: [][]byte{[]byte(word)}}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != want {
			t.Errorf("%d blocks may say %s, want %d", n, word, want)
		}
	}
}

// A person's name is erased with the Open that said it, in the directory as well.
func TestRedactOfAnOpenErasesItsLine(t *testing.T) {
	dir := t.TempDir()
	id, _ := secretive(t, dir)
	w := open(t, dir, local.Write)
	defer w.Close()
	if _, err := w.Redact(t.Context(), id, []uint64{0}); err != nil {
		t.Fatal(err)
	}
	line, _, err := w.Session(t.Context(), id)
	if err != nil || line.User != "" || line.Target != "" || line.Closed == 0 || line.Opened == 0 {
		t.Errorf("its line is %+v, %v", line, err)
	}
	if where := traces(t, dir, []byte("alice")); len(where) > 0 {
		t.Errorf("the name is still in %v", where)
	}
}

// fuse is a context that ends when it was asked so many times whether it has.
type fuse struct {
	context.Context
	left int
}

// Done says that it never ends: database/sql would ask from goroutines of its own otherwise.
func (f *fuse) Done() <-chan struct{} { return nil }

func (f *fuse) Err() error {
	if f.left--; f.left < 0 {
		return context.Canceled
	}
	return nil
}

// What a crash cuts short, between any two blocks, is ended by the next start.
func TestRedactIsFinishedAfterACrash(t *testing.T) {
	for cut := range 3 {
		dir := t.TempDir()
		id, seq := secretive(t, dir)
		w := open(t, dir, local.Write)
		line, _, _ := w.Session(t.Context(), id)
		if _, err := w.Redact(&fuse{t.Context(), cut}, id, []uint64{seq}); !errors.Is(err, context.Canceled) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, dir, local.Write)
		if notes := strings.Join(again.Notes, "\n"); !strings.Contains(notes, "are erased") {
			t.Errorf("cut at %d: %s", cut, notes)
		}
		if f := again.Finished; f == nil || f.Session != id || !slices.Equal(f.Seqs, []uint64{seq}) {
			t.Errorf("cut at %d: it says that this was finished: %+v", cut, f)
		}
		if err := errors.Join(again.Told(), again.Close()); err != nil {
			t.Fatal(err)
		}
		if where := traces(t, dir, []byte("oops"), []byte(line.Secret)); len(where) > 0 {
			t.Errorf("cut at %d: it is still in %v", cut, where)
		}
		if _, err := os.Stat(filepath.Join(dir, "redact")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("cut at %d: what was to be done is still there", cut)
		}
	}
}

func TestRedactRefuses(t *testing.T) {
	dir := t.TempDir()
	id, _ := secretive(t, dir)
	w := open(t, dir, local.Write)
	for name, c := range map[string]struct {
		id  record.ID
		seq uint64
	}{"another session": {record.ID{1}, 0}, "a record that isn't there": {id, 77}} {
		if _, err := w.Redact(t.Context(), c.id, []uint64{c.seq}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	w.Close()
	r := open(t, dir, local.Read)
	defer r.Close()
	if _, err := r.Redact(t.Context(), id, []uint64{0}); err == nil {
		t.Error("a reader erased something")
	}
}

// Once more is no error and changes nothing.
func TestRedactTwice(t *testing.T) {
	dir := t.TempDir()
	id, seq := secretive(t, dir)
	w := open(t, dir, local.Write)
	defer w.Close()
	once, err := w.Redact(t.Context(), id, []uint64{seq})
	if err != nil {
		t.Fatal(err)
	}
	before := records(t, w, id)
	twice, err := w.Redact(t.Context(), id, []uint64{seq})
	same := func(a, b record.Record) bool {
		return bytes.Equal(record.AppendRecord(nil, &a), record.AppendRecord(nil, &b))
	}
	if err != nil || once != twice || !slices.EqualFunc(before, records(t, w, id), same) {
		t.Errorf("the second time: %v", err)
	}
}

// Retention keeps what tells of erasing as long as the session is kept that something was erased in.
func TestRetentionKeepsWhatTellsOfErasing(t *testing.T) {
	m := storetest.NewMaker()
	teller, other := m.Open("root", "", "", ""), m.Open("bob", "app", "orders", "shop")
	alice := m.Open("alice", "app", "orders", "shop")
	teller.Add(record.Record{Kind: record.KindRedact, Parent: alice.ID, Of: 1, Message: []byte("a reason")})
	teller.Close()
	other.Close()
	var blocks []storetest.Sealed
	seal := func() {
		b, raw := m.Seal()
		blocks = append(blocks, storetest.Sealed{Block: b, Raw: raw})
	}
	seal()
	alice.Close()
	seal()
	m.Open("carol", "app", "orders", "shop").Close()
	seal()
	dir := filepath.Join(t.TempDir(), "archive")
	w := open(t, dir, local.Write)
	for _, b := range blocks {
		if err := w.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	key, _ := newKey(t)
	kept := func(before int64) (names string) {
		if _, err := w.Prune(t.Context(), retention(before, key)); err != nil {
			t.Fatal(err)
		}
		for s, err := range w.Sessions(t.Context(), record.Narrow{Oldest: true}) {
			if err != nil {
				t.Fatal(err)
			}
			names += s.User + " "
		}
		return names
	}
	if got := kept(blocks[1].First); got != "root alice carol " {
		t.Errorf("while alice's session is kept: %s", got)
	}
	if got := kept(blocks[2].First); got != "root carol " {
		t.Errorf("as it goes: %s", got)
	}
	if got := kept(blocks[2].First); got != "carol " {
		t.Errorf("when it has gone: %s", got)
	}
}
