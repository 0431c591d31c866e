package storetest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
)

// users are whose sessions are yielded, in order.
func users(t *testing.T, s Store, n record.Narrow) string {
	t.Helper()
	var names []string
	for _, line := range all(t, s.Sessions(t.Context(), n)) {
		names = append(names, line.User)
	}
	return strings.Join(names, " ")
}

func sessions(t *testing.T, p Place) {
	s, shop := fill(t, p)
	alice, ok, err := s.Session(t.Context(), ids(shop)[0])
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	want := record.Session{ID: alice.ID, User: "alice", Account: "app", Target: "orders", Database: "shop", Protocol: "postgres",
		Client: "10.0.0.5:51234", App: "psql", PID: 4701, Opened: shop[0].First, Closed: shop[3].Last, Outcome: record.OutcomeDone,
		Verdict: record.VerdictAllow, Last: alice.Last, Actions: 3, Head: alice.Head, Secret: alice.Secret}
	if alice != want {
		t.Errorf("alice's line:\n%+v, want\n%+v", alice, want)
	}
	for _, c := range []struct {
		name string
		n    record.Narrow
		want string // more is allowed by the contract; a store of ours is exact
	}{
		{"all", record.Narrow{}, "dave carol bob alice"},
		{"oldest first", record.Narrow{Oldest: true}, "alice bob carol dave"},
		{"user", record.Narrow{User: "bob"}, "bob"},
		{"user in another case", record.Narrow{User: "bOb"}, "bob"},
		{"account", record.Narrow{Account: "batch"}, "bob"},
		{"target", record.Narrow{Target: "stock"}, "dave carol"},
		{"nobody", record.Narrow{User: "bob", Target: "stock"}, ""},
		{"pid", record.Narrow{PID: 4703}, "carol"},
		{"prefix", record.Narrow{Prefix: strings.ReplaceAll(alice.ID.String(), "-", "")[:18]}, "alice"},
		{"ids", record.Narrow{Sessions: []record.ID{alice.ID}}, "alice"},
		{"closed before", record.Narrow{Since: shop[4].First}, "dave carol bob"},
		{"opened after", record.Narrow{Until: shop[0].Last}, "bob alice"},
	} {
		if got := users(t, s, c.n); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// positions are which of the shop's blocks are yielded, by number.
func positions(t *testing.T, s Store, shop []Sealed, n record.Narrow) []int {
	t.Helper()
	list := []int{}
	for _, b := range all(t, s.Blocks(t.Context(), n)) {
		i := slices.IndexFunc(shop, func(want Sealed) bool { return want.Pos == b.Pos })
		if i < 0 || !same(t, b, shop[i], n) {
			t.Fatalf("block %016x is not one that was put", b.Pos)
		}
		list = append(list, i)
	}
	return list
}

// same reports whether a block is the one that was put, to the byte of its records' encoding: whole, or the part of it that
// was asked for.
func same(t *testing.T, b *record.Block, put Sealed, n record.Narrow) bool {
	t.Helper()
	if len(b.Data) > 0 && !b.Part {
		return bytes.Equal(b.AppendTo(nil), put.Raw)
	}
	have, err := b.Unpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := put.Unpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Part {
		return bytes.Equal(have, raw) && slices.Equal(b.Spans, put.Spans)
	}
	var want []byte // what was put of the part's sessions
	for len(raw) > 0 {
		var r record.Record
		rest, err := record.Decode(raw, &r)
		if err != nil {
			t.Fatal(err)
		}
		asked := n.Kinds == 0 || n.Kinds&(1<<r.Kind) != 0
		asked = asked && (n.Since == 0 || r.At >= n.Since) && (n.Until == 0 || r.At <= n.Until)
		asked = asked && (len(n.Sessions) == 0 || r.Seq >= n.First && (n.Last == 0 || r.Seq <= n.Last))
		if asked && slices.ContainsFunc(b.Spans, func(s record.Span) bool { return s.Session == r.Session }) {
			want = append(want, raw[:len(raw)-len(rest)]...)
		}
		raw = rest
	}
	for _, s := range b.Spans {
		if !slices.Contains(put.Spans, s) {
			t.Errorf("block %016x has the span %+v, which was not put", b.Pos, s)
		}
	}
	return bytes.Equal(have, want)
}

func blocks(t *testing.T, p Place) {
	s, shop := fill(t, p)
	who := ids(shop)
	for _, c := range []struct {
		name string
		n    record.Narrow
		want []int
	}{
		{"all", record.Narrow{}, []int{4, 3, 2, 1, 0}},
		{"oldest first", record.Narrow{Oldest: true}, []int{0, 1, 2, 3, 4}},
		{"since", record.Narrow{Since: shop[3].First}, []int{4, 3}},
		{"until", record.Narrow{Until: shop[1].Last}, []int{1, 0}},
		{"alice", record.Narrow{User: "alice"}, []int{3, 2, 0}},
		{"bob's id", record.Narrow{Sessions: []record.ID{who[1]}}, []int{4, 3, 2, 1, 0}},
		{"a part of bob", record.Narrow{Sessions: []record.ID{who[1]}, First: 3, Last: 4}, []int{2, 1}},
		{"kinds", record.Narrow{Kinds: 1 << record.KindNotice}, []int{3}},
	} {
		if got := positions(t, s, shop, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%s: blocks %v, want %v", c.name, got, c.want)
		}
	}
}

// words are found in the block in which they were said, and in those in which their session goes on: an execution stands
// behind its statement. A filter may let others pass.
func words(t *testing.T, p Place) {
	s, shop := fill(t, p)
	for _, c := range []struct {
		said string
		must []int
		more int // blocks that may be found as well
	}{
		{"salaries", []int{0, 2, 3}, 2}, // a filter is of a block: bob, whose session begins there, may have said it
		{"zebra", []int{1, 2, 3, 4}, 0},
		{"4711", []int{1, 2, 3, 4}, 0},         // a binary parameter, as a person writes it
		{"insert zebra", []int{1, 2, 3, 4}, 0}, // said in two blocks
		{"okapi giraffe", []int{4}, 0},
		{"nobody_said_this_word", nil, 0},
	} {
		var n record.Narrow
		for _, w := range strings.Fields(c.said) {
			n.Words = append(n.Words, []byte(w))
		}
		got := positions(t, s, shop, n)
		for _, want := range c.must {
			if !slices.Contains(got, want) {
				t.Errorf("%q: blocks %v, and %d must be among them", c.said, got, want)
			}
		}
		if len(got) > len(c.must)+c.more {
			t.Errorf("%q: blocks %v, more than %v: the filters do not narrow", c.said, got, c.must)
		}
	}
}

// touchedWords: what a command line runs and touches is looked for in what was made of it, r\m being rm. Both blocks come back
// as they were, lists and all.
func touchedWords(t *testing.T, p Place) {
	s, hosts := p.Write(t), Hosts()
	for _, b := range hosts {
		if err := s.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	for word, want := range map[string][]int{"fdisk": {1}, "systemctl": {0}, "shadow": {0}, "okapi": {0}, "nobody_ran_this": {}} {
		if got := positions(t, s, hosts, record.Narrow{Words: [][]byte{[]byte(word)}}); !slices.Equal(got, want) {
			t.Errorf("%q: blocks %v, want %v", word, got, want)
		}
	}
}

func beside(t *testing.T, p Place) {
	w, shop := p.Write(t), Shop()
	if err := w.Put(t.Context(), shop[0].Block, shop[0].Raw); err != nil {
		t.Fatal(err)
	}
	r := p.Read(t)
	if got := positions(t, r, shop, record.Narrow{}); !slices.Equal(got, []int{0}) {
		t.Errorf("blocks %v, want the first", got)
	}
	for _, b := range shop[1:] {
		if err := w.Put(t.Context(), b.Block, b.Raw); err != nil {
			t.Fatal(err)
		}
	}
	if got := positions(t, r, shop, record.Narrow{Oldest: true}); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("blocks %v, want all", got)
	}
	if err := r.Put(t.Context(), shop[0].Block, shop[0].Raw); err == nil {
		t.Error("a store that is open for reading took a block")
	}
}

func cancelled(t *testing.T, p Place) {
	s, _ := fill(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range s.Blocks(ctx, record.Narrow{}) {
		n++
		last = err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d yields, the last with %v, after the context ended with the first", n, last)
	}
}

// hits are found among what a store gives to one who asks for single records: whatever else it gives, each is there, none is newer
// than a block says, and blocks come the newest first.
func hits(t *testing.T, p Place) {
	s, shop := fill(t, p)
	var said []record.Record
	for _, b := range shop {
		for r, err := range b.Records() {
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, r.Clone())
		}
	}
	const refused = 1<<record.KindParse | 1<<record.KindBind
	for _, c := range []struct {
		name string
		n    record.Narrow
		is   func(r *record.Record) bool
	}{
		{"all", record.Narrow{}, func(*record.Record) bool { return true }},
		{"queries", record.Narrow{Kinds: 1 << record.KindQuery}, func(r *record.Record) bool { return r.Kind == record.KindQuery }},
		{"executions, and what was refused", record.Narrow{Kinds: 1<<record.KindExecute | refused, Refused: refused}, func(r *record.Record) bool {
			return r.Kind == record.KindExecute
		}},
		{"refused", record.Narrow{Verdict: record.VerdictDeny}, func(r *record.Record) bool { return r.Verdict == record.VerdictDeny }},
		{"since", record.Narrow{Since: shop[3].First}, func(r *record.Record) bool { return r.At >= shop[3].First }},
		{"a word in a statement", record.Narrow{Kinds: 1 << record.KindQuery, Words: [][]byte{[]byte("salaries")}}, func(r *record.Record) bool {
			return r.Kind == record.KindQuery && bytes.Contains(r.Text, []byte("salaries"))
		}},
		{"a parameter, where it is executed", record.Narrow{Kinds: 1 << record.KindExecute, Words: [][]byte{[]byte("4711")}}, func(r *record.Record) bool {
			of := slices.IndexFunc(said, func(b record.Record) bool { return b.Session == r.Session && b.Seq == r.Of })
			return r.Kind == record.KindExecute && of >= 0 && slices.ContainsFunc(said[of].Params, func(p record.Param) bool { return string(p.AppendText(nil)) == "4711" })
		}},
	} {
		c.n.Hits = true
		last, found := int64(math.MaxInt64), make(map[record.ID]map[uint64]bool)
		for _, b := range all(t, s.Blocks(t.Context(), c.n)) {
			if b.Last > last {
				t.Errorf("%s: a block of %d comes behind one of %d", c.name, b.Last, last)
			}
			last = b.Last
			for r, err := range b.Records() {
				if err != nil || r.At > b.Last {
					t.Fatalf("%s: %v; a record of %d in a block that ends at %d", c.name, err, r.At, b.Last)
				}
				if found[r.Session] == nil {
					found[r.Session] = make(map[uint64]bool)
				}
				found[r.Session][r.Seq] = true
			}
		}
		n := 0
		for i := range said {
			if r := &said[i]; c.is(r) {
				if n++; !found[r.Session][r.Seq] {
					t.Errorf("%s: record #%d of %v, a %v, is missing", c.name, r.Seq, r.Session, r.Kind)
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: there is none to be found", c.name)
		}
	}
}
