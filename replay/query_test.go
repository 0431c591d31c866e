package replay_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

func TestSearch(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	for _, c := range []struct{ query, want string }{
		{"", "dave#2 carol#2 bob#7 alice#6 bob#4 alice#4 alice#2"},
		{"user:alice", "alice#6 alice#4 alice#2"},
		{"USER:Alice", "alice#6 alice#4 alice#2"},
		{"-user:alice target:orders", "bob#7 bob#4"},
		{"user:alice,carol", "carol#2 alice#6 alice#4 alice#2"},
		{"user:c*l", "carol#2"},
		{`user:"c*l"`, ""},
		{"account:batch", "bob#7 bob#4"},
		{"target:stock", "dave#2 carol#2"},
		{"database:shop protocol:postgres user:dave", "dave#2"},
		{"client:10.0.0.5 user:dave", "dave#2"},
		{"client:10.0.0.0/24 user:dave", "dave#2"},
		{"client:10.0.0.5:51234 user:dave", "dave#2"},
		{"client:10.0.1.0/24", ""},
		{"pid:4703", "carol#2"},
		{"session:01a2076e-ed9", "dave#2 carol#2"},
		{"kind:execute", "bob#7 bob#4"},
		{"kind:query,execute user:bob", "bob#7 bob#4"},
		{"kind:parse", "bob#2"},
		{"kind:notice", "alice#8"},
		{"kind:open", "dave#0 carol#0 bob#0 alice#0"},
		{"kind:result code:40P01", "alice#7"},
		{"kind:query okapi", "carol#2"}, // split, and whole all the same
		{"kind:query deadlock", "alice#6"},
		{"kind:data", "carol#3"},
		{"kind:data,query user:carol", "carol#3 carol#2"},
		{"verdict:deny", "alice#4"},
		{"outcome:refused", "alice#4"},
		{"outcome:failed", "bob#7 alice#6"}, // alice's answer lies in a later block than her statement
		{"code:23502", "bob#7"},
		{"rule:no-*", "alice#4"},
		{"table:orders", "bob#7 alice#6 bob#4 alice#2"},
		{"table:public.orders", "alice#2"},
		{"action:insert", "bob#7 bob#4"},
		{`text:"where ID"`, "alice#6 alice#2"},
		{`text:"okapi'"`, "carol#2"},
		{`-text:where user:alice`, "alice#4"},
		{"param:zebra", "bob#4"},
		{"param:4711", "bob#4"},
		{"message:leopard", "alice#8"},
		{"rows:1", "bob#4 alice#2"},
		{"rows:>0", "bob#4 alice#2"},
		{"rows:<1", "carol#2 bob#7 alice#6 alice#4"},
		{"took:>1.1ms", "carol#2 bob#4 alice#2"},
		{"bytes:>=20", "bob#4 alice#2"},
		{"seq:4", "bob#4 alice#4"},
		{"since:2026-11-23T08:03:00Z", "dave#2 carol#2 bob#7"},
		{"until:2026-11-23T08:01:00Z", "alice#4 alice#2"},
		{"since:2026-11-23T08:01:00Z until:2026-11-23T08:03:00Z", "alice#6 bob#4"},
		{"since:3h57m", "dave#2 carol#2 bob#7"},
		{"since:today until:today user:dave", "dave#2"},
		{"until:yesterday", ""},
		{"zebra", "bob#4"},    // a parameter in an earlier block than its execution
		{"4711 add", "bob#4"}, // the statement's name and a binary parameter
		{"giraffe okapi", "carol#2"},
		{"giraff", ""},
		{"giraff*", "carol#2"},
		{`"giraffe from animals"`, "carol#2"}, // over the place at which the statement was split
		{`"from giraffe"`, ""},
		{"INSERT into", "bob#7 bob#4"},
		{"insert -zebra", "bob#7"},
		{"orders -insert -deadlock", "bob#0 alice#2 alice#0"}, // the target they opened is a word too
		{"deadlock", "alice#6"},
		{"update deadlock", "alice#6"}, // one said by alice, one by the target, in another block
		{"leopard", "alice#8"},
		{"flag:more", ""},
		{"duration:>1.1ms", "carol#2 bob#4 alice#2"},
		{"error:23502", "bob#7"},
		{"time:today user:dave", "dave#2"},
		{"time:yesterday", ""},
		{`time:"2026-11-23 08:03"`, "bob#7"},
		{`/from\s+animals.*okapi/`, "carol#2"}, // over the place at which the statement was split
		{`/^zebra/`, "bob#4"},
		{`/DEADLOCK/`, ""},
		{`/(?i)DEADLOCK/`, "alice#6"},
		{`/^4711$/`, "bob#4"},
		{`select -/salar(y|ies)/ user:alice`, "alice#2"},
		{`text:/id = \d+$/`, "alice#6 alice#2"},
		{`param:/^late/`, "bob#7"},
		{`-message:/./ user:bob`, "bob#4"},
		{`message:/not-null/`, "bob#7"},
		{"customer", "bob#7 bob#4"},
	} {
		got := find(t, src, c.query)
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.query, got, c.want)
		}
	}
}

