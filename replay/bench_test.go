package replay_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// busy makes an archive of about 100,000 records: programs that prepare once and execute for ever, and people.
func busy(b *testing.B) *local.Store {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "archive")
	w, err := local.Open(dir, local.Write)
	if err != nil {
		b.Fatal(err)
	}
	m := storetest.NewMaker()
	var programs []*storetest.Session
	var prepared []uint64
	for range 8 {
		s := m.Open("service", "app", "orders", "shop")
		programs = append(programs, s)
		prepared = append(prepared, s.Prepare("q", "SELECT abalance FROM pgbench_accounts WHERE aid = $1", []string{"select"}, []string{"pgbench_accounts"}))
	}
	person := m.Open("alice", "app", "orders", "shop")
	for block := range 50 {
		for i := range 620 {
			s, p := programs[i%8], prepared[i%8]
			e := s.Execute(s.Bind(p, record.Param{Type: 23, Value: fmt.Appendf(nil, "%d", block*620+i)}))
			s.Result(e, "SELECT 1", 1)
		}
		q := person.Query(fmt.Sprintf("select note from orders where id = %d -- and a comment of usual length, as people write them", block), []string{"select"}, []string{"orders"})
		person.Result(q, "SELECT 1", 1)
		blk, raw := m.Seal()
		if err := w.Put(b.Context(), blk, raw); err != nil {
			b.Fatal(err)
		}
	}
	b.Cleanup(func() { w.Close() })
	return w
}

func BenchmarkSearch(b *testing.B) {
	src := busy(b)
	for _, query := range []string{"verdict:deny", "12345", "text:12345x", "user:alice", "table:orders note", "table:pgbench_accounts outcome:failed"} {
		b.Run(query, func(b *testing.B) {
			b.ReportAllocs()
			q, err := replay.Parse(query, noon)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				for _, err := range replay.Search(b.Context(), src, q) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	src := busy(b)
	for b.Loop() {
		if r, err := replay.Verify(b.Context(), src, nil); err != nil || !r.Intact() || !r.Complete() {
			b.Fatal(err, faults(r))
		}
	}
}

func BenchmarkTranscript(b *testing.B) {
	src := busy(b)
	var id record.ID
	for s := range src.Sessions(b.Context(), record.Narrow{Oldest: true}) {
		id = s.ID
		break
	}
	for b.Loop() {
		var out bytes.Buffer
		if err := replay.Transcript(b.Context(), &out, src, id, replay.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
