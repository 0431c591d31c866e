package replay_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

func TestMySQLTranscripts(t *testing.T) {
	src := read(t, put(t, storetest.Wares()))
	for _, user := range []string{"alice", "erin", "frank"} {
		golden(t, "mysql_"+user+".transcript", transcript(t, src, sessionOf(t, src, user).ID, replay.Options{}))
		golden(t, "mysql_"+user+".sql", script(t, src, user))
	}
}

func TestMySQLSearchList(t *testing.T) {
	src := read(t, put(t, storetest.Wares()))
	var out strings.Builder
	brief := replay.Brief{Width: 100, Zone: time.UTC}
	for h, err := range replay.Search(t.Context(), src, parse(t, "kind:query,parse,execute,command")) {
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(brief.Text(&h))
	}
	golden(t, "mysql_search.list", out.String())
}

func TestMySQLSearch(t *testing.T) {
	src := read(t, put(t, storetest.Wares()))
	for _, c := range []struct{ query, want string }{
		{"", "frank#14 frank#11 frank#9 frank#7 frank#5 erin#15 erin#13 erin#10 erin#8 erin#6 erin#4 alice#17 alice#14 alice#5"},
		{"protocol:mysql kind:command", "frank#11 erin#4"},
		{"table:wares action:insert", "alice#5"},
		{"table:shop.tags", "alice#17"},
		{"insert_id:4711", "alice#5"},
		{"insertid:>0", "alice#17 alice#5"},
		{"insert_id:0", ""},
		{"warnings:>1", "alice#5"},
		{"warnings:0 action:load_local", "erin#10"},
		{"param:4294967295", "alice#5"},
		{"zoë", "alice#5"},
		{`param:"C:\tmp"`, "alice#5"},
		{`param:-25:01:02`, "alice#5"},
		{"quagga", "alice#14"},               // long data, in an earlier record
		{`param:"quagga in ch"`, "alice#14"}, // in two parts with another parameter's between
		{"quagga update", "alice#14"},        // with the statement
		{"table:tags param:old", "alice#17"},
		{"init_db", "erin#4"},
		{"kind:command shop", "erin#4"},
		{"people", "erin#11 erin#10"},
		{"hash:deadbeef*", "erin#10"},
		{"outcome:cancelled", "erin#13"},
		{"flag:suspended", "frank#7 frank#5"},
		{"kind:execute user:frank wares", "frank#9 frank#7 frank#5"}, // the fetches of the rows, too
		{"param:10000", "frank#5"},
		{"kind:cancel asked", "erin#15"},
		{"kind:bind", "alice#13 alice#12 alice#11 alice#8"},
		{"verdict:deny", "erin#6"},
		{"ROW_COUNT", "erin#8"},
		{`message:interrupted`, "erin#13"},
	} {
		if got := find(t, src, c.query); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.query, got, c.want)
		}
		if got := find(t, wide{src}, c.query); got != c.want {
			t.Errorf("%s: not narrowed:\n got %q\nwant %q", c.query, got, c.want)
		}
	}
}

// Long data stands for the parameter that it is of, from all of its parts, in whatever shape a hit is given.
func TestMySQLLongData(t *testing.T) {
	src := read(t, put(t, storetest.Wares()))
	want := []string{"\x89PNG\r\n\x1a\n\x00\xffthe end", "a quagga in chalk", "\x07"}
	values := func(h *replay.Hit) (list []string) {
		for _, p := range h.Params() {
			list = append(list, string(p.Value))
		}
		return list
	}
	for h, err := range replay.Search(t.Context(), src, parse(t, "quagga")) {
		if err != nil || !slices.Equal(values(&h), want) || len(h.Long) != 4 {
			t.Errorf("search: %q, %d parts, %v", values(&h), len(h.Long), err)
		}
		if j := h.JSON(); len(j.Params) != 3 || string(*j.Params[1].Value) != want[1] || j.Params[0].Format != "mysql" || len(j.Long) != 4 {
			t.Errorf("JSON: %+v", j.Params)
		}
	}
	told := false
	for h, err := range replay.Story(t.Context(), src, sessionOf(t, src, "alice")) {
		if err != nil {
			t.Fatal(err)
		}
		if h.Record.Kind == record.KindExecute && len(h.Long) > 0 {
			told = true
			if !slices.Equal(values(&h), want) || string(h.Statement.Name) != "2" {
				t.Errorf("story: %q of %s", values(&h), h.Statement.Name)
			}
		}
	}
	if !told {
		t.Error("no story tells of long data")
	}
	var out bytes.Buffer
	if err := replay.ExportHits(t.Context(), &out, src, parse(t, "quagga")); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for line := range strings.Lines(out.String()) {
		var r struct{ Kind string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, r.Kind)
	}
	if want := []string{"parse", "bind", "bind", "bind", "bind", "execute", "result"}; !slices.Equal(kinds, want) {
		t.Errorf("export: %v, want %v", kinds, want)
	}
}

