package replay_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// proven is an archive with its log, signed once for each of the sizes, and the last checkpoint kept elsewhere.
type proven struct {
	dir       string
	key       *checkpoint.Key
	elsewhere string // a file of all checkpoints
}

func prove(t *testing.T, blocks []storetest.Sealed, key *checkpoint.Key, signAt ...int) proven {
	t.Helper()
	p := proven{dir: put(t, blocks), key: key, elsewhere: filepath.Join(t.TempDir(), "elsewhere")}
	if key == nil {
		var err error
		if p.key, err = checkpoint.MakeKey(t.TempDir(), "gw1"); err != nil {
			t.Fatal(err)
		}
	}
	l, err := checkpoint.Open(checkpoint.Folder(p.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pub, err := checkpoint.NewPublisher(l, p.key, 1, []checkpoint.Place{{File: p.elsewhere}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range blocks {
		if err := l.Add(checkpoint.LeafOf(b.Block)); err != nil {
			t.Fatal(err)
		}
		for _, n := range signAt {
			if n == i+1 {
				if err := pub.Publish(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return p
}

// verify verifies the archive; outside: with the checkpoints and the key kept elsewhere.
func (p proven) verify(t *testing.T, outside bool) *replay.Report {
	t.Helper()
	var e replay.Evidence
	var err error
	if outside {
		key, err := p.key.Verifier()
		if err != nil {
			t.Fatal(err)
		}
		e, err = replay.OpenEvidence(p.dir, key, []string{p.elsewhere})
		if err != nil {
			t.Fatal(err)
		}
	} else if e, err = replay.OpenEvidence(p.dir, nil, nil); err != nil {
		t.Fatal(err)
	}
	r, err := e.Verify(t.Context(), read(t, p.dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (p proven) log(name ...string) string {
	return filepath.Join(append([]string{checkpoint.Folder(p.dir)}, name...)...)
}

func TestVerifyAgainstTheLog(t *testing.T) {
	shop := storetest.Shop()
	p := prove(t, shop, nil, 2, 4)
	for _, outside := range []bool{false, true} {
		r := p.verify(t, outside)
		if !r.Intact() || !r.Complete() || r.Leaves != 5 || r.Signed != 4 || r.SignedAt != shop[3].Last || r.Elsewhere != outside ||
			r.Uncovered != shop[4].Count {
			t.Errorf("outside %v: %+v\n%s", outside, *r, faults(r))
		}
	}
}

// Records beyond the log are those of a block that a gateway is just putting: not yet covered, and no fault.
func TestVerifyBeyondTheLog(t *testing.T) {
	shop := storetest.Shop()
	p := prove(t, shop[:3], nil, 3)
	w, err := local.Open(p.dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Put(t.Context(), shop[3].Block, shop[3].Raw); err != nil {
		t.Fatal(err)
	}
	if r := p.verify(t, true); !r.Intact() || !r.Complete() || r.Uncovered != shop[3].Count {
		t.Errorf("%+v\n%s", *r, faults(r))
	}
}

// Each byte of all that proves the record, flipped in turn, is found, and the file is named.
func TestVerifyFindsEachFlippedByteOfTheLog(t *testing.T) {
	p := prove(t, storetest.Shop(), nil, 2, 5)
	src := read(t, p.dir)
	for _, name := range []string{"leaves/0000000000000000.gfl", "hashes", "checkpoints", "checkpoint", "key"} {
		path := p.log(name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			write(t, path, bad)
			e, err := replay.OpenEvidence(p.dir, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Verify(t.Context(), src, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Intact() && r.Complete() || !strings.Contains(faults(r), "log/") {
				t.Fatalf("%s with byte %d flipped: %s", name, i, faults(r))
			}
		}
		write(t, path, good)
	}
	if r := p.verify(t, true); !r.Intact() || !r.Complete() {
		t.Errorf("mended: %s", faults(r))
	}
}

// What is taken away with all that tells of it beside the record shows against a checkpoint kept elsewhere, and only so.
func TestVerifyFindsATailThatWasTakenAway(t *testing.T) {
	shop := storetest.Shop()
	p := prove(t, shop, nil, 2, 5)
	for n := range 5 { // the archive as it was with n blocks, its log, and the checkpoints of then
		older := prove(t, shop[:n], p.key, 2)
		older.elsewhere = p.elsewhere
		if r := older.verify(t, false); !r.Intact() || !r.Complete() {
			t.Errorf("%d blocks: by themselves they are whole: %s", n, faults(r))
		}
		r := older.verify(t, true)
		want := fmt.Sprintf("this checkpoint was signed when the log had 5 leaves, and it has %d: its end was taken away", n)
		if r.Complete() || !strings.Contains(faults(r), want) || !strings.Contains(faults(r), p.elsewhere) {
			t.Errorf("%d blocks of 5: want %q in\n%s", n, want, faults(r))
		}
	}
	if err := os.RemoveAll(p.log()); err != nil {
		t.Fatal(err)
	}
	if r := p.verify(t, true); r.Complete() || !strings.Contains(faults(r), "the log is not there") {
		t.Errorf("without the log: %s", faults(r))
	}
}

// Blocks and directory that were cut behind the log's back.
func TestVerifyFindsBlocksThatTheLogTellsOf(t *testing.T) {
	shop := storetest.Shop()
	for i, b := range shop {
		p := prove(t, shop, nil, 5)
		if err := os.Remove(fileOf(p.dir, b)); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"DELETE FROM blocks WHERE pos", "DELETE FROM spans WHERE block"} {
			alter(t, p.dir, fmt.Sprintf("%s = %d", statement, b.Pos))
		}
		r := p.verify(t, true)
		want := fmt.Sprintf("leaf %d of the log (log/leaves/0000000000000000.gfl byte ", i)
		if r.Complete() || !strings.Contains(faults(r), want) {
			t.Errorf("block %d: want %q in\n%s", i, want, faults(r))
		}
	}
}

// A session that is cut out of all blocks, chains and sums being right, is missed by the log; so is one that is put in.
func TestVerifyFindsASessionThatWasCutOut(t *testing.T) {
	shop := storetest.Shop()
	alice := shop[0].Spans[0].Session
	without := forge(t, shop, func(r *record.Record) bool { return r.Session != alice })
	p := prove(t, shop, nil, 5)
	beside := proven{dir: put(t, without), key: p.key, elsewhere: p.elsewhere}
	copyLog(t, p, beside)
	r := beside.verify(t, false)
	if want := fmt.Sprintf("session %v #5: leaf 0 of the log", alice); r.Complete() || !strings.Contains(faults(r), want) {
		t.Errorf("want %q in\n%s", want, faults(r))
	}
	p = prove(t, without, nil, 5)
	more := proven{dir: put(t, shop), key: p.key, elsewhere: p.elsewhere}
	copyLog(t, p, more)
	if r := more.verify(t, false); r.Intact() || !strings.Contains(faults(r), "the log does not know of this record") {
		t.Errorf("a session was put in: %s", faults(r))
	}
}

// All made anew by one who has the gateway's key: blocks, chains, directory, leaves, hashes, checkpoints. Beside the record
// all is right. A checkpoint kept elsewhere from before shows it, and those before the change say from where on.
func TestVerifyFindsAForgedArchive(t *testing.T) {
	shop := storetest.Shop()
	p := prove(t, shop, nil, 1, 2, 3, 4, 5)
	forged := forge(t, shop, func(r *record.Record) bool {
		if r.Kind == record.KindExecute && r.User == "" {
			r.Took = 1 // in the third block
		}
		return true
	})
	f := prove(t, forged, p.key, 1, 2, 3, 4, 5)
	if r := f.verify(t, false); !r.Intact() || !r.Complete() {
		t.Fatalf("the forgery is not a good one: %s", faults(r))
	}
	f.elsewhere = p.elsewhere
	r := f.verify(t, true)
	want := "the log is not the one that this checkpoint of 3 leaves was signed for: leaves from 2 to 2 were changed or added"
	if r.Intact() || !strings.Contains(faults(r), want) || strings.Contains(faults(r), "checkpoint of 2 leaves") {
		t.Errorf("want %q in\n%s", want, faults(r))
	}
}

// The same by one who hasn't the key, and so can't touch the log: it names the record.
func TestVerifyFindsARecordThatTheLogSaysOtherwise(t *testing.T) {
	shop := storetest.Shop()
	bob := sessionOf(t, read(t, put(t, shop)), "bob").ID
	p := prove(t, shop, nil, 5)
	forged := forge(t, shop, func(r *record.Record) bool {
		if r.Kind == record.KindExecute {
			r.Took++
		}
		return true
	})
	f := proven{dir: put(t, forged), key: p.key, elsewhere: p.elsewhere}
	copyLog(t, p, f)
	want := fmt.Sprintf("session %v #4: its chain is not the one that leaf 2 of the log", bob)
	if r := f.verify(t, false); r.Intact() || !strings.Contains(faults(r), want) {
		t.Errorf("want %q in\n%s", want, faults(r))
	}
}

// Hashes that were cut off together with every checkpoint of them.
func TestVerifyFindsHashesThatWereCutOff(t *testing.T) {
	p := prove(t, storetest.Shop(), nil, 2)
	path := p.log("hashes")
	if err := os.Truncate(path, 3*32); err != nil { // those of two leaves
		t.Fatal(err)
	}
	if r := p.verify(t, false); r.Complete() || !strings.Contains(faults(r), "the hashes end before leaf") {
		t.Errorf("%s", faults(r))
	}
}

// forge makes the blocks again with other records, all sums and chains being right.
func forge(t *testing.T, blocks []storetest.Sealed, edit func(*record.Record) bool) []storetest.Sealed {
	t.Helper()
	salts := map[record.ID]*record.Salter{}
	heads := map[record.ID]record.Span{}
	var forged []storetest.Sealed
	for _, b := range blocks {
		f := *b.Block
		f.Count, f.Kinds, f.Spans = 0, 0, nil
		var raw []byte
		var words record.WordSet
		index := map[record.ID]int{}
		for r, err := range b.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if !edit(&r) {
				continue
			}
			i, ok := index[r.Session]
			if !ok {
				secret := b.Spans[indexOf(b.Block, r.Session)].Secret
				before, known := heads[r.Session]
				if !known {
					before.After = record.Start(r.Session)
					salts[r.Session] = secret.Salts()
				}
				i = len(f.Spans)
				index[r.Session] = i
				f.Spans = append(f.Spans, record.Span{Session: r.Session, First: r.Seq, Before: before.After, After: before.After, Secret: secret})
			}
			s := &f.Spans[i]
			s.Last, s.After = r.Seq, record.Next(s.After, salts[r.Session], r.Seq, r.AppendEnvelope(nil), r.AppendPayload(nil))
			heads[r.Session] = *s
			f.Count++
			f.Kinds |= 1 << r.Kind
			if f.Count == 1 {
				f.First, f.Last = r.At, r.At
			}
			f.First, f.Last = min(f.First, r.At), max(f.Last, r.At)
			words.AddRecord(&r)
			raw = record.AppendRecord(raw, &r)
		}
		f.Raw, f.Data, f.Words = len(raw), record.Pack(nil, raw), words.Filter()
		forged = append(forged, storetest.Sealed{Block: &f, Raw: f.AppendTo(nil)})
	}
	return forged
}

func indexOf(b *record.Block, id record.ID) int {
	for i := range b.Spans {
		if b.Spans[i].Session == id {
			return i
		}
	}
	return -1
}

func copyLog(t *testing.T, from, to proven) {
	t.Helper()
	err := filepath.WalkDir(from.log(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from.dir, path)
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to.dir, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(filepath.Join(to.dir, rel), b, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
}
