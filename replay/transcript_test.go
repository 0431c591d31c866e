package replay_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		write(t, name, []byte(got))
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", name, got)
	}
}

func transcript(t *testing.T, src replay.Source, id record.ID, o replay.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := replay.Transcript(t.Context(), &out, src, id, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTranscripts(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	for _, user := range []string{"alice", "bob", "carol", "dave"} {
		golden(t, user+".transcript", transcript(t, src, sessionOf(t, src, user).ID, replay.Options{}))
	}
	golden(t, "colour.transcript", transcript(t, src, sessionOf(t, src, "alice").ID, replay.Options{Colour: true}))
}

func TestSearchList(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	var out strings.Builder
	brief := replay.Brief{Width: 100, Zone: time.UTC}
	for h, err := range replay.Search(t.Context(), src, parse(t, "kind:open,join,close,query,parse,execute,notice")) {
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(brief.Text(&h))
	}
	golden(t, "search.list", out.String())
	for line := range strings.Lines(out.String()) {
		if len(line) > 101 {
			t.Errorf("this line has more than 100 columns: %q", line)
		}
	}
}

// What belongs to one record, whichever of an action's it is, with what was around it.
func TestTranscriptAt(t *testing.T) {
	m := storetest.NewMaker()
	s := m.Open("alice", "app", "orders", "shop")
	var seqs []uint64
	for range 30 {
		q := s.Query("select 1", nil, nil)
		s.Result(q, "SELECT 1", 1)
		seqs = append(seqs, q)
	}
	s.Close()
	b, raw := m.Seal()
	src := read(t, put(t, []storetest.Sealed{{Block: b, Raw: raw}}))
	for _, at := range []uint64{seqs[10], seqs[10] + 1} { // the action, its result
		got := transcript(t, src, s.ID, replay.Options{At: &at})
		if n := strings.Count(got, "select 1"); n != 11 || !strings.Contains(got, "> ") || !strings.Contains(got, "> +0:00.022") &&
			!strings.Contains(got, ">   +0:00.022") {
			t.Errorf("at #%d: %d actions\n%s", at, n, got)
		}
	}
	gone := uint64(1000)
	err := replay.Transcript(t.Context(), &bytes.Buffer{}, src, s.ID, replay.Options{At: &gone})
	if err == nil || !strings.Contains(err.Error(), "it has no record #1000; its last is #62") {
		t.Errorf("at a record that isn't there: %v", err)
	}
	if err := replay.Transcript(t.Context(), &bytes.Buffer{}, src, record.ID{1}, replay.Options{}); err == nil {
		t.Error("a session that isn't there has a transcript")
	}
}

// hostile would clear the screen, ring, hide text, turn its direction, set the window's title, and end a line.
const hostile = "x\x1b[2J\x07\x1b]0;owned\x07\u202e\u200b\u0085\x9b31m\x00\r\x7f\u2028y"

// Nothing that was recorded reaches a terminal as it is, whichever field it stands in.
func TestTerminalInjection(t *testing.T) {
	r := full(t)
	text := []byte(hostile)
	r.Text, r.Name, r.Portal, r.Message, r.Code = text, text, text, text, text
	r.Rule, r.User, r.Account, r.Target, r.Database, r.App, r.Client, r.TLS = hostile, hostile, hostile, hostile, hostile, hostile, hostile, hostile
	r.Gateway, r.Build, r.Policy, r.Config, r.Peer, r.Version, r.Credential = hostile, hostile, hostile, hostile, hostile, hostile, hostile
	r.Params = []record.Param{{Value: text}, {Type: 25, Format: 1, Value: text}}
	r.Flags, r.Outcome = 0, record.OutcomeFailed
	m := storetest.NewMaker()
	for _, verdict := range []record.Verdict{record.VerdictAllow, record.VerdictDeny} {
		for k := record.KindOpen; k <= record.KindLast; k++ {
			r.Kind, r.Verdict, r.Of = k, verdict, 0
			of := m.Add(r.Session, r)
			if k.Action() {
				result := r
				result.Kind, result.Of = record.KindResult, of
				m.Add(r.Session, result)
			}
		}
	}
	b, raw := m.Seal()
	src := read(t, put(t, []storetest.Sealed{{Block: b, Raw: raw}}))
	var out strings.Builder
	out.WriteString(transcript(t, src, r.Session, replay.Options{}))
	brief := replay.Brief{Width: 100, Zone: time.UTC}
	kinds := "kind:open,join,close,query,parse,bind,execute,call,result,notice,state,cancel,data,exec,input,output,resize,file,forward,gap,redact,command,signal,line,screen"
	n := 0
	for h, err := range replay.Search(t.Context(), src, parse(t, kinds)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		out.WriteString(brief.Text(&h))
	}
	if n < 40 {
		t.Fatalf("only %d hits", n)
	}
	for i, c := range out.String() {
		if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == '\u2028' || c == unicode.ReplacementChar) {
			t.Fatalf("%U reaches the terminal: %q", c, out.String()[max(0, i-60):i+1])
		}
	}
}

func FuzzSafe(f *testing.F) {
	f.Add(hostile, 20)
	f.Add("select 1", 100)
	f.Add("\xff\xfe é 漢字", 3)
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = min(max(width, 0), 1000)
		line := replay.Line([]byte(text), width)
		for _, s := range []string{replay.Safe(text), line} {
			for _, c := range s {
				if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == unicode.ReplacementChar {
					t.Fatalf("%U passes in %q", c, s)
				}
			}
		}
		if n := len([]rune(line)); n > max(width, 3) {
			t.Errorf("%d characters, not %d: %q", n, width, line)
		}
	})
}