// Long data that was thrown away (STMT_RESET), or used by an execution before, is none of a later one's.
func TestMySQLLongDataOfOneExecution(t *testing.T) {
	m := storetest.NewMaker()
	s := m.OpenMySQL("gwen", "app", "wares", "shop")
	p := s.Prepare("1", "SELECT ?", []string{"select"}, nil)
	s.Long(p, "0", "thrown away", false)
	blob := record.Param{Type: record.MySQLBlob, Format: record.FormatMySQL}
	s.OK(s.Run(s.Long(p, "0", "first", false), blob), record.Record{Rows: 1})
	s.OK(s.Run(s.Long(p, "0", "second", false), blob), record.Record{Rows: 1})
	s.OK(s.Run(p, record.Param{Type: record.MySQLString, Format: record.FormatMySQL, Value: []byte("third")}), record.Record{Rows: 1})
	s.Long(p, "9", "of no parameter", false)
	s.Close()
	b, raw := m.Seal()
	src := read(t, put(t, []storetest.Sealed{{Block: b, Raw: raw}}))
	var told, found []string
	for h, err := range replay.Story(t.Context(), src, sessionOf(t, src, "gwen")) {
		if err != nil {
			t.Fatal(err)
		}
		if h.Record.Kind == record.KindExecute {
			told = append(told, string(h.Params()[0].Value))
		}
	}
	for h, err := range replay.Search(t.Context(), src, parse(t, "kind:execute")) {
		if err != nil {
			t.Fatal(err)
		}
		found = append([]string{string(h.Params()[0].Value)}, found...)
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(told, want) || !slices.Equal(found, want) {
		t.Errorf("told %q, found %q, want %q", told, found, want)
	}
}

// What can't be run again says why.
func TestMySQLScriptWithholds(t *testing.T) {
	m := storetest.NewMaker()
	s := m.OpenMySQL("eve", "app", "wares", "shop")
	done := func(text string) { s.OK(s.Query(text, nil, nil), record.Record{}) }
	done("system rm -rf /")
	done("/* x */ -- y\n\tSOURCE /etc/passwd")
	done("SELECT 1 \\! reboot\n")
	done("SELECT 'not closed")
	done("SELECT 1 AS delimiter FROM t")
	done("CREATE PROCEDURE p() BEGIN SELECT 1; SELECT '//'; END")
	done("SELECT 1; SELECT 2;")
	done("SELECT 'a\x1b[2J\\'b'")
	done("SELECT /*! 1 */ `a\x1b`")
	done("SELECT 1 -- a\x1b[2J")
	p := s.Prepare("1", "SELECT ?, /*!50000 ? */ 1", nil, nil)
	s.OK(s.Run(p, record.Param{Value: []byte("a")}, record.Param{Value: []byte("b")}), record.Record{})
	p = s.Prepare("2", "SELECT ?, ?", nil, nil)
	s.OK(s.Run(p, record.Param{Value: []byte("a")}), record.Record{})
	s.OK(s.Run(p, record.Param{Value: []byte("a")}, record.Param{Type: record.MySQLLong, Format: record.FormatMySQL, Value: []byte("x")}), record.Record{})
	long := s.Long(p, "0", "only the begin", true)
	s.OK(s.Run(long, record.Param{}, record.Param{}), record.Record{})
	s.OK(s.Add(record.Record{Kind: record.KindExecute, Verdict: record.VerdictAllow, Of: p, Portal: []byte("bulk"), Params: make([]record.Param, 3)}), record.Record{})
	s.OK(s.Command("init_db", "a`b"), record.Record{})
	s.OK(s.Command("init_db", "a\x1bb"), record.Record{})
	s.Add(record.Record{Kind: record.KindResult, Of: s.Command("init_db", "nowhere"), Outcome: record.OutcomeFailed, Code: []byte("42000"), Message: []byte("Unknown database")})
	s.OK(s.Command("reset_connection", ""), record.Record{})
	s.State("character_set_client", "latin1")
	done("SELECT 'é'")
	p = s.Prepare("3", "SELECT ?", nil, nil)
	s.OK(s.Run(p, record.Param{Type: record.MySQLString, Format: record.FormatMySQL, Value: []byte("caf\xe9")}), record.Record{})
	s.State("sql_mode", "'; DROP TABLE t; -- ")
	done(`SELECT 'a\\b'`)
	s.Close()
	post := m.Open("eve2", "app", "orders", "shop")
	post.Result(post.Query("select 'postgres'", nil, nil), "SELECT 1", 1)
	post.Close()
	blk, raw := m.Seal()
	src := read(t, put(t, []storetest.Sealed{{Block: blk, Raw: raw}}))
	var out bytes.Buffer
	if err := replay.Script(t.Context(), &out, src, []record.Session{sessionOf(t, src, "eve"), sessionOf(t, src, "eve2")}, nil); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	golden(t, "mysql_eve.sql", got)
	for line := range strings.Lines(got) {
		for _, bad := range []string{"reboot", "system", "SOURCE", "DROP TABLE", "postgres"} {
			if strings.Contains(line, bad) && !strings.HasPrefix(line, "-- ") {
				t.Errorf("this line does something: %q", line)
			}
		}
		if strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("a terminal obeys %q", line)
		}
	}
}
