package replay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

func TestVerifyWhole(t *testing.T) {
	r := verify(t, put(t, storetest.Shop()))
	if !r.Intact() || !r.Complete() || r.Blocks != 5 || r.Records != 29 || r.Sessions != 4 || r.Open != 1 || r.Actions != 7 {
		t.Errorf("%+v\n%s", *r, faults(r))
	}
}

func TestVerifyEmpty(t *testing.T) {
	if r := verify(t, put(t, nil)); !r.Intact() || !r.Complete() || r.Records != 0 {
		t.Errorf("%+v\n%s", *r, faults(r))
	}
}

// Each byte of each block's file flipped in turn is found, and the file named with an offset or what is wrong with it.
func TestVerifyFindsEachFlippedByte(t *testing.T) {
	shop := storetest.Shop()
	dir := put(t, shop)
	src := read(t, dir)
	for _, b := range shop {
		name := fileOf(dir, b)
		for i := range b.Raw {
			bad := append([]byte(nil), b.Raw...)
			bad[i] ^= 1 << (i % 8)
			write(t, name, bad)
			r, err := replay.Verify(t.Context(), src, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := filepath.Base(name) + " byte "
			if i == 7 { // the version: a newer one, as far as can be told
				want = filepath.Base(name) + ": block has format version"
			}
			if r.Intact() || !strings.Contains(faults(r), want) {
				t.Fatalf("%s with byte %d flipped: %s", name, i, faults(r))
			}
		}
		write(t, name, b.Raw)
	}
	if r := verify(t, dir); !r.Intact() || !r.Complete() {
		t.Errorf("mended: %s", faults(r))
	}
}

func TestVerifyFindsEachDroppedBlock(t *testing.T) {
	shop := storetest.Shop()
	for i, b := range shop {
		dir := put(t, shop)
		if err := os.Remove(fileOf(dir, b)); err != nil {
			t.Fatal(err)
		}
		r := verify(t, dir)
		if r.Complete() || !strings.Contains(faults(r), fmt.Sprintf("%016x.gfb: the block is listed", b.Pos)) {
			t.Errorf("block %d: %s", i, faults(r))
		}
		if !r.Intact() {
			t.Errorf("block %d is missing, and what is there is said to be damaged: %s", i, faults(r))
		}
	}
}

// A block that is dropped together with all that the directory says of it leaves a gap in the positions, or at the ends
// sessions that don't begin or that the directory doesn't fit.
func TestVerifyFindsADroppedBlockWithItsLines(t *testing.T) {
	shop := storetest.Shop()
	for i, b := range shop {
		dir := put(t, shop)
		if err := os.Remove(fileOf(dir, b)); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"DELETE FROM blocks WHERE pos", "DELETE FROM spans WHERE block"} {
			alter(t, dir, fmt.Sprintf("%s = %d", statement, b.Pos))
		}
		r := verify(t, dir)
		want := "missing"
		if i > 0 && i < len(shop)-1 {
			want = fmt.Sprintf("%016x.gfb: the blocks before it are missing, from position %016x on", shop[i+1].Pos, b.Pos)
		}
		if r.Complete() || !strings.Contains(faults(r), want) {
			t.Errorf("block %d: %s", i, faults(r))
		}
	}
}

func TestVerifyFindsSwappedBlocks(t *testing.T) {
	shop := storetest.Shop()
	for i := range shop[1:] {
		dir := put(t, shop)
		a, b := shop[i], shop[i+1]
		write(t, fileOf(dir, a), b.Raw)
		write(t, fileOf(dir, b), a.Raw)
		r := verify(t, dir)
		for _, want := range []string{
			fmt.Sprintf("%016x.gfb: this is another block, that of position %016x", a.Pos, b.Pos),
			fmt.Sprintf("%016x.gfb: this is another block, that of position %016x", b.Pos, a.Pos),
		} {
			if r.Intact() || !strings.Contains(faults(r), want) {
				t.Errorf("blocks %d and %d: want %q in\n%s", i, i+1, want, faults(r))
			}
		}
	}
}

