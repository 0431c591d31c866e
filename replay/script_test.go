package replay_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

func script(t *testing.T, src replay.Source, user string) string {
	t.Helper()
	var out bytes.Buffer
	if err := replay.Script(t.Context(), &out, src, []record.Session{sessionOf(t, src, user)}, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestScript(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	for _, user := range []string{"alice", "bob", "carol"} {
		golden(t, user+".sql", script(t, src, user))
	}
	var out bytes.Buffer
	if err := replay.ScriptHits(t.Context(), &out, src, parse(t, "okapi")); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasSuffix(got, "\nselect giraffe from animals where x = 'okapi';\n") || strings.Contains(got, "alice") {
		t.Errorf("what okapi finds: %s", got)
	}
}

// What can't be run again says why.
func TestScriptWithholds(t *testing.T) {
	m := storetest.NewMaker()
	s := m.Open("eve", "app", "orders", "shop")
	done := func(r record.Record) {
		r.Kind, r.Verdict = record.KindQuery, record.VerdictAllow
		s.Result(s.Add(r), "SELECT 1", 1)
	}
	done(record.Record{Text: []byte("alter role x password '***'"), Flags: record.FlagMasked})
	done(record.Record{Erased: bytes.Repeat([]byte{1}, 32)})
	done(record.Record{Length: 1 << 30, Flags: record.FlagUnread})
	done(record.Record{Text: []byte("select 'only the begin"), Length: 100})
	done(record.Record{Text: []byte("select 1 \\! reboot\rdrop table orders;")})
	s.Refuse("select 1\rdrop table orders;\n\\! reboot\x1b[2J", "no", nil, nil)
	copying := s.Query("copy t from stdin", nil, nil)
	s.Add(record.Record{Kind: record.KindResult, Of: copying, Outcome: record.OutcomeDone, Bytes: 12, Hash: bytes.Repeat([]byte{2}, 32)})
	s.Result(s.Query("begin", nil, nil), "BEGIN", 0)
	s.Fail(s.Query("select 1/0", nil, nil), "22012", "division by zero")
	s.Result(s.Query("commit", nil, nil), "ROLLBACK", 0)
	s.Add(record.Record{Kind: record.KindState, Name: []byte("standard_conforming_strings"), Text: []byte("off")})
	done(record.Record{Text: []byte(`select 'a\'`)})
	done(record.Record{Text: []byte(`select 'b'`)})
	s.Add(record.Record{Kind: record.KindState, Name: []byte("standard_conforming_strings"), Text: []byte("on")})
	s.Add(record.Record{Kind: record.KindState, Name: []byte("client_encoding"), Text: []byte("LATIN1")})
	done(record.Record{Text: []byte(`select 'é'`)})
	s.Result(s.Add(record.Record{Kind: record.KindCall, Verdict: record.VerdictAllow, Text: []byte("1234"), Params: []record.Param{{Value: []byte("x")}}}), "", 0)
	p := s.Prepare("", "select $1, $2", nil, nil)
	b := s.Bind(p, record.Param{Value: []byte("a")}, record.Param{Type: 600, Format: 1, Value: []byte{1}})
	s.Result(s.Execute(b), "SELECT 1", 1)
	b = s.Bind(p, record.Param{Value: []byte("a")}, record.Param{Value: []byte("b")})
	for _, flags := range []record.Flags{record.FlagSuspended, record.FlagSuspended, 0} {
		s.Add(record.Record{Kind: record.KindResult, Of: s.Execute(b), Outcome: record.OutcomeDone, Rows: 10, Flags: flags})
	}
	s.Result(s.Execute(b), "SELECT 1", 1)
	s.Query("select 'no answer'", nil, nil)
	s.Add(record.Record{Kind: record.KindGap, Rows: 3, Message: []byte("the journal was full")})
	s.Close()
	blk, raw := m.Seal()
	got := script(t, read(t, put(t, []storetest.Sealed{{Block: blk, Raw: raw}})), "eve")
	golden(t, "eve.sql", got)
	for line := range strings.Lines(got) {
		if strings.Contains(line, "reboot") && !strings.HasPrefix(line, "-- ") || strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("this line does something: %q", line)
		}
	}
}

func TestScriptOfADamagedArchive(t *testing.T) {
	shop := storetest.Shop()
	dir := put(t, shop)
	write(t, fileOf(dir, shop[2]), []byte("hello"))
	src := read(t, dir)
	var out bytes.Buffer
	err := replay.Script(t.Context(), &out, src, []record.Session{sessionOf(t, src, "alice")}, nil)
	if err == nil || !strings.Contains(err.Error(), ".gfb") {
		t.Errorf("a script that isn't whole: %v", err)
	}
}