// Whatever the query, narrowing may not lose a hit: the same is found when the store narrows nothing.
func TestNarrowingLosesNothing(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	for _, query := range []string{"", "zebra", "4711", "deadlock", "update deadlock", "giraffe okapi", "table:orders", "outcome:failed",
		"kind:execute insert", "since:2026-11-23T08:02:00Z", "user:bob zebra", "session:01a2076b", "pid:4702 customer",
		`text:"from animals"`, "message:deadlock", `/insert into orders/`, `/(?i)INTO ORDERS/`, `text:/from animals where x/`, `/not-null constraint|zebra crossing/`, "until:2026-11-23T08:02:30Z zebra", "beware leopard"} {
		if narrow, wide := find(t, src, query), find(t, wide{src}, query); narrow != wide {
			t.Errorf("%s: narrowed %q, else %q", query, narrow, wide)
		}
	}
}

// A block that can't be read is said once, and what others have to say of it stays.
func TestSearchBesideADamagedBlock(t *testing.T) {
	shop := storetest.Shop()
	dir := put(t, shop)
	write(t, fileOf(dir, shop[0]), []byte("hello")) // with the statement that bob executes
	src := read(t, dir)
	for _, c := range []struct{ query, want string }{
		{"", "dave#2 carol#2 bob#7 alice#6 bob#4"},
		{"zebra", "bob#4"},
		{"action:insert", ""}, // not known any more
		{"user:bob outcome:failed", "bob#7"},
	} {
		var got []string
		var errs []error
		for h, err := range replay.Search(t.Context(), src, parse(t, c.query)) {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			got = append(got, fmt.Sprintf("%s#%d", h.Session.User, h.Record.Seq))
		}
		if strings.Join(got, " ") != c.want || len(errs) != 1 || !strings.Contains(fmt.Sprint(errs), "0000000000001000.gfb") {
			t.Errorf("%s: %v %v, want %s", c.query, got, errs, c.want)
		}
	}
	var out bytes.Buffer
	err := replay.Transcript(t.Context(), &out, src, sessionOf(t, src, "bob").ID, replay.Options{})
	var unread *replay.UnreadError
	if !errors.As(err, &unread) || strings.Count(out.String(), "a statement that is not in the record") != 2 ||
		strings.Count(out.String(), "0000000000001000.gfb") != 1 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestQueryErrors(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"usr:alice", "  usr:alice\n  ^~~~~~~~~\n  did you mean user:alice?"},
		{"ok zzz:1", "  ok zzz:1\n     ^~~~~\n  to find the text itself, put it in quotes: \"zzz:1\""},
		{"user:", "  user:\n       ^\n  like user:alice"},
		{"kind:banana", "  kind:banana\n       ^~~~~~"},
		{"verdict:no", "there is no verdict of this name"},
		{"pid:x", "this is no whole number"},
		{"took:5", "this is no duration"},
		{"since:tomorrowish", "  since:tomorrowish\n        ^~~~~~~~~~~"},
		{"-since:1h", "can't be turned around"},
		{"client:10.0.0.0/99", "this is no network"},
		{`text:"open`, "this quote is not closed"},
		{`"a"b`, "right behind a closing quote"},
		{`a"b`, "a quote in the middle of a word"},
		{"===", "there is no word in this"},
		{"user:a,,b", "nothing between two commas"},
		{"session:xyz", "there is no session of this name"},
		{"since:1h until:2h", "since (2026-11-23T11:00:00Z) is after until"},
		{strings.Repeat("x ", 40000), "it has 80000 bytes"},
		{"/a", "this regular expression is not closed"},
		{"/etc/passwd", "put them in quotes"},
		{"//", "there is nothing between the slashes"},
		{"/(/", "this is no regular expression: missing closing ): ("},
		{"/((a{100}){100}){100}/", "invalid repeat count"},
		{"/" + strings.Repeat("a", 1025) + "/", "longer than 1 KiB"},
		{"user:/a/", "a regular expression can't be given here"},
		{"since:/a/", "this is no time"},
		{"time:2h", "this is a moment"},
		{"user:é\x1b[31m kind:x", "  user:é\ufffd[31m kind:x\n                   ^"},
	} {
		_, err := replay.Parse(c.query, noon)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %q", c.query, err, c.want)
		}
	}
}

