package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func words(text string) (list []string) {
	Words([]byte(text), func(w []byte) { list = append(list, string(w)) })
	return list
}

func TestWords(t *testing.T) {
	long := strings.Repeat("x", MaxWord)
	for text, want := range map[string][]string{
		"":                                 nil,
		" ;()":                             nil,
		"SELECT a FROM Public.Orders":      {"select", "a", "from", "public", "orders"},
		"where id=$1 and s='it''s'":        {"where", "id", "1", "and", "s", "it", "s"},
		"snake_case Größe ÄRGER":           {"snake_case", "größe", "Ärger"},
		"\xff\x80x":                        {"\xff\x80x"},
		long + "tail next " + long:         {long, "next", long},
		"2026-11-23T08:00 a@example.com\t": {"2026", "11", "23t08", "00", "a", "example", "com"},
	} {
		if got := words(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A set's filter and one that was filled word by word must be of one mind, or a search would miss evidence.
func TestFilterHoldsEveryWordOfItsRecords(t *testing.T) {
	r := full(t)
	r.Params = []Param{{Value: []byte("text 4711")}, {Type: oidInt4, Format: 1, Value: []byte{0, 0, 0x12, 0x68}}}
	r.Kind = KindOpen
	r.Text = []byte("select " + strings.Repeat("y", MaxWord+5) + " from Orders")
	var set WordSet
	for range 3 { // Reset keeps its room
		set.Reset()
		set.AddRecord(&r)
	}
	f := set.Filter()
	for _, text := range []string{string(r.Text), "4711", "4712", "public.orders", r.User, r.Version, r.Parent.String()[:0], string(r.Code)} {
		for _, w := range words(text) {
			if !f.May([]byte(w)) {
				t.Errorf("%q is not in the filter", w)
			}
		}
	}
	if f.May([]byte("absent")) && f.May([]byte("missing")) && f.May([]byte("nowhere")) {
		t.Error("the filter says yes to everything")
	}
}

func TestFilterErrsSeldom(t *testing.T) {
	for _, n := range []int{1, 100, 5000, 100000} {
		f := NewFilter(n)
		for i := range n {
			f.Add(fmt.Appendf(nil, "word%d", i))
		}
		wrong := 0
		for i := range 20000 {
			if !f.May(fmt.Appendf(nil, "word%d", i%n)) {
				t.Fatalf("%d words: word%d is missing", n, i%n)
			}
			if f.May(fmt.Appendf(nil, "other%d", i)) {
				wrong++
			}
		}
		if wrong > 20000*3/100 {
			t.Errorf("%d words: %d of 20000 wrong", n, wrong)
		}
	}
	var empty Filter
	if empty.May([]byte("x")) {
		t.Error("an empty filter says yes")
	}
}

func TestExtendJoinsWhatWasSplit(t *testing.T) {
	base := Record{Flags: FlagMore, Text: []byte("selec"), Message: []byte("m")}
	base.Extend(&Record{Flags: FlagMore, Text: []byte("t $1")})
	base.Extend(&Record{Flags: FlagMore, Params: []Param{{Value: []byte("va")}}})
	base.Extend(&Record{Text: []byte("lue"), Params: []Param{{Null: true}}, Message: []byte("n"), Tables: []string{"t"}})
	if string(base.Text) != "select $1" || len(base.Params) != 2 || string(base.Params[0].Value) != "value" ||
		!base.Params[1].Null || string(base.Message) != "mn" || len(base.Tables) != 1 || base.Flags != 0 {
		t.Errorf("%+v", base)
	}
}

func BenchmarkAddRecord(b *testing.B) {
	var set WordSet
	r := typical()
	b.ReportAllocs()
	for b.Loop() {
		set.AddRecord(&r)
	}
}

// Content may hold any word: to gather those of random bytes cost half of all that recording them did.
func TestContentHasAnyWord(t *testing.T) {
	content := append(bytes.Repeat([]byte("word "), 1<<10), 0)
	content[contentLook-1] = 0
	r := Record{Kind: KindOutput, Text: content}
	var byRecord, byPayload WordSet
	byRecord.AddRecord(&r)
	if err := byPayload.AddPayload(r.Kind, r.AppendPayload(nil)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []Filter{byRecord.Filter(), byPayload.Filter()} {
		if len(f.Bits) != 1 || !f.May([]byte("word")) || !f.May([]byte("another")) {
			t.Errorf("%x", f.Bits)
		}
	}
	content[contentLook-1] = ' ' // the only one in what is looked at
	byRecord.Reset()
	byRecord.AddRecord(&r)
	if f := byRecord.Filter(); !f.May([]byte("word")) || f.May([]byte("another")) {
		t.Errorf("%x", f.Bits)
	}
}
