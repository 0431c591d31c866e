package mysql

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/testenv"
)

func open(t *testing.T, server *testenv.MariaDBServer, addr, more string) *sql.DB {
	t.Helper()
	cfg := driver.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.AllowNativePasswords = server.Superuser, server.Password, "tcp", addr, true
	dsn := cfg.FormatDSN()
	if more != "" {
		dsn += "&" + more
	}
	if !strings.Contains(dsn, "?") {
		dsn = strings.Replace(dsn, "&", "?", 1)
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestRelayTextAndPrepared(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	name := server.CreateDB(t)
	s := newSplice(t, server, nil)
	db := open(t, server, s.addr, "multiStatements=true")
	must := func(q string, args ...any) {
		t.Helper()
		if _, err := db.Exec(q, args...); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	must("USE " + name)
	must("CREATE TABLE t (a int auto_increment primary key, b longtext)")
	must("INSERT INTO t (b) VALUES (?), (?)", "one", nil)
	must("INSERT INTO t (b) VALUES (?)", strings.Repeat("x", 1<<20))
	must("INSERT INTO t (b) VALUES ('a'); INSERT INTO t (b) VALUES ('b')")
	big := bytes.Repeat([]byte("y"), 17<<20)
	server.MustExec(t, "", "SET GLOBAL max_allowed_packet=1073741824")
	db2 := open(t, server, s.addr, "maxAllowedPacket=0")
	if _, err := db2.Exec("INSERT INTO "+name+".t (b) VALUES (?)", big); err != nil {
		t.Fatal(err)
	}
	var n int
	var got []byte
	if err := db2.QueryRow("SELECT count(*), max(b) FROM "+name+".t WHERE a < ?", 100).Scan(&n, &got); err != nil || n != 6 || !bytes.Equal(got, big) {
		t.Fatalf("%d rows, %d bytes, %v", n, len(got), err)
	}
	if _, err := db.Exec("SELECT 'forbidden'"); err == nil || !strings.Contains(err.Error(), "1142") {
		t.Errorf("forbidden: %v", err)
	}
	t.Log(s.runs[0].tape.text())
	t.Log(s.runs[1].tape.text())
}

// A client that goes away without a goodbye while its statement runs was waited for as long as that ran.
func TestAClientThatIsGoneIsNotWaitedFor(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	s := newSplice(t, server, nil)
	c := dialRaw(t, s.addr, server.Superuser, server.Password, rawCaps)
	c.write(0, []byte(text("SELECT SLEEP(600)")))
	testenv.Eventually(t, "the statement to begin", func() bool { return strings.Contains(s.last().tape.text(), "SLEEP") })
	c.conn.Close()
	testenv.Eventually(t, "the session to end", func() bool { return strings.Contains(s.last().tape.text(), "unknown") })
}
