package clickhouse_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/internal/testenv"
)

// orders are blocks of a session that says a secret, and of one that orders it to be erased.
type orders struct {
	t     *testing.T
	m     *storetest.Maker
	alice *storetest.Session
	judge *storetest.Session
	said  []uint64 // Seqs of what is to be erased
	dsn   string
	count int
}

func newOrders(t *testing.T) *orders {
	o := &orders{t: t, m: storetest.NewMaker(), dsn: chengine.ForTest(t).CreateDB(t)}
	o.alice = o.m.Open("alice", "app", "orders", "shop")
	return o
}

// say has the secret said so many times.
func (o *orders) say(times int) {
	for n := range times {
		q := o.alice.Query(fmt.Sprintf("select hunter2 from vault where n = %d", n), []string{"select"}, []string{"vault"})
		o.said = append(o.said, q)
		o.alice.Result(q, "SELECT 1", 1)
	}
}

// order records that all of it is to be erased.
func (o *orders) order() {
	o.judge = o.m.Open("judge", "", "", "")
	for _, seq := range o.said {
		o.judge.Add(record.Record{Kind: record.KindRedact, Parent: o.alice.ID, Of: seq, Message: []byte("a password")})
	}
}

func (o *orders) end(outcome record.Outcome) {
	o.judge.Add(record.Record{Kind: record.KindClose, Outcome: outcome})
}

func (o *orders) seal() []storetest.Sealed {
	b, raw := o.m.Seal()
	o.count += b.Count
	return []storetest.Sealed{{Block: b, Raw: raw}}
}

// left counts the rows that say the secret, or tell where it is.
func (o *orders) left() (said, touched string) {
	o.t.Helper()
	return rows(o.t, o.dsn, `SELECT toString(count()) FROM records WHERE text LIKE '%hunter2%'`)[0],
		rows(o.t, o.dsn, `SELECT toString(count()) FROM touched WHERE name = 'vault'`)[0]
}

// TestErasedBesideUnerased pins that what was erased between two tries of its batch was shown in clear until parts merged, and that
// the order to erase it, when it came, left it there: a row that was erased already hid the one that was not.
func TestErasedBesideUnerased(t *testing.T) {
	o := newOrders(t)
	o.say(3)
	first := o.seal()
	near, far := home(t, first), open(t, options(t, o.dsn, clickhouse.Write))
	follow(t, near, far, 1000)
	exec(t, o.dsn, `CREATE TABLE twins ENGINE = MergeTree ORDER BY seq AS SELECT * FROM records WHERE text LIKE '%hunter2%'`)
	exec(t, o.dsn, `ALTER TABLE blocks DELETE WHERE 1 SETTINGS mutations_sync = 2`) // as if it had ended before its line
	far.AskAnew()
	o.order()
	o.end(record.OutcomeDone)
	second := o.seal()
	if _, err := near.Redact(t.Context(), o.alice.ID, o.said); err != nil {
		t.Fatal(err)
	}
	follow(t, near, far, 1000)                                // the first batch again, without payloads
	exec(t, o.dsn, `INSERT INTO records SELECT * FROM twins`) // whichever of the rows comes first
	if said, _ := o.left(); said == "0" {
		t.Error("no row is in clear")
	}
	for r, err := range far.Tail(t.Context(), o.alice.ID) {
		if err != nil || strings.Contains(string(r.Text), "hunter2") {
			t.Errorf("it is shown: #%d %s, %v", r.Seq, r.Text, err)
		}
	}
	if err := near.Put(t.Context(), second[0].Block, second[0].Raw); err != nil {
		t.Fatal(err)
	}
	follow(t, near, far, 1000)
	if said, touched := o.left(); said != "0" || touched != "0" {
		t.Errorf("%s rows say it still, and %s where", said, touched)
	}
	sound(t, far, o.count)
	if a, b := exported(t, near), exported(t, far); a != b {
		t.Errorf("the archives are exported otherwise:\n%s\n%s", a, b)
	}
}

// TestFailedErasing pins that an order to erase that failed at home was carried out here. An order is what its session tells when it
// has ended, in this batch or in others before it; of one that was cut short it isn't known that it failed.
func TestFailedErasing(t *testing.T) {
	for outcome, left := range map[record.Outcome]string{record.OutcomeFailed: "1", record.OutcomeDone: "0", record.OutcomeUnknown: "0"} {
		for _, apart := range []bool{false, true} {
			o := newOrders(t)
			far := open(t, options(t, o.dsn, clickhouse.Write))
			put := func() {
				t.Helper()
				b := o.seal()[0]
				if err := far.Put(t.Context(), b.Block, b.Raw); err != nil {
					t.Fatal(err)
				}
			}
			o.say(1)
			put()
			o.order()
			if apart {
				put()
				if said, touched := o.left(); said != "1" || touched != "1" {
					t.Errorf("it is not known yet whether it is erased, and %s rows say it, and %s where", said, touched)
				}
			}
			o.end(outcome)
			put()
			if said, touched := o.left(); said != left || touched != left {
				t.Errorf("ended as %v, apart %v: %s rows say it, and %s where; want %s", outcome, apart, said, touched, left)
			}
		}
	}
}

