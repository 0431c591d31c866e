package replay

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
)

// A constant in a script is to the server what the parameter was, in text and in binary.
func TestLiteralsMeanWhatParametersMeant(t *testing.T) {
	srv := testenv.ForTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, srv.DSN(srv.CreateDB(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	types := conn.TypeMap()
	at := time.Date(2026, 11, 23, 8, 0, 0, 123456000, time.UTC)
	for name, values := range map[string][]any{
		"smallint": {int16(7), int16(-7)}, "integer": {int32(42), int32(-42), int32(2147483647)}, "bigint": {int64(1), int64(-9223372036854775808)},
		"real": {float32(1.5)}, "double precision": {1e300, -0.1}, "boolean": {true, false}, "text": {"", "it's", `back\slash`, "\x1b[2J\u202e\n\té"},
		"bytea": {[]byte{0, 1, 0xff}, []byte{}}, "date": {at}, "timestamp": {at}, "timestamptz": {at},
		"uuid": {[16]byte{1, 2, 3}}, "jsonb": {map[string]any{"a'b": `\`}}, "oid": {uint32(4_000_000_000)},
		"numeric":   {number(t, "0"), number(t, "0.00"), number(t, "-12.34"), number(t, "100000000000000000000"), number(t, "0.00001234"), number(t, "99999999.0001"), number(t, "NaN"), number(t, "10000"), number(t, "-0.5000")},
		"interval":  {pgtype.Interval{Months: 14, Days: -3, Microseconds: 3_723_000_004, Valid: true}, pgtype.Interval{Microseconds: -1, Valid: true}, pgtype.Interval{Valid: true}},
		"integer[]": {[]int32{}, []int32{1, -2}, [][]int32{{1, 2}, {3, 4}}}, "text[]": {[]string{`a"b`, `\`, "NULL", "", "x y"}},
		"timestamptz[]": {[]time.Time{at}}, "numeric[]": {[]pgtype.Numeric{number(t, "1.50")}}, "uuid[]": {[][16]byte{{1}}},
	} {
		pgType, ok := types.TypeForName(map[string]string{"smallint": "int2", "integer": "int4", "bigint": "int8", "real": "float4",
			"double precision": "float8", "boolean": "bool", "integer[]": "_int4", "text[]": "_text", "timestamptz[]": "_timestamptz",
			"numeric[]": "_numeric", "uuid[]": "_uuid"}[name])
		if !ok {
			pgType, ok = types.TypeForName(name)
		}
		if !ok {
			t.Fatalf("pgx knows no %s", name)
		}
		for _, v := range values {
			for format := range int16(2) {
				value, err := types.Encode(pgType.OID, format, v, nil)
				if err != nil {
					t.Fatalf("%s %v: %v", name, v, err)
				}
				p := record.Param{Type: pgType.OID, Format: uint8(format), Value: value}
				sql, err := BindSQL("select ($1)::text, pg_typeof($1)::text", []record.Param{p})
				if err != nil {
					t.Errorf("%s %v: %v", name, v, err)
					continue
				}
				same(t, conn, sql, name, v)
			}
		}
	}
}

func number(t *testing.T, text string) (n pgtype.Numeric) {
	t.Helper()
	if err := n.Scan(text); err != nil {
		t.Fatal(err)
	}
	return n
}

// same compares what a script's statement says with what the server says of the parameter itself.
func same(t *testing.T, conn *pgx.Conn, sql, name string, v any) {
	t.Helper()
	ctx := t.Context()
	var got, want, kind string
	result := conn.PgConn().Exec(ctx, sql)
	rows, err := result.ReadAll()
	if err != nil {
		t.Errorf("%s: %v", sql, err)
		return
	}
	got, kind = string(rows[0].Rows[0][0]), string(rows[0].Rows[0][1])
	if err := conn.QueryRow(ctx, "select ($1::"+name+")::text", v).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if plain := map[string]string{"timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone",
		"timestamptz[]": "timestamp with time zone[]", "text": "unknown"}[name]; plain == "" && kind != name || plain != "" && kind != plain {
		t.Errorf("%s is of type %s, not %s", sql, kind, name)
	}
	if got != want {
		t.Errorf("%s is %q, the parameter %q", sql, got, want)
	}
}
