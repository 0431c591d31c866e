package replay_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// A search that is about one session reads only the part of a rewritten block in which it lies; that part lists its
// neighbours whole, and was taken for damaged.
func TestSearchInAPartOfARewrittenBlock(t *testing.T) {
	store, err := local.Open(filepath.Join(t.TempDir(), "archive"), local.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	m := storetest.NewMaker()
	long, short := m.Open("alice", "app", "orders", "shop"), m.Open("bob", "app", "orders", "shop")
	for block := range 20 {
		for i := range 400 {
			q := long.Query(fmt.Sprintf("SELECT note FROM orders WHERE id = %d -- %s", i, strings.Repeat("a remark ", 20)), []string{"select"}, []string{"orders"})
			long.Result(q, "SELECT 1", 1)
		}
		q := short.Query(fmt.Sprintf("SELECT zebra FROM stock WHERE id = %d", block), []string{"select"}, []string{"stock"})
		short.Result(q, "SELECT 1", 1)
		b, raw := m.Seal()
		if err := store.Put(t.Context(), b, raw); err != nil {
			t.Fatal(err)
		}
	}
	rewritten := 0
	for {
		done, err := store.Compact(t.Context(), math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		if done.Blocks == 0 {
			break
		}
		rewritten += done.Blocks
	}
	if rewritten == 0 {
		t.Fatal("nothing was rewritten")
	}
	q, err := replay.Parse("user:bob zebra", noon)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, err := range replay.Search(t.Context(), store, q) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != 20 {
		t.Errorf("%d found, want 20", found)
	}
}