func TestTimes(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 23, 13, 0, 0, 0, zone)
	for _, c := range []struct{ query, since, until string }{
		{"since:2026-11-22", "2026-11-22T00:00:00+01:00", ""},
		{"until:2026-11-22", "", "2026-11-22T23:59:59.999999999+01:00"},
		{`since:"2026-11-22 15:04"`, "2026-11-22T15:04:00+01:00", ""},
		{"until:2026-11-22T15:04", "", "2026-11-22T15:04:59.999999999+01:00"},
		{"until:2026-11-22T15:04:05", "", "2026-11-22T15:04:05+01:00"},
		{"since:2026-11-22t15:04:05z", "2026-11-22T16:04:05+01:00", ""},
		{"since:2h until:10m", "2026-11-23T11:00:00+01:00", "2026-11-23T12:50:00+01:00"},
		{"since:1d", "2026-11-22T13:00:00+01:00", ""},
		{"since:1.5w", "2026-11-13T01:00:00+01:00", ""},
		{"since:yesterday until:yesterday", "2026-11-22T00:00:00+01:00", "2026-11-22T23:59:59.999999999+01:00"},
		{"since:09:30", "2026-11-23T09:30:00+01:00", ""},
		{"since:1h since:2h", "2026-11-23T12:00:00+01:00", ""},
		{"until:1h until:2h", "", "2026-11-23T11:00:00+01:00"},
	} {
		q, err := replay.Parse(c.query, now)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		text := func(at int64) string {
			if at == 0 {
				return ""
			}
			return time.Unix(0, at).In(zone).Format(time.RFC3339Nano)
		}
		if text(q.Since) != c.since || text(q.Until) != c.until {
			t.Errorf("%s: %s to %s, want %s to %s", c.query, text(q.Since), text(q.Until), c.since, c.until)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, q := range []string{`user:alice -table:orders "a b" x* rows:>1 since:1h`, `text:"\"\\`, "-", ":", `-"`, "until:9999999999999w", "a:b:c", "text:*", "took:<1h", `/a\/b/ text:/(?i)x+/`, "time:today"} {
		f.Add(q)
	}
	m := storetest.NewMaker()
	s := m.Open("alice", "app", "orders", "shop")
	s.Query("select \xff\x00 é from x", []string{"select"}, []string{"a.b"})
	b, _ := m.Seal()
	src := one{b}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := replay.Parse(text, noon)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' }) {
				t.Errorf("an error with a control character: %q", err)
			}
			return
		}
		_ = q.Narrow()
		for _, err := range replay.Search(t.Context(), src, q) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Words are what package record says they are, or the filters would hide what the matcher finds.
func TestWordsAreThoseOfTheFilter(t *testing.T) {
	text := []byte("SELECT a_b, 'É-x' FROM t1; (*" + strings.Repeat("w", 200) + "\x00\xff")
	var want [][]byte
	record.Words(text, func(w []byte) { want = append(want, bytes.Clone(w)) })
	q := parse(t, string(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte{'\''}, nil), []byte{0}, []byte(" "))))
	got := q.Narrow().Words
	cut := func(w []byte) []byte { return w[:min(len(w), record.MaxWord)] }
	if !slices.EqualFunc(got, want, func(a, b []byte) bool { return bytes.Equal(cut(a), b) }) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCancelledSearch(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	ctx, cancel := contextWithCancel(t)
	var last error
	for h, err := range replay.Search(ctx, src, parse(t, "")) {
		if last = err; err == nil && h.Record.Seq == 2 {
			cancel()
		}
	}
	if !errors.Is(last, ctx.Err()) || last == nil {
		t.Errorf("it ended with %v", last)
	}
}
