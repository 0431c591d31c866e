package clickhouse

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// pack gives what ClickHouse gives for packing's expression.
func pack(r *row) (b []byte) {
	one := func(v any) {
		switch v := v.(type) {
		case uint16:
			b = binary.LittleEndian.AppendUint16(b, v)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, v)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, v)
		case int64:
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		case time.Time:
			b = binary.LittleEndian.AppendUint64(b, uint64(v.UnixNano()))
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		default:
			panic(fmt.Sprintf("%T", v))
		}
	}
	for _, c := range columns() {
		switch v := c.(interface{ value(*row) any }).value(r).(type) {
		case string:
			if c.label() == "session" || c.label() == "parent" {
				b = append(b, v...)
				continue
			}
			one(v)
		default:
			if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
				b = binary.AppendUvarint(b, uint64(list.Len()))
				for i := range list.Len() {
					one(list.Index(i).Interface())
				}
				continue
			}
			one(v)
		}
	}
	return b
}

func (c *columnOf[T]) value(r *row) any { return c.get(r) }

// TestEveryFieldHasAColumn: a field that is missing from the ClickHouse schema would be lost there.
func TestEveryFieldHasAColumn(t *testing.T) {
	table := schema[strings.Index(schema, "CREATE TABLE IF NOT EXISTS records"):]
	table = table[:strings.Index(table, "ENGINE")]
	var have []string
	for _, c := range columns() {
		have = append(have, c.label())
		if !regexp.MustCompile(`(?m)^    ` + c.label() + ` +[A-Z]`).MatchString(table) {
			t.Errorf("column %s is missing from schema.sql", c.label())
		}
	}
	for _, f := range record.Fields {
		if !slices.Contains(have, columnOfField(f.Name)) {
			t.Errorf("a field is missing from the ClickHouse schema: %s", f.Name)
		}
	}
}

// fill sets all fields of a record, or about half, to something.
func fill(rnd *rand.Rand, r *record.Record, all bool) {
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if !all && rnd.IntN(2) == 0 {
			continue
		}
		some := func() []byte {
			b := make([]byte, 1+rnd.IntN(20))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			return b
		}
		switch f.Interface().(type) {
		case []byte:
			f.SetBytes(some())
		case string:
			f.SetString(string(some()))
		case []string:
			f.Set(reflect.ValueOf([]string{string(some()), "", string(some())}))
		case record.ID:
			f.Set(reflect.ValueOf(record.ID(append(some(), make([]byte, 16)...)[:16])))
		case []record.Param:
			f.Set(reflect.ValueOf([]record.Param{{Type: 23, Format: 1, Value: []byte{0, 0, 0x12, 0x67}}, {Type: 25, Value: some()}, {Null: true},
				{Type: record.MySQLNull, Format: record.FormatMySQL, Null: true}, {Type: record.MySQLDate, Format: record.FormatMySQL}, {Format: 200, Value: some()}}))
		default:
			if f.CanUint() {
				f.SetUint(1 + rnd.Uint64()>>1&(1<<f.Type().Bits()-1)>>1)
			} else {
				f.SetInt(rnd.Int64() - rnd.Int64())
			}
		}
	}
	if len(r.Erased) > 0 {
		erased := record.Record{Erased: bytes.Repeat([]byte{7}, 32)} // then there is no other payload
		env := r.AppendEnvelope(nil)
		*r = erased
		record.DecodeEnvelope(env, r)
	}
}

// TestRowsKeepEveryByte: a record that was a row is the same to the byte of its encoding.
func TestRowsKeepEveryByte(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		var from, to row
		fill(rnd, &from.Record, false)
		if n%3 > 0 {
			from.Erased = nil
		}
		from.block, from.place = 7, uint32(n)
		from.flatten()
		if err := (&unpacking{rest: pack(&from), names: make(map[string]string)}).row(columns(), &to); err != nil {
			t.Fatal(err)
		}
		if a, b := record.AppendRecord(nil, &from.Record), record.AppendRecord(nil, &to.Record); !bytes.Equal(a, b) || from.block != to.block || from.place != to.place {
			t.Fatalf("%+v\ncame back as\n%+v", from.Record, to.Record)
		}
	}
}

// FuzzUnpacking: whatever a server gives for a row is a row or an error.
func FuzzUnpacking(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		var from row
		fill(rnd, &from.Record, true)
		from.flatten()
		f.Add(pack(&from))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r row
		if err := (&unpacking{rest: b, names: make(map[string]string)}).row(columns(), &r); err == nil {
			r.flatten()
			record.AppendRecord(nil, &r.Record)
		}
	})
}

// TestTokens: a word of ours may be several of ClickHouse's, and of a long one only the beginning is asked for.
func TestTokens(t *testing.T) {
	for word, want := range map[string][]string{
		"zebra": {"zebra"}, "pg_sleep": {"pg", "sleep"}, "__": nil, "zoë": {"zoë"}, strings.Repeat("a", 64): nil,
		"x_" + strings.Repeat("a", 100): {"x"},
	} {
		var quotes []string
		for _, w := range want {
			quotes = append(quotes, quoted(w))
		}
		if got := tokens([]byte(word)); !slices.Equal(got, quotes) {
			t.Errorf("%q: %v, want %v", word, got, quotes)
		}
	}
}

func TestStatements(t *testing.T) {
	for _, s := range statements(schema) {
		if !strings.HasPrefix(s, "CREATE TABLE IF NOT EXISTS ") && !strings.HasPrefix(s, "CREATE VIEW IF NOT EXISTS ") {
			t.Errorf("this can't run twice: %.60s", s)
		}
	}
	if n := len(statements(schema)); n != 6 {
		t.Errorf("%d statements", n)
	}
}
