package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/recorder"
	"github.com/gatefold/gatefold/replay"
)

// From the tape through journal, sealer and archive to the investigator: what was said is found, long values whole, over
// restarts, and all of it verifies.
func TestFromTapeToInvestigator(t *testing.T) {
	dir := t.TempDir()
	long := "select '" + strings.Repeat("lorem ipsum ", 60<<10) + "' as needle" // over two records' room
	var ids []record.ID
	for run := range 3 {
		archive, rec := openRecord(t, dir)
		for i := range 4 {
			id := record.NewID(time.Now())
			ids = append(ids, id)
			tape, err := rec.Start(id)
			if err != nil {
				t.Fatal(err)
			}
			say := func(r record.Record) uint64 {
				seq, err := tape.Append(r)
				if err != nil {
					t.Fatal(err)
				}
				return seq
			}
			say(record.Record{Kind: record.KindOpen, User: fmt.Sprintf("user%d", i), Target: "orders", Verdict: record.VerdictAllow})
			q := say(record.Record{Kind: record.KindQuery, Verdict: record.VerdictAllow, Text: []byte(long)})
			say(record.Record{Kind: record.KindResult, Of: q, Outcome: record.OutcomeDone, Rows: 1})
			p := say(record.Record{Kind: record.KindParse, Text: []byte("select $1::text"), Verdict: record.VerdictAllow})
			b := say(record.Record{Kind: record.KindBind, Of: p, Params: []record.Param{{Type: 25, Value: []byte(fmt.Sprintf("run%d", run))}, {}}})
			say(record.Record{Kind: record.KindExecute, Of: b, Verdict: record.VerdictAllow})
			if i == 3 {
				continue // the gateway stops first
			}
			if err := tape.Close(record.Record{Outcome: record.OutcomeDone}); err != nil {
				t.Fatal(err)
			}
		}
		if err := rec.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
	}
	archive, rec := openRecord(t, dir) // ends what the last run left open
	defer archive.Close()
	defer rec.Close(context.WithoutCancel(t.Context()))
	if err := rec.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	src, err := local.Open(filepath.Join(dir, "archive"), local.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()

	report, err := replay.Verify(t.Context(), src, nil)
	if err != nil || !report.Intact() || !report.Complete() || report.Sessions != len(ids) || report.Open != 0 {
		t.Errorf("%v %+v", err, report)
	}
	for query, want := range map[string]int{"needle": 12, "run1": 4, "kind:query text:\"ipsum ' as needle\"": 12, "outcome:unknown kind:execute": 12, "outcome:unknown kind:close": 3} {
		q, err := replay.Parse(query, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for h, err := range replay.Search(t.Context(), src, q) {
			if err != nil {
				t.Fatal(err)
			}
			if h.Record.Kind == record.KindQuery && string(h.Record.Text) != long {
				t.Errorf("%s: a statement of %d bytes, not %d", query, len(h.Record.Text), len(long))
			}
			found++
		}
		if found != want {
			t.Errorf("%s: %d found, want %d", query, found, want)
		}
	}
	var out bytes.Buffer
	if err := replay.Transcript(t.Context(), &out, src, ids[3], replay.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user3", "$1 = 'run0'", "$2 = ''", "unknown"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in the transcript's end: %s", want, out.String()[max(0, out.Len()-2000):])
		}
	}
}

func openRecord(t *testing.T, dir string) (*local.Store, *recorder.Recorder) {
	t.Helper()
	archive, err := local.Open(filepath.Join(dir, "archive"), local.Write)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := recorder.Open(t.Context(), recorder.Options{Dir: filepath.Join(dir, "journal"), Home: archive, Seal: time.Millisecond,
		Journal: journal.Options{SegmentSize: 4 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	return archive, rec
}
