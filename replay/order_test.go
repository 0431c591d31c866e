package replay_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// several is a source of blocks that it yields in the order that Source asks for.
type several struct {
	one
	blocks []*record.Block
}

func (s several) Blocks(_ context.Context, n record.Narrow) iter.Seq2[*record.Block, error] {
	sorted := slices.Clone(s.blocks)
	if !n.Oldest {
		slices.SortFunc(sorted, func(a, b *record.Block) int { return int(b.Last - a.Last) })
	}
	return func(yield func(*record.Block, error) bool) {
		for _, b := range sorted {
			if !yield(b, nil) {
				return
			}
		}
	}
}

// bySession is a block with its records ordered by session, as the store rewrites old ones.
func bySession(t *testing.T, b *record.Block) *record.Block {
	t.Helper()
	var recs []record.Record
	for r, err := range b.Records() {
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, r.Clone())
	}
	slices.SortStableFunc(recs, func(a, b record.Record) int { return strings.Compare(string(a.Session[:]), string(b.Session[:])) })
	var raw []byte
	for i := range recs {
		raw = record.AppendRecord(raw, &recs[i])
	}
	c := *b
	c.Data = record.Pack(nil, raw)
	return &c
}

// crossed makes three blocks of two sessions that speak in turns, each rewritten by session, in the second of which the
// clock was set back by a second.
func crossed(t *testing.T) []*record.Block {
	t.Helper()
	m := storetest.NewMaker()
	a, b := m.Open("a", "app", "orders", "shop"), m.Open("b", "app", "orders", "shop")
	var blocks []*record.Block
	var open uint64
	for i := range 3 {
		for j := range 20 {
			s := []*storetest.Session{a, b}[j%2]
			q := s.Query(fmt.Sprintf("select %d", 20*i+j), []string{"select"}, []string{fmt.Sprintf("t%d", j%3)})
			if j == 19 {
				open = q // answered in the next block
				continue
			}
			s.Result(q, "SELECT 1", 1)
		}
		blk, _ := m.Seal()
		blocks = append(blocks, bySession(t, blk))
		m.Now = m.Now.Add(map[int]time.Duration{0: -time.Second, 1: 975 * time.Millisecond}[i])
		b.Result(open, "SELECT 2", 2)
	}
	return blocks
}

// What is found comes newest first, whatever the order of records in a block and whether blocks overlap.
func TestSearchIsNewestFirst(t *testing.T) {
	src := several{blocks: crossed(t)}
	var last int64
	n := 0
	for h, err := range replay.Search(t.Context(), src, parse(t, "kind:query")) {
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && h.Record.At > last {
			t.Errorf("%s at %d comes behind one at %d", h.Record.Text, h.Record.At, last)
		}
		if n++; h.Result == nil && string(h.Record.Text) != "select 59" {
			t.Errorf("%s has no result", h.Record.Text)
		}
		last = h.Record.At
	}
	if n != 60 {
		t.Errorf("%d found, want 60", n)
	}
}

// Pages put together are the whole, whatever their size and the query.
func TestPagesAreTheWhole(t *testing.T) {
	shop := read(t, put(t, storetest.Shop()))
	for _, src := range []replay.Source{several{blocks: crossed(t)}, shop} {
		for _, query := range []string{"", "kind:query,notice,result,open", "select", "deadlock", "okapi", "update deadlock", "rows:2"} {
			whole := page(t, src, query, "", -1)
			for _, size := range []int{1, 7, 16} {
				var all []string
				for cursor := ""; ; {
					some := page(t, src, query, cursor, size)
					all = append(all, some...)
					if len(some) < size {
						break
					}
					cursor = strings.Fields(some[size-1])[1]
				}
				if !slices.Equal(all, whole) {
					t.Errorf("%q in pages of %d: %d found, the whole is %d", query, size, len(all), len(whole))
				}
			}
		}
	}
}

