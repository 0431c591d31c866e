package storetest

import (
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Sealed is a block with its bytes.
type Sealed struct {
	*record.Block
	Raw []byte
}

// Shop is a small archive, in five blocks, of a morning at a shop: alice looks and is refused, bob's program runs prepared
// statements across blocks, carol's long statement is split, and dave is still there.
func Shop() []Sealed { return ShopAt(NewMaker().Now) }

// ShopAt is the Shop on a morning that begins then.
func ShopAt(begin time.Time) []Sealed {
	m := NewMaker()
	m.Now = begin
	var blocks []Sealed
	seal := func() {
		b, raw := m.Seal()
		blocks = append(blocks, Sealed{b, raw})
	}
	sel, orders := []string{"select"}, []string{"public.orders"}

	alice := m.Open("alice", "app", "orders", "shop")
	q := alice.Query("SELECT * FROM public.orders WHERE id = 42", sel, orders)
	alice.Result(q, "SELECT 1", 1)
	alice.Refuse("select name, salary from salaries", "no-salaries", sel, []string{"salaries"})
	bob := m.Open("bob", "batch", "orders", "shop")
	insert := bob.Prepare("add", "INSERT INTO orders (customer, note) VALUES ($1, $2)", []string{"insert"}, []string{"orders"})
	seal()

	m.Now = m.Now.Add(time.Minute)
	bind := bob.Bind(insert, record.Param{Type: 23, Format: 1, Value: []byte{0, 0, 0x12, 0x67}}, record.Param{Type: 25, Value: []byte("zebra crossing")})
	seal()

	m.Now = m.Now.Add(time.Minute)
	first := bob.Execute(bind)
	q = alice.Query("update orders set note = 'x' where id = 42", []string{"update"}, []string{"orders"})
	seal()

	m.Now = m.Now.Add(time.Minute)
	bob.Result(first, "INSERT 0 1", 1)
	second := bob.Execute(bob.Bind(insert, record.Param{Type: 23, Null: true}, record.Param{Type: 25, Value: []byte("later")}))
	bob.Fail(second, "23502", `null value in column "customer" violates not-null constraint`)
	alice.Fail(q, "40P01", "deadlock detected")
	alice.Add(record.Record{Kind: record.KindNotice, Of: q, Code: []byte("01000"), Message: []byte("beware of the leopard")})
	alice.Close()
	seal()

	m.Now = m.Now.Add(time.Minute)
	carol := m.Open("carol", "app", "stock", "shop")
	long := carol.Add(record.Record{Kind: record.KindQuery, Verdict: record.VerdictAllow, Flags: record.FlagMore, Length: 40,
		Text: []byte("select giraffe from "), Actions: sel, Tables: []string{"animals"}})
	carol.Add(record.Record{Kind: record.KindData, Of: long, Bytes: 20, Text: []byte("animals where x = 'okapi'")})
	carol.Result(long, "SELECT 0", 0)
	carol.Close()
	bob.Close()
	dave := m.Open("dave", "app", "stock", "shop")
	dave.Query("select pg_sleep(3600)", sel, nil)
	seal()
	return blocks
}
