package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
)

// TestClickHouseIsHome: what is recorded is in ClickHouse alone, and all verbs go by it; what can't be done is refused by name. A
// session that a gateway left open is closed by its next start, and nobody else's is.
func TestClickHouseIsHome(t *testing.T) {
	a := newAnnex(t, ", home: true", "")
	r, cfg, shut := a.open()
	id := a.session(r, 1, 0)
	left := &old{t: t, r: r, id: record.ID{0: 2, 6: 0x70, 8: 0x80}, at: time.Now()}
	left.open("bob")
	left.add(record.Record{Kind: record.KindQuery, Text: []byte("select 'okapi'"), Verdict: record.VerdictAllow})
	if said := a.run("", 0, "search", "user:bob kind:query"); !strings.Contains(said, "okapi") {
		t.Errorf("search: %s", said)
	}
	if said := a.run("", 0, "verify"); !strings.Contains(said, "2 sessions (1 still open)") {
		t.Errorf("verify beside it: %s", said)
	}
	if _, err := r.hold(t.Context(), "gw1", holding{Session: id, Held: true, Reason: "case", User: "judge"}); err == nil {
		t.Error("a session is held, and nothing would keep it")
	}
	if said, err := r.prune(t.Context(), cfg, "judge"); err != nil || said != "nothing goes" {
		t.Errorf("prune: %s, %v", said, err)
	}
	shut() // left is open still
	other := newGatewayBeside(t, a)
	r, _, shut = other.open()
	other.session(r, 3, 0)
	shut()
	if said := a.run("", 0, "search", "user:bob kind:close"); said != "nothing found\n" {
		t.Errorf("another gateway closed a session that isn't its own: %s", said)
	}

	said := a.run("", 0, "redact", id.String(), "1", "--reason", "a zebra") // which opens the rooms itself
	if !strings.Contains(said, "#1") {
		t.Errorf("redact: %s", said)
	}
	if said := a.run("", 0, "search", "session:"+id.String()+" zebra"); said != "nothing found\n" {
		t.Errorf("it is found still: %s", said)
	}
	if said := a.run("", 0, "search", "user:bob kind:close"); !strings.Contains(said, "the gateway stopped") {
		t.Errorf("what the last run left open: %s", said)
	}
	if said := a.run("", exitError, "redact", other.id(3).String(), "1", "--reason", "not ours"); !strings.Contains(said, "no session") {
		t.Errorf("a session of another gateway's: %s", said)
	}
	if said := other.run("", 0, "verify"); !strings.Contains(said, "1 session (0 still open)") {
		t.Errorf("another gateway's verify: %s", said)
	}
	if said := a.run("", 0, "verify"); !strings.Contains(said, "(0 still open)") || !strings.Contains(said, "complete: yes, 1 redacted") || !strings.Contains(said, "signed:   up to") {
		t.Errorf("verify: %s", said)
	}
	for verb, want := range map[string]string{"hold add " + id.String() + " --reason x": "can't be held", "backfill": "nothing to carry on",
		"prune": "no archive here", "search --store local zebra": "there is no archive"} {
		if said := a.run("", exitError, strings.Fields(verb)...); !strings.Contains(said, want) {
			t.Errorf("%s: %s", verb, said)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(a.path), "state", "archive", "blocks")); err == nil {
		t.Error("there are blocks here")
	}
	a.tail()
	if said := a.run("", exitNo, "verify"); !strings.Contains(said, "complete: NO") {
		t.Errorf("its newest batch was taken away: %s", said)
	}
}

// newGatewayBeside is another gateway with the same ClickHouse.
func newGatewayBeside(t *testing.T, a *annex) *annex {
	t.Helper()
	b := &annex{t: t, path: filepath.Join(t.TempDir(), "gatefold.yaml"), text: strings.Replace(a.text, "gateway: gw1", "gateway: gw2", 1), conn: a.conn}
	b.configure("")
	b.run("nothing\n", 0, "secret", "add", "clickhouse", "--user", "default")
	return b
}

// TestHomeGoesOver: an archive here becomes ClickHouse's when that has all of it, not before; and the way back leaves nothing out.
func TestHomeGoesOver(t *testing.T) {
	a := newAnnex(t, "", "")
	r, _, shut := a.open()
	a.session(r, 1, 0)
	shut()
	here, there := a.text, strings.Replace(a.text, "batch:", "home: true, batch:", 1)
	a.text = there
	a.configure("")
	if _, _, err := a.try(); err == nil || !strings.Contains(err.Error(), "ClickHouse has them up to") {
		t.Fatalf("what ClickHouse lacks would be left behind: %v", err)
	}
	a.text = here
	a.configure("")
	a.run("", 0, "backfill")
	a.text = there
	a.configure("")
	r, _, shut = a.open()
	a.session(r, 2, 0)
	shut()
	if said := a.run("", 0, "verify"); !strings.Contains(said, "2 sessions (0 still open)") {
		t.Errorf("verify: %s", said)
	}
	a.text = here
	a.configure("")
	r, _, shut = a.open()
	a.session(r, 3, 0)
	a.follow(r)
	shut()
	a.run("", 0, "backfill")
	if said := a.run("", 0, "verify", "--store", "clickhouse"); !strings.Contains(said, "3 sessions (0 still open)") {
		t.Errorf("verify, with the archive here again: %s", said)
	}
}