// Each column of the directory is evidence of a kind: what it says must be what the blocks say.
func TestVerifyFindsAnAlteredDirectory(t *testing.T) {
	shop := storetest.Shop()
	block := fmt.Sprintf("%016x", shop[1].Pos)
	bob := read(t, put(t, shop))
	session := sessionOf(t, bob, "bob").ID.String()
	for _, c := range []struct{ change, place string }{
		{`UPDATE blocks SET "end" = "end" + 1 WHERE pos = %d`, block},
		{`UPDATE blocks SET first = first - 1 WHERE pos = %d`, block},
		{`UPDATE blocks SET last = last + 1 WHERE pos = %d`, block},
		{`UPDATE blocks SET count = count + 1 WHERE pos = %d`, block},
		{`UPDATE blocks SET kinds = 0 WHERE pos = %d`, block},
		{`UPDATE blocks SET bytes = 1 WHERE pos = %d`, block},
		{`UPDATE blocks SET sha256 = zeroblob(32) WHERE pos = %d`, block},
		{`DELETE FROM blocks WHERE pos = %d`, block},
		{`UPDATE blocks SET gen = 7 WHERE pos = %d`, block},
		{`UPDATE blocks SET words = words + 1 WHERE pos = %d`, block},
		{`UPDATE blocks SET size = size - 1 WHERE pos = %d`, block},
		{`UPDATE blocks SET hashes = 1 WHERE pos = %d`, block},
		{`UPDATE spans SET first = first + 1 WHERE block = %d`, block},
		{`UPDATE spans SET last = last + 1 WHERE block = %d`, block},
		{`DELETE FROM spans WHERE block = %d`, block},
		{`UPDATE sessions SET parent = zeroblob(15) || x'01' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET user = 'mallory' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET account = 'x' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET target = 'x' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET database = 'x' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET protocol = 'x' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET client = 'x' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET app = 'x' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET pid = 1 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET opened = 1 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET since = opened + 1 WHERE user = 'bob'`, "is said to begin after its first record"},
		{`UPDATE sessions SET until = closed - 1 WHERE user = 'bob'`, "is said to end before its last record"},
		{`UPDATE sessions SET until = opened - 1000000000 WHERE closed = 0`, "is said to end before its last record"},
		{`UPDATE sessions SET closed = 0 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET outcome = 2 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET verdict = 2 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET message = 'x' WHERE user = 'bob'`, session},
		{`UPDATE sessions SET last = last + 1 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET last = last - 1 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET actions = 0 WHERE user = 'bob'`, session},
		{`UPDATE sessions SET head = zeroblob(32) WHERE user = 'bob'`, session},
		{`UPDATE sessions SET secret = zeroblob(16) WHERE user = 'bob'`, session},
		{`DELETE FROM sessions WHERE user = 'bob'`, session},
		{`UPDATE meta SET value = 1 WHERE key = 'start'`, "directory.db"},
		{`INSERT INTO spans VALUES (zeroblob(16), 7, 0, 0)`, "directory.db"},
		{`INSERT INTO blocks VALUES (7, 8, 0, 1, 1, 1, 1, 1, 1, zeroblob(32), 1, 1, 1)`, "0000000000000007.gfb"},
		{`INSERT INTO sessions SELECT zeroblob(16), parent, user, account, target, database, protocol, client, app, pid, opened,
			closed, outcome, verdict, message, last, actions, head, secret, since, until FROM sessions WHERE user = 'bob'`, (record.ID{}).String()},
	} {
		dir := put(t, shop)
		statement := c.change
		if strings.Contains(statement, "%d") {
			statement = fmt.Sprintf(statement, shop[1].Pos)
		}
		alter(t, dir, statement)
		r := verify(t, dir)
		if r.Intact() && r.Complete() || !strings.Contains(faults(r), c.place) {
			t.Errorf("%s: want %s named in:\n%s", statement, c.place, faults(r))
		}
	}
}

// A block whose sums are right and whose records were changed: only the chain can tell.
func TestVerifyFindsARewrittenRecord(t *testing.T) {
	shop := storetest.Shop()
	for _, c := range []struct {
		name string
		edit func(*record.Record) bool // keep it
		want string
	}{
		{"a statement", func(r *record.Record) bool {
			if r.Kind == record.KindQuery {
				r.Text = []byte("select 1")
			}
			return true
		}, "its records are not those that were chained"},
		{"a time", func(r *record.Record) bool { r.At++; return true }, "its records are not those that were chained"},
		{"a record left out", func(r *record.Record) bool { return r.Kind != record.KindResult }, "should stand here"},
	} {
		forged := rewrite(t, shop[0], c.edit)
		dir := put(t, append([]storetest.Sealed{forged}, shop[1:]...))
		if r := verify(t, dir); r.Intact() || !strings.Contains(faults(r), c.want) ||
			!strings.Contains(faults(r), fmt.Sprintf("%016x.gfb", forged.Pos)) {
			t.Errorf("%s: %s", c.name, faults(r))
		}
	}
}

