package replay

import (
	"context"
	"database/sql"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
)

// typed is a connection on which an execution's parameters are replaced by others: no driver sends all types.
type typed struct {
	net.Conn
	params *[]record.Param
}

func (c typed) Write(b []byte) (int, error) {
	const head, execute = 4 + 1 + 4 + 1 + 4, 0x17
	if len(b) < head || b[4] != execute || b[3] != 0 || len(*c.params) == 0 {
		return c.Conn.Write(b)
	}
	out := append([]byte(nil), b[:head]...)
	nulls, types, values := make([]byte, (len(*c.params)+7)/8), []byte{1}, []byte(nil)
	for i, p := range *c.params {
		types = append(types, byte(p.Type), byte(p.Type>>8))
		if p.Null {
			nulls[i/8] |= 1 << (i % 8)
			continue
		}
		switch p.Type &^ record.UnsignedType {
		case record.MySQLTiny, record.MySQLShort, record.MySQLLong, record.MySQLLongLong, record.MySQLFloat, record.MySQLDouble:
		default:
			values = append(append(values, 0xfd), byte(len(p.Value)), byte(len(p.Value)>>8), 0)
		}
		values = append(values, p.Value...)
	}
	out = append(append(append(out, nulls...), types...), values...)
	binary.LittleEndian.PutUint16(out, uint16(len(out)-4))
	_, err := c.Conn.Write(out)
	return len(b), err
}

const notUTF8 = "caf\xe9"

// typedValues are parameters as clients send them, of all types.
func typedValues() []record.Param {
	p := func(typ uint32, value string) record.Param {
		return record.Param{Type: typ, Format: record.FormatMySQL, Value: []byte(value)}
	}
	const unsigned = record.UnsignedType
	list := []record.Param{{Type: record.MySQLNull, Format: record.FormatMySQL, Null: true}, p(record.MySQLTiny, "\xff"), p(record.MySQLTiny|unsigned, "\xff"),
		p(record.MySQLShort, "\x00\x80"), p(record.MySQLShort|unsigned, "\xff\xff"), p(record.MySQLLong, "\x00\x00\x00\x80"),
		p(record.MySQLLong|unsigned, "\xff\xff\xff\xff"),
		p(record.MySQLLongLong, "\x01\x00\x00\x00\x00\x00\x00\x80"), p(record.MySQLLongLong|unsigned, "\xff\xff\xff\xff\xff\xff\xff\xff"),
		p(record.MySQLFloat, "\xcd\xcc\xcc\x3d"), p(record.MySQLFloat, "\x00\x00\xc0\xbf"),
		p(record.MySQLDouble, "\x9a\x99\x99\x99\x99\x99\xb9\xbf"), p(record.MySQLDouble, "\x9c\x75\x00\x88\x3c\xe4\x37\x7e"),
		p(record.MySQLDate, "\xea\x07\x0b\x17"), p(record.MySQLDate, ""), p(record.MySQLDate, "\xea\x07\x00\x00"),
		p(record.MySQLDateTime, "\xea\x07\x0b\x17"), p(record.MySQLDateTime, "\xea\x07\x0b\x17\x08\x01\x02"),
		p(record.MySQLDateTime, "\xea\x07\x0b\x17\x08\x01\x02\x03\x00\x00\x00"), p(record.MySQLTimestamp, "\xea\x07\x0b\x17\x08\x01\x02\x20\xa1\x07\x00"),
		p(record.MySQLDateTime, ""), p(record.MySQLTime, ""), p(record.MySQLTime, "\x01\x01\x00\x00\x00\x01\x01\x02\x20\xa1\x07\x00"),
		p(record.MySQLTime, "\x00\x22\x00\x00\x00\x16\x3b\x3b"), p(record.MySQLNewDecimal, "-12.340"), p(record.MySQLNewDecimal, strings.Repeat("9", 65)),
		p(record.MySQLDecimal, "0"), p(record.MySQLBlob, "1"), p(record.MySQLBlob, "")} // MariaDB takes no JSON
	for _, typ := range []uint32{record.MySQLVarchar, record.MySQLVarString, record.MySQLString, record.MySQLBlob, record.MySQLEnum} {
		for _, s := range []string{"", "7", "it's", `back\slash`, `\`, `'\''`, `"`, "\x00\x1b[2J\u202e\n\té\r\n\x1a", "漢字 🦓", "%_\\%", notUTF8, "-- x\n#;//"} {
			list = append(list, p(typ, s))
		}
	}
	return list
}

// typedText asks for a value as text, as a number and as bytes.
const typedText = "SELECT HEX(CONCAT(?)),\nCONCAT(? + 0), HEX(CAST(? AS BINARY)) /* '\\ */"

// A constant in a script is to the server what the parameter was, of every type and under each sql_mode; the client reads the
// script as the server does.
func TestMySQLLiteralsMeanWhatParametersMeant(t *testing.T) {
	srv := testenv.MariaDBForTest(t)
	client := testenv.MariaDBTool(t, "mariadb")
	values := typedValues()
	for _, mode := range []string{"", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,IGNORE_SPACE"} {
		t.Run(mode, func(t *testing.T) {
			m := &mysqlScript{}
			script := m.begin(&record.Session{}) + m.note("sql_mode", mode)
			for i, p := range values {
				sql, err := bindMySQL(typedText, []record.Param{p, p, p}, m.set)
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
				script += sql + "\n"
			}
			got := strings.Split(strings.TrimSuffix(runScript(t, client, srv, script), "\n"), "\n")
			want := sendTyped(t, srv, mode, values)
			if len(got) != len(want) {
				t.Fatalf("%d values came back, not %d", len(got), len(want))
			}
			for i, p := range values {
				if got, want := alike(&p, got[i]), alike(&p, want[i]); got != want {
					sql, _ := myLiteral(&p, "")
					t.Errorf("%s is %s; the parameter, type %#x, %q, was %s", sql, got, p.Type, p.Value, want)
				}
			}
		})
	}
}

// alike leaves out of what the server says of a parameter what depends on its having been one: microseconds are lost where it is
// made a text, and a date with a part that is zero is a number to it.
func alike(p *record.Param, row string) string {
	parts := strings.Split(row, "\t")
	switch {
	case p.Type == record.MySQLDate && len(p.Value) == 4 && p.Value[2] == 0:
		parts[1] = ""
	case len(p.Value) == 11 || len(p.Value) == 12 && p.Type == record.MySQLTime:
		parts[0], parts[2] = "", ""
	case string(p.Value) == notUTF8 && p.Type != record.MySQLBlob:
		parts[0] = ""
	}
	return strings.Join(parts, "\t")
}

// sendTyped asks the server for each parameter, as clients send it.
func sendTyped(t *testing.T, srv *testenv.MariaDBServer, mode string, values []record.Param) (rows []string) {
	t.Helper()
	login := srv.Login()
	login.CA = ""
	config, err := login.Config("")
	if err != nil {
		t.Fatal(err)
	}
	var params []record.Param
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return typed{c, &params}, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, text := range []string{"SET NAMES utf8mb4", "SET sql_mode = '" + mode + "'"} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	stmt, err := db.PrepareContext(t.Context(), typedText)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	for i, p := range values {
		params = []record.Param{p, p, p}
		var a, b, c sql.NullString
		if err := stmt.QueryRowContext(t.Context(), 0, 0, 0).Scan(&a, &b, &c); err != nil {
			t.Fatalf("%d: type %#x, %q: %v", i, p.Type, p.Value, err)
		}
		row := make([]string, 3)
		for i, s := range []sql.NullString{a, b, c} {
			if row[i] = "NULL"; s.Valid {
				row[i] = s.String
			}
		}
		rows = append(rows, strings.Join(row, "\t"))
	}
	return rows
}

// runScript gives a script to the client; it returns what it says.
func runScript(t *testing.T, client string, srv *testenv.MariaDBServer, script string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "options")
	if err := os.WriteFile(file, srv.Login().OptionFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), client, "--defaults-file="+file, "--skip-column-names")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	return string(out)
}

