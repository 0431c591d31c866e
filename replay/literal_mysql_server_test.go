package replay

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
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
		case record.MySQLTiny, record.MySQLShort, record.MySQLYear, record.MySQLLong, record.MySQLInt24, record.MySQLLongLong,
			record.MySQLFloat, record.MySQLDouble:
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

// typedValues are parameters as clients send them, of all types.
func typedValues() []record.Param {
	p := func(typ uint32, value string) record.Param {
		return record.Param{Type: typ, Format: record.FormatMySQL, Value: []byte(value)}
	}
	const unsigned = record.UnsignedType
	list := []record.Param{{Type: record.MySQLNull, Format: record.FormatMySQL, Null: true}, p(record.MySQLTiny, "\xff"), p(record.MySQLTiny|unsigned, "\xff"),
		p(record.MySQLShort, "\x00\x80"), p(record.MySQLShort|unsigned, "\xff\xff"), p(record.MySQLLong, "\x00\x00\x00\x80"),
		p(record.MySQLLong|unsigned, "\xff\xff\xff\xff"), p(record.MySQLInt24, "\xfd\xff\xff\xff"),
		p(record.MySQLLongLong, "\x01\x00\x00\x00\x00\x00\x00\x80"), p(record.MySQLLongLong|unsigned, "\xff\xff\xff\xff\xff\xff\xff\xff"),
		p(record.MySQLYear, "\xea\x07"), p(record.MySQLFloat, "\xcd\xcc\xcc\x3d"), p(record.MySQLFloat, "\x00\x00\xc0\xbf"),
		p(record.MySQLDouble, "\x9a\x99\x99\x99\x99\x99\xb9\xbf"), p(record.MySQLDouble, "\x9c\x75\x00\x88\x3c\xe4\x37\x7e"),
		p(record.MySQLDate, "\xea\x07\x0b\x17"), p(record.MySQLDate, ""), p(record.MySQLDate, "\xea\x07\x00\x00"),
		p(record.MySQLDateTime, "\xea\x07\x0b\x17"), p(record.MySQLDateTime, "\xea\x07\x0b\x17\x08\x01\x02"),
		p(record.MySQLDateTime, "\xea\x07\x0b\x17\x08\x01\x02\x03\x00\x00\x00"), p(record.MySQLTimestamp, "\xea\x07\x0b\x17\x08\x01\x02\x20\xa1\x07\x00"),
		p(record.MySQLDateTime, ""), p(record.MySQLTime, ""), p(record.MySQLTime, "\x01\x01\x00\x00\x00\x01\x01\x02\x20\xa1\x07\x00"),
		p(record.MySQLTime, "\x00\x22\x00\x00\x00\x16\x3b\x3b"), p(record.MySQLNewDecimal, "-12.340"), p(record.MySQLNewDecimal, strings.Repeat("9", 65)),
		p(record.MySQLDecimal, "0"), p(record.MySQLBlob, "1"), p(record.MySQLBlob, ""), p(record.MySQLBit, "\x01\x01")} // MariaDB takes no JSON
	for _, typ := range []uint32{record.MySQLVarchar, record.MySQLVarString, record.MySQLString, record.MySQLBlob, record.MySQLEnum} {
		for _, s := range []string{"", "7", "it's", `back\slash`, `\`, `'\''`, `"`, "\x00\x1b[2J\u202e\n\té\r\n\x1a", "漢字 🦓", "%_\\%", "caf\xe9", "-- x\n#;//"} {
			list = append(list, p(typ, s))
		}
	}
	return list
}

// A constant in a script is to the server what the parameter was, of every type, under each sql_mode and whatever the
// connection's character set: the client reads the script as it would, and server and text agree on where strings end.
func TestMySQLLiteralsMeanWhatParametersMeant(t *testing.T) {
	srv := testenv.MariaDBForTest(t)
	client := testenv.MariaDBTool(t, "mariadb")
	values := typedValues()
	for _, mode := range []string{"", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,IGNORE_SPACE"} {
		t.Run(mode, func(t *testing.T) {
			name := srv.CreateDB(t)
			sendTyped(t, srv, name, mode, values)
			m := &mysqlScript{}
			script := m.begin(&record.Session{Database: name}) + m.note("sql_mode", mode)
			for i := range values {
				sql, err := bindMySQL(strings.ReplaceAll(typedText("l", i), "\n", " "), []record.Param{values[i], values[i], values[i]}, m.set)
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
				script += sql + "\n"
			}
			runScript(t, client, srv, script)
			compareTables(t, srv, name, values)
		})
	}
}

// typedText makes a table of a value, of what it is as a number and as a string.
func typedText(prefix string, i int) string {
	return fmt.Sprintf("CREATE TABLE %s%d AS SELECT ? AS v,\n? + 0 AS n, CONCAT(?) AS c /* '\\ */", prefix, i)
}

// sendTyped has the server make a table of each parameter, as it was sent.
func sendTyped(t *testing.T, srv *testenv.MariaDBServer, name, mode string, values []record.Param) {
	t.Helper()
	login := srv.Login()
	login.CA = ""
	config, err := login.Config(name)
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
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, text := range []string{"SET NAMES utf8mb4", "SET sql_mode = '" + mode + "'"} {
		if _, err := conn.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	for i := range values {
		stmt, err := conn.PrepareContext(t.Context(), typedText("p", i))
		if err != nil {
			t.Fatal(err)
		}
		params = []record.Param{values[i], values[i], values[i]}
		if _, err := stmt.ExecContext(t.Context(), 0, 0, 0); err != nil {
			t.Fatalf("%d: type %#x, %q: %v", i, values[i].Type, values[i].Value, err)
		}
		params = nil
		stmt.Close()
	}
}

// runScript gives a script to the client.
func runScript(t *testing.T, client string, srv *testenv.MariaDBServer, script string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "options")
	if err := os.WriteFile(file, srv.Login().OptionFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(client, "--defaults-file="+file)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
}

func compareTables(t *testing.T, srv *testenv.MariaDBServer, name string, values []record.Param) {
	t.Helper()
	db := srv.Login().Open(t, name)
	row := func(table string) (v, n, c []byte) {
		err := db.QueryRowContext(t.Context(), "SELECT HEX(CONCAT(v)), CONCAT(n), HEX(c) FROM "+table).Scan(&v, &n, &c)
		if err != nil {
			t.Error(err)
		}
		return v, n, c
	}
	for i, p := range values {
		v, n, c := row(fmt.Sprintf("p%d", i))
		gv, gn, gc := row(fmt.Sprintf("l%d", i))
		if !bytes.Equal(v, gv) || !bytes.Equal(n, gn) || !bytes.Equal(c, gc) {
			sql, _ := myLiteral(&p, "")
			t.Errorf("%s is %s, %s, %s; the parameter, type %#x, %q, was %s, %s, %s", sql, gv, gn, gc, p.Type, p.Value, v, n, c)
		}
	}
}