// rewrite makes the same block with other records, all sums being right.
func rewrite(t *testing.T, b storetest.Sealed, edit func(*record.Record) bool) storetest.Sealed {
	t.Helper()
	forged := *b.Block
	var raw []byte
	forged.Count = 0
	for r, err := range b.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if edit(&r) {
			raw = record.AppendRecord(raw, &r)
			forged.Count++
		}
	}
	forged.Raw, forged.Data = len(raw), record.Pack(nil, raw)
	return storetest.Sealed{Block: &forged, Raw: forged.AppendTo(nil)}
}

func TestVerifyResults(t *testing.T) {
	for _, c := range []struct {
		name  string
		story func(s *storetest.Session)
		want  string // empty: all is well
	}{
		{"none, and still open", func(s *storetest.Session) { s.Query("select 1", nil, nil) }, ""},
		{"none, and closed", func(s *storetest.Session) { s.Query("select 1", nil, nil); s.Close() }, "#2: this action has no result"},
		{"two", func(s *storetest.Session) {
			q := s.Query("select 1", nil, nil)
			s.Result(q, "SELECT 1", 1)
			s.Result(q, "SELECT 1", 1)
			s.Close()
		}, "the result of #2, which is no action that waits"},
		{"of nothing", func(s *storetest.Session) { s.Result(77, "", 0); s.Close() }, "the result of #77"},
		{"several of one query", func(s *storetest.Session) {
			q := s.Query("select 1; select 2", nil, nil)
			s.Add(record.Record{Kind: record.KindResult, Of: q, Flags: record.FlagSimple, Outcome: record.OutcomeDone})
			s.Result(q, "SELECT 1", 1)
			s.Close()
		}, ""},
		{"of a step that failed", func(s *storetest.Session) {
			p := s.Prepare("", "selec", nil, nil)
			s.Fail(p, "42601", "syntax error")
			s.Close()
		}, ""},
		{"of a step, twice", func(s *storetest.Session) {
			p := s.Prepare("", "selec", nil, nil)
			s.Fail(p, "42601", "syntax error")
			s.Fail(p, "42601", "syntax error")
			s.Close()
		}, "the result of #2"},
		{"behind the close", func(s *storetest.Session) {
			s.Close()
			s.Query("select 1", nil, nil)
		}, "behind its Close"},
	} {
		m := storetest.NewMaker()
		c.story(m.Open("alice", "app", "orders", "shop"))
		b, raw := m.Seal()
		r := verify(t, put(t, []storetest.Sealed{{Block: b, Raw: raw}}))
		if well := r.Intact() && r.Complete(); well != (c.want == "") || !strings.Contains(faults(r), c.want) {
			t.Errorf("%s: want %q, got %q", c.name, c.want, faults(r))
		}
	}
}

// A gateway that goes on meanwhile, or one that was killed between a block's file and its line, damages nothing.
func TestVerifyBesideAGateway(t *testing.T) {
	shop := storetest.Shop()
	dir := filepath.Join(t.TempDir(), "archive")
	w, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	next := 0
	more := func() {
		if next < len(shop) {
			if err := w.Put(t.Context(), shop[next].Block, shop[next].Raw); err != nil {
				t.Error(err)
			}
			next++
		}
	}
	more()
	more()
	src := read(t, dir)
	r, err := replay.Verify(t.Context(), src, func(*replay.Report) { more() })
	if err != nil || !r.Intact() || !r.Complete() {
		t.Errorf("%v %s", err, faults(r))
	}
	if next < 4 {
		t.Fatalf("only %d blocks were put", next)
	}
}

func TestVerifyAfterAKillBetweenFileAndLine(t *testing.T) {
	shop := storetest.Shop()
	last := len(shop) - 1
	dir := put(t, shop[:last])
	write(t, fileOf(dir, shop[last]), shop[last].Raw)
	if r := verify(t, dir); !r.Intact() || !r.Complete() || r.Blocks != len(shop) {
		t.Errorf("%+v %s", *r, faults(r))
	}
}