// TestManyErased pins that erasing more than some 2,700 records of a session made a query that was too long.
func TestManyErased(t *testing.T) {
	o := newOrders(t)
	o.say(3000)
	for seq := uint64(2); len(o.said) < 6000; seq++ { // the results too: without gaps, little of the secret is left
		if !slices.Contains(o.said, seq) {
			o.said = append(o.said, seq)
		}
	}
	first := o.seal()
	near, far := home(t, first), open(t, options(t, o.dsn, clickhouse.Write))
	follow(t, near, far, 100_000)
	o.order()
	slices.Sort(o.said)
	o.end(record.OutcomeDone)
	second := o.seal()
	if err := near.Put(t.Context(), second[0].Block, second[0].Raw); err != nil {
		t.Fatal(err)
	}
	if _, err := near.Redact(t.Context(), o.alice.ID, o.said); err != nil {
		t.Fatal(err)
	}
	follow(t, near, far, 100_000)
	if said, touched := o.left(); said != "0" || touched != "0" {
		t.Errorf("%s rows say it still, and %s where", said, touched)
	}
	sound(t, far, o.count)
}

// TestErasingGoesOn: an order that was cut short at any statement is carried out when the batch comes again.
func TestErasingGoesOn(t *testing.T) {
	o := newOrders(t)
	o.say(2)
	o.said = append(o.said, 0) // and who it was
	far := open(t, options(t, o.dsn, clickhouse.Write))
	first := o.seal()[0]
	if err := far.Put(t.Context(), first.Block, first.Raw); err != nil {
		t.Fatal(err)
	}
	o.order()
	o.end(record.OutcomeDone)
	second := o.seal()[0]
	cuts := 0
	for done := false; !done; cuts++ {
		ctx, cancel := context.WithCancel(t.Context())
		s := open(t, options(t, o.dsn, clickhouse.Write))
		clickhouse.AfterStatements(s, func(string) { cancel() }) // done, and not heard of
		err := s.Put(ctx, second.Block, second.Raw)
		if done = err == nil; !done && ctx.Err() == nil || cuts > 20 {
			t.Fatal(err)
		}
		cancel()
	}
	if cuts < 5 {
		t.Errorf("it was cut short %d times only", cuts)
	}
	if said, touched := o.left(); said != "0" || touched != "0" {
		t.Errorf("%s rows say it still, and %s where", said, touched)
	}
	if got := rows(t, o.dsn, `SELECT user FROM spans WHERE user = 'alice'`); len(got) > 0 {
		t.Errorf("who it was stands there %d times", len(got))
	}
	sound(t, far, o.count)
}

// TestMutationsDontPileUp pins that each try to erase asked for another mutation, while the one before it still went on.
func TestMutationsDontPileUp(t *testing.T) {
	o := newOrders(t)
	o.say(1)
	far := open(t, options(t, o.dsn, clickhouse.Write))
	first := o.seal()[0]
	if err := far.Put(t.Context(), first.Block, first.Raw); err != nil {
		t.Fatal(err)
	}
	exec(t, o.dsn, `SYSTEM STOP MERGES records`) // nor do mutations go on
	pending := func() string {
		t.Helper()
		return rows(t, o.dsn, `SELECT toString(count()) FROM system.mutations WHERE database = currentDatabase() AND NOT is_done`)[0]
	}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := far.Redact(ctx, o.alice.ID, o.said)
			done <- err
		}()
		testenv.Eventually(t, "a change waits", func() bool { return pending() != "0" })
		time.AfterFunc(100*time.Millisecond, cancel) // some way into its wait, whatever it is for
		if err := <-done; err == nil {
			t.Error("it is done, and can't be")
		}
	}
	if n := pending(); n != "1" {
		t.Errorf("%s mutations wait", n)
	}
	exec(t, o.dsn, `SYSTEM START MERGES records`)
	if _, err := far.Redact(t.Context(), o.alice.ID, o.said); err != nil {
		t.Fatal(err)
	}
	if said, touched := o.left(); said != "0" || touched != "0" {
		t.Errorf("%s rows say it still, and %s where", said, touched)
	}
	o.order()
	o.end(record.OutcomeDone)
	second := o.seal()[0]
	if err := far.Put(t.Context(), second.Block, second.Raw); err != nil {
		t.Fatal(err)
	}
	sound(t, far, o.count)
}