// TestHomeIsAway: a gateway whose home can't be reached says so when it starts. One that runs goes on until its journal is full, and
// again when the home is back; then each record is there, once.
func TestHomeIsAway(t *testing.T) {
	a := newAnnex(t, ", home: true, timeout: 2s", "recording: {segment: 1MiB, journal: 4MiB}\n")
	a.way.Set(chengine.Refuse)
	if _, _, err := a.try(); err == nil || !strings.Contains(err.Error(), a.way.Addr) {
		t.Errorf("it starts: %v", err)
	}
	a.way.Set(nil)
	r, _, shut := a.open()
	tape, err := r.recorder.Start(a.id(1))
	if err != nil {
		t.Fatal(err)
	}
	add := func(rec record.Record) error {
		rec.At = time.Now().UnixNano()
		_, err := tape.Append(rec)
		return err
	}
	if err := add(record.Record{Kind: record.KindOpen, User: "alice", Protocol: "postgres", Verdict: record.VerdictAllow}); err != nil {
		t.Fatal(err)
	}
	a.way.Set(chengine.Hang)
	said := record.Record{Kind: record.KindNotice, Message: []byte(strings.Repeat("zebra ", 10_000))}
	count := 2 // with its Open and its Close
	for ; err == nil; count++ {
		if count > 100 {
			t.Fatal("the journal is never full")
		}
		err = add(said)
	}
	count--
	if !errors.Is(err, record.ErrNoRoom) {
		t.Fatal(err)
	}
	if err := r.healthy(); err == nil {
		testenv.Eventually(t, "it says that its home is away", func() bool { return r.healthy() != nil })
	}
	room := r.recorder.Room()
	if err := add(said); err == nil {
		count++
	}
	a.way.Set(nil)
	select {
	case <-room:
	case <-time.After(time.Minute):
		t.Fatal("the home is back, and there is no room")
	}
	testenv.Eventually(t, "records are taken again", func() bool { return add(said) == nil })
	count++
	if err := tape.Close(record.Record{Outcome: record.OutcomeDone}); err != nil {
		t.Fatal(err)
	}
	shut()
	var rows, once uint64
	if err := a.conn.QueryRow(t.Context(), "SELECT count(), uniqExact(session, seq) FROM records FINAL").Scan(&rows, &once); err != nil || rows != once || once != uint64(count) {
		t.Errorf("%d rows of %d records, and %d were taken: %v", rows, once, count, err)
	}
	a.run("", 0, "verify")
}

// TestHomeErasesLater pins that an order which ClickHouse cut short left a part undone for ever: it could not be given again. It goes on
// when the end of its session is put; one that the gateway's end cuts short, when that is closed by the next start.
func TestHomeErasesLater(t *testing.T) {
	a := newAnnex(t, ", home: true", "")
	r, _, shut := a.open()
	first, second := a.session(r, 1, 0), a.session(r, 2, 0)
	a.way.Set(func(w http.ResponseWriter, q *http.Request, next http.Handler, gone <-chan struct{}) {
		if strings.HasPrefix(q.URL.Query().Get("query"), "INSERT") {
			next.ServeHTTP(w, q)
			return
		}
		body, _ := io.ReadAll(q.Body)
		q.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.HasPrefix(body, []byte("ALTER TABLE records DELETE")) {
			chengine.Lose(w, q, next, gone)
			return
		}
		next.ServeHTTP(w, q)
	})
	order := redaction{Session: first, Seq: 1, Reason: "a zebra", User: "judge"}
	if _, err := r.redact(t.Context(), "gw1", order); err == nil || !strings.Contains(err.Error(), "the answer was lost") {
		t.Errorf("erasing is cut short: %v", err)
	}
	a.way.Set(nil)
	order.Session = second
	if _, _, err := r.tellErasing("gw1", order, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	shut() // and nothing was erased yet
	for query, want := range map[string]bool{first.String(): false, second.String(): true} {
		if said := a.run("", 0, "search", "zebra session:"+query); strings.Contains(said, "notice: zebra") != want {
			t.Errorf("before the next start, session %s: %s", query, said)
		}
	}
	_, _, shut = a.open()
	shut()
	if said := a.run("", 0, "search", "zebra session:"+second.String()); said != "nothing found\n" {
		t.Errorf("after the next start: %s", said)
	}
	if said := a.run("", 0, "verify"); !strings.Contains(said, "complete: yes, 2 redacted") || !strings.Contains(said, "(0 still open)") {
		t.Errorf("verify: %s", said)
	}
}