// The client sends what ran, all of it and as one, and obeys no word of it.
func TestMySQLsClientSendsWhatRan(t *testing.T) {
	srv := testenv.MariaDBForTest(t)
	client := testenv.MariaDBTool(t, "mariadb")
	name := srv.CreateDB(t)
	for _, mode := range []string{"", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"} {
		m := &mysqlScript{}
		script := m.begin(&record.Session{Database: name}) + m.note("sql_mode", mode)
		for _, text := range []string{"DROP PROCEDURE IF EXISTS p", "CREATE PROCEDURE p() BEGIN /* // ; */ SELECT 'one;'; SELECT \"two\"; -- ;\n END",
			"SELECT 3 AS delimiter ; SELECT 4 -- ; '\n;\n", "/* ; */ # ' ;\n SELECT /*!50000 5, */ '6;//' /*M!100100 , 7 */ ; ;",
			"SELECT 'a''b', '-- /* # \"' -- x\r\n, `8` FROM (SELECT 8 AS `8`) AS `t`` ;`", "SELECT 9--1", "SELECT\r\n10;"} {
			if mode != "" {
				text = strings.ReplaceAll(text, `"two"`, "'two'")
			}
			sql, err := bindMySQL(text, nil, m.set)
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			script += sql + "\n"
		}
		if sql, err := bindMySQL(`SELECT 'c:\\d\\'`, nil, m.set); err != nil {
			t.Error(err)
		} else {
			script += sql + "\n"
		}
		script += "CALL p();\n"
		want := "3\n4\n5\t6;//\t7\na'b\t-- /* # \"\t8\n10\n10\n"
		want += map[bool]string{true: `c:\\d\\`, false: `c:\\\\d\\\\`}[mode == ""] + "\none;\ntwo\n" // the client doubles them
		if got := runScript(t, client, srv, script); got != want {
			t.Errorf("%s\nsays %q, want %q", script, got, want)
		}
	}
}
