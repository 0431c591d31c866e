package checkpoint

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatefold/gatefold/internal/record"
)

func makeKey(t testing.TB) (*Key, note.Verifier) {
	t.Helper()
	k, err := MakeKey(t.TempDir(), "gw 1+x")
	if err != nil {
		t.Fatal(err)
	}
	v, err := k.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	return k, v
}

func TestAKeyIsMadeOnceAndKept(t *testing.T) {
	state := t.TempDir()
	k, err := MakeKey(state, "gw1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := MakeKey(state, "renamed")
	if err != nil || again.Public != k.Public || again.Origin() != "gatefold/gw1" {
		t.Errorf("another key, or another name: %v %v", again, err)
	}
	info, err := os.Stat(filepath.Join(state, keyName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	text, _ := os.ReadFile(filepath.Join(state, keyName))
	secret, _, _ := strings.Cut(string(text), "\n")
	for name, bad := range map[string]string{
		"one line": secret + "\n", "no key": "x\ny\n", "the public key of another": secret + "\ngatefold/gw1+00000000+AAAA\n",
	} {
		write(t, filepath.Join(state, keyName), []byte(bad))
		if _, err := LoadKey(state); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	write(t, filepath.Join(state, keyName), text)
	if err := os.Chmod(filepath.Join(state, keyName), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(state); err == nil {
		t.Error("a key that others can read was used")
	}
}

// A checkpoint is a signed note to those who know only that, and its text is a checkpoint to them.
func TestACheckpointIsReadByOtherTools(t *testing.T) {
	k, v := makeKey(t)
	root := tlog.RecordHash([]byte("x"))
	signed, err := k.Sign(1234567, root)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil || len(n.Sigs) != 1 || n.Sigs[0].Name != "gatefold/gw-1-x" {
		t.Fatalf("%+v %v", n, err)
	}
	if want := fmt.Sprintf("gatefold/gw-1-x\n1234567\n%s\n", root); n.Text != want {
		t.Errorf("text %q, want %q", n.Text, want)
	}
	// tlog.ParseTree wants the origin of Go's own log.
	tree, err := tlog.ParseTree([]byte(strings.Replace(n.Text, "gatefold/gw-1-x", "go.sum database tree", 1)))
	if err != nil || tree.N != 1234567 || tree.Hash != root {
		t.Errorf("%+v %v", tree, err)
	}
	if c, err := OpenCheckpoint(signed, v); err != nil || c != (Checkpoint{"gatefold/gw-1-x", 1234567, root}) {
		t.Errorf("%+v %v", c, err)
	}
}

// The proofs that witnesses ask for can be made from the stored hashes.
func TestProofsCanBeMadeFromALog(t *testing.T) {
	l := openLog(t, filled(t, 21))
	defer l.Close()
	_, root, err := l.Sync()
	if err != nil {
		t.Fatal(err)
	}
	seven := leafNo(7)
	proof, err := tlog.ProveRecord(21, 7, l)
	if err == nil {
		err = tlog.CheckRecord(proof, 21, root, 7, tlog.RecordHash(seven.AppendTo(nil)))
	}
	if err != nil {
		t.Errorf("leaf 7: %v", err)
	}
	early, err := tlog.TreeHash(13, l)
	if err != nil {
		t.Fatal(err)
	}
	grown, err := tlog.ProveTree(21, 13, l)
	if err == nil {
		err = tlog.CheckTree(grown, 21, root, 13, early)
	}
	if err != nil {
		t.Errorf("from 13 to 21 leaves: %v", err)
	}
}

// Not one bit of a signed note can be changed.
func TestEveryFlippedBitOfACheckpointIsFound(t *testing.T) {
	k, v := makeKey(t)
	signed, err := k.Sign(42, tlog.Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range signed {
		for bit := range 8 {
			bad := bytes.Clone(signed)
			bad[i] ^= 1 << bit
			if _, err := OpenCheckpoint(bad, v); err == nil {
				t.Fatalf("byte %d, bit %d: %q", i, bit, bad)
			}
		}
	}
	for n := range signed {
		if _, err := OpenCheckpoint(signed[:n], v); err == nil {
			t.Errorf("the first %d bytes were taken", n)
		}
	}
	_, other := makeKey(t)
	if _, err := OpenCheckpoint(signed, other); err == nil || !strings.Contains(err.Error(), "it is not signed with the key") {
		t.Errorf("by another key: %v", err)
	}
}

// Witnesses sign beside the gateway.
func TestACheckpointMayHaveOtherSignatures(t *testing.T) {
	k, v := makeKey(t)
	signed, err := k.Sign(42, tlog.Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	w, _ := makeKey(t)
	both, err := note.Sign(n, k.signer, w.signer)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := OpenCheckpoint(both, v); err != nil || c.Size != 42 {
		t.Errorf("%+v %v", c, err)
	}
}

func TestWhatIsSignedAndNoCheckpointIsRefused(t *testing.T) {
	k, v := makeKey(t)
	hash := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, text := range []string{
		"\n", "gatefold/gw-1-x\n1\n", "gatefold/gw-1-x\n-1\n" + hash + "\n", "gatefold/gw-1-x\n01\n" + hash + "\n",
		"gatefold/gw-1-x\n+1\n" + hash + "\n", "gatefold/gw-1-x\n1\nshort\n", "gatefold/other\n1\n" + hash + "\n",
		"gatefold/gw-1-x\n1\n" + hash[:43] + "\n", "gatefold tombstone 1\n1\n" + hash + "\n",
	} {
		signed, err := k.signText(text)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := OpenCheckpoint(signed, v); err == nil {
			t.Errorf("%q was read as %+v", text, c)
		}
	}
	signed, err := k.signText("gatefold/gw-1-x\n1\n" + hash + "\nan extension\n")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := OpenCheckpoint(signed, v); err != nil || c.Size != 1 {
		t.Errorf("with an extension line: %+v %v", c, err)
	}
}

func TestATombstoneComesBackAsItWas(t *testing.T) {
	k, v := makeKey(t)
	want := Tombstone{At: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Reason: "retention: older than  90 days\n",
		Gone: []Range{{4096, 8192}, {1 << 40, 1<<40 + 5}},
		Cuts: []Cut{{record.ID{1, 6: 0x70}, 77, record.Hash{9}}, {record.ID{2, 6: 0x70}, 0, record.Hash{8}}}}
	signed, err := k.SignTombstone(want)
	if err != nil {
		t.Fatal(err)
	}
	want.Origin, want.Reason = k.Origin(), "retention: older than 90 days"
	if got, err := OpenTombstone(signed, v); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	for i := range signed {
		bad := bytes.Clone(signed)
		bad[i] ^= 1
		if _, err := OpenTombstone(bad, v); err == nil {
			t.Errorf("byte %d flipped: %q", i, bad)
		}
	}
	checkpoint, err := k.Sign(1, tlog.Hash{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTombstone(checkpoint, v); err == nil {
		t.Error("a checkpoint was taken for a tombstone")
	}
	archive := t.TempDir()
	os.Mkdir(TombstoneFolder(archive), 0o700)
	write(t, filepath.Join(TombstoneFolder(archive), "1.note"), signed)
	write(t, filepath.Join(TombstoneFolder(archive), "2.note"), signed[1:])
	write(t, filepath.Join(TombstoneFolder(archive), "3.note.tmp"), signed[:9])
	all, wrong, err := Tombstones(archive, v)
	if err != nil || len(all) != 1 || len(wrong) != 1 || wrong["tombstones/2.note"] == nil {
		t.Errorf("%v %v %v", all, wrong, err)
	}
}

func TestSplitNotes(t *testing.T) {
	k, _ := makeKey(t)
	a, _ := k.Sign(1, tlog.Hash{1})
	b, _ := k.Sign(2, tlog.Hash{2})
	for _, c := range []struct {
		file string
		want []string
	}{
		{"", nil},
		{string(a), []string{string(a)}},
		{string(a) + "\n" + string(b) + "\n", []string{string(a), string(b)}},
		{string(a) + string(b), []string{string(a), string(b)}},
		{string(a) + "\n" + string(b[:20]), []string{string(a), string(b[:20])}},
		{"nonsense", []string{"nonsense"}},
	} {
		var got []string
		notes, _ := SplitNotes([]byte(c.file))
		for _, n := range notes {
			got = append(got, string(n))
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q splits into %q", c.file, got)
		}
	}
}

func FuzzOpenNotes(f *testing.F) {
	k, v := makeKey(f)
	signed, _ := k.Sign(7, tlog.Hash{1})
	stone, _ := k.SignTombstone(Tombstone{Followers: []string{"clickhouse"}, Cuts: []Cut{{record.ID{1}, 7, record.Hash{1}}}, Gone: []Range{{1, 2}}})
	f.Add(signed)
	f.Add(stone)
	f.Add(append(append(bytes.Clone(signed), '\n'), stone...))
	f.Fuzz(func(t *testing.T, b []byte) {
		notes, offsets := SplitNotes(b)
		if len(notes) != len(offsets) {
			t.Fatal("notes without a place")
		}
		for _, n := range notes {
			OpenCheckpoint(n, v)
			OpenTombstone(n, v)
		}
		if c, err := parseCheckpoint(string(b)); err == nil && !strings.HasPrefix(string(b), c.text()) {
			t.Errorf("%q was read as %+v", b, c)
		}
		if s, err := parseTombstone(string(b)); err == nil && s.text() != string(b) {
			t.Errorf("%q was read as %+v", b, s)
		}
	})
}
