package policy

import (
	"os"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/sqltext"
)

var shop = Target{Name: "shop", Protocol: "mysql"}

// judgeMySQL asks about one text as MariaDB reads it, in schema shop.
func judgeMySQL(s *Set, sub Subject, sql string) Decision {
	r := sqltext.Reading{Dialect: sqltext.DialectMariaDB, Version: 101119}
	return s.Decide(sub, shop, env, Statement(sqltext.Read(r, []byte(sql)).In("shop")))
}

// Under the starter policy the mysql client, drivers and GUIs can start up: for readers too.
func TestStarterLetsMySQLClientsStart(t *testing.T) {
	s := starter(t)
	reader := Subject{User: "bob", Groups: []string{"analyst"}}
	data, err := os.ReadFile("../sqltext/testdata/mysql_clients.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range strings.Split(strings.TrimSpace(string(data)), "\n----\n")[1:] {
		for _, sub := range []Subject{alice, reader} {
			if d := judgeMySQL(s, sub, sql); !d.Allow {
				t.Errorf("%s: %s\n%s", sub.User, d.Message, sql)
			}
		}
	}
	for _, name := range []string{"ping", "statistics", "init_db", "field_list", "set_option", "stmt_close", "stmt_reset", "reset_connection"} {
		if d := s.Decide(reader, shop, env, Statement(sqltext.Command(name, "x").In("shop"))); !d.Allow {
			t.Errorf("%s: %s", name, d.Message)
		}
	}
	for _, name := range []string{"binlog_dump", "process_kill", "shutdown", "drop_db", "nonesuch"} {
		if d := s.Decide(alice, shop, env, Statement(sqltext.Command(name, "x"))); d.Allow {
			t.Errorf("%s is allowed", name)
		}
	}
}

// What the starter policy says of MySQL's statements to the two groups and to everybody else.
func TestStarterForMySQL(t *testing.T) {
	s := starter(t)
	people := []Subject{alice, {User: "bob", Groups: []string{"analyst"}}, {User: "eve"}}
	for _, c := range []struct {
		sql  string
		says string // dba, analyst, nobody's: y or n
	}{
		{"SELECT * FROM orders", "yyn"},
		{"SELECT 1, @@version, DATABASE()", "yyy"},
		{"USE other", "yyy"},
		{"SHOW TABLES", "yyy"},
		{"SHOW FULL PROCESSLIST", "ynn"},
		{"SHOW GRANTS", "nnn"},
		{"SHOW CREATE USER root", "nnn"},
		{"SELECT User, Host FROM mysql.user", "yyn"},
		{"SELECT password FROM mysql.user", "nnn"},
		{"SELECT PASSWORD FROM mysql.user", "nnn"},
		{"SELECT * FROM mysql.global_priv", "nnn"},
		{"SELECT u.Authentication_String FROM mysql.user u", "nnn"},
		{"UPDATE mysql.user SET x = 1 WHERE user = 'a'", "nnn"},
		{"INSERT INTO mysql.db VALUES (1)", "nnn"},
		{"SELECT min_value FROM mysql.column_stats", "nnn"},
		{"SELECT nulls_ratio FROM mysql.column_stats", "yyn"},
		{"USE mysql; SELECT * FROM user", "nnn"},
		{"UPDATE orders SET a = 1", "nnn"},
		{"UPDATE orders SET a = 1 WHERE id = 2", "ynn"},
		{"REPLACE INTO orders VALUES (1)", "ynn"},
		{"ANALYZE DELETE FROM orders", "nnn"},
		{"LOAD DATA LOCAL INFILE 'x' INTO TABLE orders", "nnn"},
		{"LOAD DATA INFILE 'x' INTO TABLE orders", "nnn"},
		{"SELECT * FROM orders INTO OUTFILE '/tmp/x'", "nnn"},
		{"SELECT LOAD_FILE('/etc/passwd')", "nnn"},
		{"SET GLOBAL general_log = 1", "nnn"},
		{"SET SESSION sql_log_bin = 0", "nnn"},
		{"SET autocommit = 0", "yyy"},
		{"SET ROLE admin", "nnn"},
		{"SET PASSWORD = 'x'", "nnn"},
		{"KILL 5", "nnn"},
		{"PREPARE s FROM @x", "nnn"},
		{"BEGIN NOT ATOMIC SELECT 1; END", "nnn"},
		{"CREATE PROCEDURE p() SELECT 1", "nnn"},
		{"CALL p()", "ynn"},
		{"SELECT f()", "ynn"},
		{"BINLOG 'x'", "nnn"},
		{"SELECT table_name FROM information_schema.tables", "yyy"},
		{"SELECT info FROM information_schema.processlist", "ynn"},
		{"SELECT info FROM INFORMATION_SCHEMA.PROCESSLIST", "ynn"},
		{"not sql", "nnn"},
	} {
		got := ""
		for _, sub := range people {
			got += map[bool]string{true: "y", false: "n"}[judgeMySQL(s, sub, c.sql).Allow]
		}
		if got != c.says {
			t.Errorf("%s: %s, want %s", c.sql, got, c.says)
		}
	}
}

// The catalogs of one server mean nothing on another: a schema "mysql" of a PostgreSQL database holds somebody's tables.
func TestCatalogByDialect(t *testing.T) {
	s := load(t, `permit (principal, action, resource) when { context.catalog };`)
	for sql, allow := range map[string][2]bool{ // PostgreSQL's, MySQL's
		"SELECT * FROM information_schema.tables":           {true, true},
		"SELECT * FROM information_schema.processlist":      {true, false},
		"SELECT * FROM mysql.help_topic":                    {false, true},
		"SELECT * FROM mysql.user":                          {false, false},
		"SELECT * FROM performance_schema.global_variables": {false, true},
		"SELECT * FROM performance_schema.threads":          {false, false},
		"SELECT * FROM sys.processlist":                     {false, false},
		"SELECT * FROM pg_class":                            {true, false},
		"SELECT * FROM pg_catalog.pg_class":                 {true, false},
		"SELECT * FROM orders":                              {false, false},
		"SELECT 1":                                          {true, true},
	} {
		if got := [2]bool{judge(s, alice, sql).Allow, judgeMySQL(s, alice, sql).Allow}; got != allow {
			t.Errorf("%s: %v, want %v", sql, got, allow)
		}
	}
}

// A table means what the current schema makes of it.
func TestTablesOfTheCurrentSchema(t *testing.T) {
	s := load(t, `permit (principal, action, resource) when { ["shop.orders", "orders", "shop.*"].containsAll(context.tables) };`)
	for sql, allow := range map[string]bool{
		"SELECT * FROM orders":             true,
		"SELECT * FROM shop.orders":        true,
		"SELECT * FROM other.orders":       false,
		"USE other; SELECT * FROM orders":  false,
		"SELECT * FROM `shop.orders`":      false,
		"DROP DATABASE other":              false,
		"SELECT * FROM `other`.`orders`":   false,
		"DELETE o FROM other.orders AS o":  false,
		"INSERT INTO orders SELECT 1":      true,
		"SHOW TABLES FROM other":           false,
		"RENAME TABLE orders TO other.foo": false,
	} {
		if d := judgeMySQL(s, alice, sql); d.Allow != allow {
			t.Errorf("%s: allowed %v, want %v: %v", sql, d.Allow, allow, d.Reasons)
		}
	}
}
