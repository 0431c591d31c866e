package replay_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// full sets every field of a record, by reflection, so that a new one can't be forgotten.
func full(t *testing.T) record.Record {
	t.Helper()
	var r record.Record
	v := reflect.ValueOf(&r).Elem()
	for _, field := range record.Fields {
		switch f := v.FieldByName(field.Name); f.Interface().(type) {
		case record.ID:
			f.Set(reflect.ValueOf(record.ID{15: 7}))
		case []byte:
			f.SetBytes([]byte("value"))
		case string:
			f.SetString("value")
		case []string:
			f.Set(reflect.ValueOf([]string{"value"}))
		case []record.Param:
			f.Set(reflect.ValueOf([]record.Param{{Type: 23, Format: 1, Value: []byte{0, 0, 0, 7}}, {Null: true}}))
		case int64:
			f.SetInt(7)
		case uint64, uint32, record.Kind, record.Verdict, record.Outcome, record.Flags:
			f.SetUint(2)
		default:
			t.Fatalf("field %s has a type that this test does not know", field.Name)
		}
	}
	return r
}

// snake is a field's name as programs and people write it: insert_id.
func snake(name string) string {
	words := regexp.MustCompile(`[A-Z]+[a-z]*`).FindAllString(strings.ReplaceAll(name, "ID", "Id"), -1)
	return strings.ToLower(strings.Join(words, "_"))
}

// Every field of a record is in the export, under its own name.
func TestExportHasEveryField(t *testing.T) {
	r := full(t)
	m := storetest.NewMaker()
	m.Add(r.Session, r)
	b, _ := m.Seal()
	var out bytes.Buffer
	if err := replay.Export(t.Context(), &out, one{b}, nil); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, f := range record.Fields {
		name := snake(f.Name)
		if v, ok := got[name]; !ok || reflect.ValueOf(v).IsZero() && name != "seq" { // the maker numbers
			t.Errorf("field %s is missing from the export, or empty: %s", f.Name, out.Bytes())
		}
	}
	if len(got) != len(record.Fields) {
		t.Errorf("the export has %d fields, a record %d", len(got), len(record.Fields))
	}
}

// notSearched are the fields of a record that the query language leaves out, each with its reason.
var notSearched = map[string]string{
	"Of":     "the records that name one another are one hit",
	"At":     "since: and until:",
	"Params": "param:",
	"Flags":  "flag:",
}

// Every field of a record is in the query language, under its own name or as notSearched says.
func TestQueryHasEveryField(t *testing.T) {
	for _, f := range record.Fields {
		name := snake(f.Name)
		if f.Type == record.TypeStrings {
			name = strings.TrimSuffix(name, "s")
		}
		_, err := replay.Parse(name+":1", noon)
		unknown := err != nil && strings.Contains(err.Error(), "there is no field")
		if _, ok := notSearched[f.Name]; ok != unknown {
			t.Errorf("field %s: unknown to queries: %v, meant to be: %v", f.Name, unknown, ok)
		}
	}
	for _, why := range notSearched {
		for _, word := range strings.Fields(why) {
			if name, ok := strings.CutSuffix(word, ":"); ok {
				if _, err := replay.Parse(name+":1", noon); err != nil && strings.Contains(err.Error(), "there is no field") {
					t.Errorf("%s is no field either", word)
				}
			}
		}
	}
}

// Bytes that are no text come back byte by byte.
func TestExportKeepsBytes(t *testing.T) {
	raw := []byte("a\xff\x00<b>")
	m := storetest.NewMaker()
	s := m.Open("alice", "app", "orders", "shop")
	s.Query(string(raw), nil, nil)
	s.Query("select '<é>'", nil, nil)
	b, _ := m.Seal()
	var out bytes.Buffer
	if err := replay.Export(t.Context(), &out, one{b}, []record.ID{s.ID}); err != nil {
		t.Fatal(err)
	}
	if want := `"text":{"base64":"` + base64.StdEncoding.EncodeToString(raw) + `"}`; !strings.Contains(out.String(), want) {
		t.Errorf("%s\nis missing in\n%s", want, out.String())
	}
	if !strings.Contains(out.String(), `"text":"select '<é>'"`) {
		t.Errorf("text is not plain in\n%s", out.String())
	}
}

func TestExportOfSessionsAndHits(t *testing.T) {
	src := read(t, put(t, storetest.Shop()))
	kinds := func(write func(*bytes.Buffer) error) (list []string) {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			var r struct{ Kind string }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			list = append(list, r.Kind)
		}
		return list
	}
	carol := sessionOf(t, src, "carol").ID
	got := kinds(func(out *bytes.Buffer) error { return replay.Export(t.Context(), out, src, []record.ID{carol}) })
	if want := []string{"open", "join", "query", "data", "result", "close"}; !slices.Equal(got, want) {
		t.Errorf("carol: %v, want %v", got, want)
	}
	if n := len(kinds(func(out *bytes.Buffer) error { return replay.Export(t.Context(), out, src, nil) })); n != 29 {
		t.Errorf("all: %d records, want 29", n)
	}
	got = kinds(func(out *bytes.Buffer) error { return replay.ExportHits(t.Context(), out, src, parse(t, "zebra")) })
	if want := []string{"parse", "bind", "execute", "result"}; !slices.Equal(got, want) {
		t.Errorf("zebra: %v, want %v", got, want)
	}
}
