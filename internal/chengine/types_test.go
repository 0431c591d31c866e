package chengine_test

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
)

// everything is a row of the column types that an archive may want, its values, and their zeros.
var everything = []struct {
	name, kind  string
	value, zero any
}{
	{"n", "UInt64", uint64(1<<64 - 1), uint64(0)},
	{"small", "UInt8", uint8(255), uint8(0)},
	{"signed", "Int64", int64(-1 << 63), int64(0)},
	{"id", "FixedString(16)", "\x00\x01'\\\n\xff 012345678", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	{"at", "DateTime64(9, 'UTC')", time.Unix(1_700_000_000, 123_456_789).UTC(), time.Unix(0, 1).UTC()},
	{"day", "Date", time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)},
	{"second", "DateTime('UTC')", time.Unix(1_700_000_000, 0).UTC(), time.Unix(0, 0).UTC()},
	{"text", "String", "a\nb\tc\x00d'e\\f€\xff", ""},
	{"kind", "LowCardinality(String)", "query", ""},
	{"maybe", "Nullable(String)", ptr("there"), (*string)(nil)},
	{"tables", "Array(String)", []string{"customers", "o'rders", ""}, []string{}},
	{"kinds", "Array(LowCardinality(String))", []string{"read", "write", "read"}, []string{}},
	{"attrs", "Map(LowCardinality(String), String)", map[string]string{"a": "1", "b": "\n"}, map[string]string{}},
	{"pair", "Tuple(a UInt32, b String)", map[string]any{"a": uint32(7), "b": "x"}, map[string]any{"a": uint32(0), "b": ""}},
	{"ok", "Bool", true, false},
	{"ratio", "Float64", 0.1, 0.0},
}

func ptr(s string) *string { return &s }

func TestTypes(t *testing.T) {
	dsn := chengine.ForTest(t).CreateDB(t)
	for name, compression := range map[string]clickhouse.CompressionMethod{
		"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
	} {
		t.Run(name, func(t *testing.T) {
			conn := open(t, dsn, func(o *clickhouse.Options) {
				o.Compression = &clickhouse.Compression{Method: compression, Level: 1}
			})
			columns := "no UInt8"
			value, zero := []any{uint8(1)}, []any{uint8(2)}
			for _, c := range everything {
				columns += ", " + c.name + " " + c.kind
				value, zero = append(value, c.value), append(zero, c.zero)
			}
			mustExec(t, conn, fmt.Sprintf("CREATE TABLE %s (%s) ENGINE = MergeTree ORDER BY no", name, columns))
			batch, err := conn.PrepareBatch(context.Background(), "INSERT INTO "+name)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range [][]any{value, zero} {
				if err := batch.Append(row...); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Send(); err != nil {
				t.Fatal(err)
			}
			for no, want := range [][]any{value, zero} {
				checkRow(t, conn, fmt.Sprintf("SELECT * FROM %s WHERE no = %d", name, no+1), want)
			}
		})
	}
}

// checkRow fails unless the query gives that one row.
func checkRow(t *testing.T, conn clickhouse.Conn, query string, want []any) {
	t.Helper()
	rows, err := conn.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("%s: no row: %v", query, rows.Err())
	}
	var into []any
	for _, w := range want {
		into = append(into, reflect.New(reflect.TypeOf(w)).Interface())
	}
	if err := rows.Scan(into...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	for i, c := range rows.Columns() {
		got := reflect.ValueOf(into[i]).Elem().Interface()
		if at, ok := got.(time.Time); ok {
			got = at.UTC() // a Date comes in the server's own zone
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%s is %#v, want %#v", c, got, want[i])
		}
	}
	if rows.Next() || rows.Err() != nil {
		t.Errorf("%s: another row, or %v", query, rows.Err())
	}
}

func TestParameters(t *testing.T) {
	conn := open(t, chengine.ForTest(t).CreateDB(t), nil)
	nasty := "it's \\ a\nnew\tline; -- \x00 €"
	for _, query := range []string{"SELECT {a:String}, {b:UInt64}", "SELECT @a, toUInt64(@b)"} {
		var text string
		var n uint64
		row := conn.QueryRow(context.Background(), query, clickhouse.Named("a", nasty), clickhouse.Named("b", uint64(7)))
		if err := row.Scan(&text, &n); err != nil || text != nasty || n != 7 {
			t.Errorf("%s: %q, %d, %v", query, text, n, err)
		}
	}
	var text string
	if err := conn.QueryRow(context.Background(), "SELECT ?", nasty).Scan(&text); err != nil || text != nasty {
		t.Errorf("positional: %q, %v", text, err)
	}
}

func TestDatabaseSQL(t *testing.T) {
	db, err := sql.Open("clickhouse", chengine.ForTest(t).CreateDB(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(tableT); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	st, err := tx.Prepare("INSERT INTO t (id, text)")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := st.Exec(uint64(i), "row"); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRow("SELECT count() FROM t WHERE id >= ?", 50).Scan(&n); err != nil || n != 50 {
		t.Fatalf("%d rows, %v", n, err)
	}
	rows, err := db.Query("SELECT id, text FROM t WHERE id > 1000")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if columns, err := rows.Columns(); err != nil || len(columns) != 2 || rows.Next() {
		t.Fatalf("an empty answer has columns %q, %v", columns, err)
	}
}