// page writes up to n hits behind a cursor: "text cursor".
func page(t *testing.T, src replay.Source, query, after string, n int) (hits []string) {
	t.Helper()
	q := parse(t, query)
	if after != "" {
		if err := q.After(after); err != nil {
			t.Fatal(err)
		}
	}
	for h, err := range replay.Search(t.Context(), src, q) {
		if err != nil {
			t.Fatal(err)
		}
		if len(hits) == n {
			break
		}
		hits = append(hits, fmt.Sprintf("%v#%d %s", h.Session.ID, h.Record.Seq, h.Cursor()))
	}
	return hits
}

func TestBadCursors(t *testing.T) {
	q := parse(t, "")
	for _, c := range []string{"", "1-2-3", "x", "-1-" + strings.Repeat("0", 32) + "-1", strings.Repeat("g", 8) + "-" + strings.Repeat("0", 32) + "-1",
		"1-" + strings.Repeat("z", 32) + "-1", "1-" + strings.Repeat("0", 32) + "-" + strings.Repeat("f", 17)} {
		if err := q.After(c); err == nil || !strings.Contains(err.Error(), "read cursor") {
			t.Errorf("cursor %q: %v", c, err)
		}
	}
}

// crowd makes an archive of twelve sessions that speak in turns over forty blocks.
func crowd(t *testing.T) (dir string) {
	t.Helper()
	m := storetest.NewMaker()
	var sessions []*storetest.Session
	var prepared, open []uint64
	for i := range 12 {
		s := m.Open(fmt.Sprintf("user%d", i%5), "app", "orders", "shop")
		sessions = append(sessions, s)
		prepared = append(prepared, s.Prepare("p", "UPDATE stock SET n = n - 1 WHERE item = $1", []string{"update"}, []string{"stock"}))
		open = append(open, 0)
	}
	var blocks []storetest.Sealed
	for block := range 40 {
		for i := range 60 {
			n := (block*7 + i) % len(sessions)
			s := sessions[n]
			if open[n] != 0 {
				s.Fail(open[n], "40P01", "deadlock detected")
			}
			if i%3 == 0 {
				open[n] = s.Execute(s.Bind(prepared[n], record.Param{Value: fmt.Appendf(nil, "item%d", block*60+i)}))
				continue
			}
			q := s.Query(fmt.Sprintf("select %d /* %s */ from orders", block*60+i, strings.Repeat("lorem ", 40)), []string{"select"}, []string{"orders"})
			s.Result(q, "SELECT 1", 1)
			open[n] = 0
		}
		b, raw := m.Seal()
		blocks = append(blocks, storetest.Sealed{Block: b, Raw: raw})
	}
	return put(t, blocks)
}

// Rewriting blocks changes neither what is found nor its order, nor a cursor, a transcript or a script.
func TestRewritingChangesNothingFound(t *testing.T) {
	dir := crowd(t)
	look := func() (all []string) {
		src := read(t, dir)
		for _, q := range []string{"", "item1233", "update deadlock", "user:user3", "outcome:failed user:user1", `/select 12\d\d /`, "kind:open,result",
			"-table:stock user:user2", "param:item77", "since:2026-11-23T08:00:02Z until:2026-11-23T08:00:03Z"} {
			all = append(all, q+"\n"+strings.Join(page(t, src, q, "", -1), "\n"))
		}
		for _, user := range []string{"user0", "user4"} {
			all = append(all, transcript(t, src, sessionOf(t, src, user).ID, replay.Options{}), script(t, src, user))
		}
		return all
	}
	before := look()
	w, err := local.Open(dir, local.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for rewritten := 0; ; {
		done, err := w.Compact(t.Context(), math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		if rewritten += done.Blocks; done.Blocks > 0 {
			continue
		}
		if rewritten < 20 {
			t.Fatalf("only %d blocks were rewritten", rewritten)
		}
		break
	}
	for i, after := range look() {
		if after != before[i] {
			t.Errorf("before:\n%.2000s\nafter:\n%.2000s", before[i], after)
		}
	}
}
