package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

// One text has one Facts in one reading; a plain statement has one for all its literals.
func TestMySQLCacheShares(t *testing.T) {
	c := newCache(t, 100)
	for _, pair := range [][2]string{
		{"SELECT * FROM t WHERE id = 1", "SELECT * FROM t WHERE id = 22"},
		{"SELECT c FROM sbtest1 WHERE id=?", "SELECT c FROM sbtest1 WHERE id=?"},
		{"SELECT `a`.`b` FROM `a` WHERE `c` = 'a'", "SELECT `a`.`b` FROM `a` WHERE `c` = 'it''s'"},
		{"INSERT INTO t VALUES (1, 'a', 2.5, -3)", "INSERT INTO t VALUES (99, '', 0.25, -4)"},
		{"SELECT @@x, @y LIMIT 5", "SELECT @@x, @y LIMIT 7"},
		{"SELECT 'ä' FROM t", "SELECT 'ä' FROM t"},
		{"SELECT 'a\\'b' FROM t -- x", "SELECT 'a\\'b' FROM t -- x"},
	} {
		a, b := c.Read(mariadb10, []byte(pair[0])), c.Read(mariadb10, []byte(pair[1]))
		if a != b || !a.Understood {
			t.Errorf("two facts for %s and %s", pair[0], pair[1])
		}
	}
}

// Texts that do not do the same never share, whatever their templates; nor does one text in two readings.
func TestMySQLCacheKeepsApart(t *testing.T) {
	c := newCache(t, 100)
	for _, pair := range [][2]string{
		{"PREPARE s FROM 'SELECT 1'", "PREPARE s FROM 'DELETE FROM t'"},
		{"EXECUTE IMMEDIATE 'SELECT 1'", "EXECUTE IMMEDIATE 'DELETE FROM t'"},
		{"SET sql_mode = ''; SELECT 1", "SET sql_mode = 'ORACLE'; SELECT 1"},
		{"SET sql_mode = 0; SELECT 1", "SET sql_mode = ''; SELECT 1"},
		{"CREATE TABLE t (a INT) ENGINE='InnoDB'", "CREATE TABLE t (a INT) ENGINE='CONNECT'"},
		{"KILL 5", "KILL 6"},
		{"SELECT 'x=y' FROM t", "SELECT 'password=y' FROM t"},
		{"SELECT 'x' FROM t", "SELECT 'IDENTIFIED BY x' FROM t"},
		{"SELECT a1 FROM t", "SELECT a2 FROM t"},
		{"SELECT * FROM 1a", "SELECT * FROM 2a"},
		{"SELECT * FROM d.1", "SELECT * FROM d.2"},
		{"SELECT * FROM d.1a", "SELECT * FROM d.2a"},
		{"SELECT * FROM `d`", "SELECT * FROM `e`"},
		{"SELECT 1 --2\n", "SELECT 1 --2\n, load_file('x')"},
		{"SELECT 'a'", "SELECT 'a"},
		{"SELECT \"a\"", "SELECT \"b\""},
		{"SELECT /*!50600 1 */ 2", "SELECT /*!99999 1 */ 2"},
		{"SELECT x'1f'", "SELECT x'2f'"},
		{"SELECT 1e5", "SELECT 1e6"},
		{"SELECT 0x1f", "SELECT 0x2f"},
		{"SELECT 'a' 'b'", "SELECT 'a'"},
		{"SELECT @'a'", "SELECT @'b'"},
	} {
		a, b := c.Read(mariadb10, []byte(pair[0])), c.Read(mariadb10, []byte(pair[1]))
		if a == b {
			t.Errorf("%s and %s share their facts", pair[0], pair[1])
		}
	}
	text := []byte("SELECT v FROM t WHERE a = 1")
	for i, r := range []Reading{
		{}, {Dialect: DialectMySQL}, {Dialect: DialectMariaDB, Version: 100500}, {Dialect: DialectMariaDB, ANSIQuotes: true},
		{Dialect: DialectMariaDB, NoBackslashEscapes: true}, {Dialect: DialectMariaDB, IgnoreSpace: true},
		{Dialect: DialectMariaDB, FoldNames: true}, {Dialect: DialectMariaDB, Latin1: true},
	} {
		if c.Read(r, text) == c.Read(mariadb10, text) {
			t.Errorf("reading %d shares", i)
		}
	}
}

// The cache says what reading anew says, for the whole corpus, twice, in three readings.
func TestMySQLCacheAgreesWithReading(t *testing.T) {
	c := newCache(t, 10_000)
	texts := append(corpus(t, "mysql_clients.sql"), corpus(t, "mysql_bypass.sql")...)
	for range 2 {
		for _, r := range []Reading{mariadb10, {Dialect: DialectMySQL, Version: 80036}, {Dialect: DialectMariaDB, ANSIQuotes: true}} {
			for _, text := range texts {
				if got, want := describe(c.Read(r, []byte(text))), describe(Read(r, []byte(text))); got != want {
					t.Errorf("%s\n cached\n%s read\n%s", text, got, want)
				}
			}
		}
	}
}

// Two texts with one template have the same facts, whatever was read first.
func TestMySQLTemplatesOfEdgeLiterals(t *testing.T) {
	lits := []string{"''", "'x'", "'ORACLE'", "'on'", "'DELETE FROM u'", "'InnoDB'", "'CONNECT'", "'a''b'", "'0'", "' '"}
	nums := []string{"0", "1", "99999999999999999999", "2147483648", "1.5", "007", "1."}
	for _, s := range []string{
		"SELECT @", "SELECT a @ FROM t", "SELECT * FROM t LIMIT #", "SELECT * FROM t LIMIT #, #", "DELETE FROM t WHERE @ = a", "DELETE FROM t WHERE @",
		"DELETE FROM t LIMIT #", "PREPARE s FROM @", "EXECUTE IMMEDIATE @", "EXECUTE IMMEDIATE @ USING @, #", "SET sql_mode = @; SELECT 1", "SET @x = @",
		"SET NAMES @; SELECT 1", "SET GLOBAL x = @", "SET x = #", "KILL #", "KILL QUERY #", "KILL USER @", "LOAD DATA INFILE @ INTO TABLE t", "SELECT 1 INTO OUTFILE @",
		"CREATE TABLE t (a INT DEFAULT @) ENGINE=@", "CREATE TABLE t (a INT) CONNECTION=@", "CREATE TABLE t (a VARCHAR(#))", "CREATE USER @ IDENTIFIED BY @",
		"GRANT ALL ON t TO @", "SHOW TABLES LIKE @", "SHOW GRANTS FOR @", "SHOW VARIABLES WHERE a = @", "DESCRIBE t @", "HELP @", "BINLOG @", "SELECT LOAD_FILE(@)",
		"SELECT a FROM t WHERE b = #.#", "SELECT @ @", "INSERT INTO t VALUES (@, #)", "SELECT INTERVAL # DAY + a", "SELECT CAST(@ AS CHAR(#))", "CALL p(@, #)",
		"CHANGE MASTER TO MASTER_HOST=@", "SIGNAL SQLSTATE @", "XA START @", "DO GET_LOCK(@, #)", "SELECT a FROM t ORDER BY #", "SELECT _utf8 @", "SELECT N @", "USE x; SELECT @",
		"CREATE PROCEDURE p() COMMENT @ SELECT @; SELECT #", "SELECT * FROM t PARTITION (p#)", "SELECT # FROM t#", "SELECT t.# FROM t", "INSTALL PLUGIN x SONAME @", "SELEC @",
	} {
		var texts []string
		for i := range 8 {
			x, k := s, i
			for strings.Contains(x, "@") {
				x = strings.Replace(x, "@", lits[k%len(lits)], 1)
				k = k*2 + 1
			}
			k = i
			for strings.Contains(x, "#") {
				x = strings.Replace(x, "#", nums[k%len(nums)], 1)
				k++
			}
			texts = append(texts, x)
		}
		for _, a := range texts {
			for _, b := range texts {
				c := newCache(t, 10)
				c.Read(mariadb10, []byte(a))
				got, want := c.Read(mariadb10, []byte(b)), Read(mariadb10, []byte(b))
				if want.Understood && describe(got) != describe(want) {
					t.Errorf("after %s: %s is\n%s not\n%s", a, b, describe(got), describe(want))
				}
			}
		}
	}
}

// The relay's hot path allocates nothing per statement, in the current schema too.
func TestMySQLCacheHitsAllocateNothing(t *testing.T) {
	c := newCache(t, 100)
	for _, text := range []string{
		"SELECT c FROM sbtest1 WHERE id=5052", "SELECT c FROM sbtest1 WHERE id=?", "SELECT `c` FROM `sbtest1` /* c */ WHERE id = \"5\"",
	} {
		p := []byte(text)
		c.Read(mariadb10, p).In("shop")
		if n := testing.AllocsPerRun(100, func() { c.Read(mariadb10, p).In("shop") }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Command("ping", "") }); n != 0 {
		t.Errorf("a command: %v allocations", n)
	}
}

func TestMySQLTemplate(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1, 'a', 2.50 , -3":       "SELECT 0, ', 0 , -0",
		"a1 = 'it''s' AND b=? or `x y`1": "",
		"`a`.`b``c` = @x$y":              "`a`.`b``c` = @x$y",
		"LIMIT 10;":                      "LIMIT 0;",
		"":                               "",
	} {
		got, ok := mysqlTemplate(nil, []byte(text))
		if ok == (want == "" && text != "") || string(got) != want {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"N'a'", "x'1f'", "_utf8'a'", "\"a\"", "1a", "1e5", "1.2.3", "1..2", ".5", "'a\\'", "'ä'", "ä", "0x1f", "@'a'", "a.1", "# x", "-- x", "1--2",
		"/* x */", "/*! x */", "*/", "'open", "`open", "a \\ b", "{", "[", "1_000", "'my password'", "'a\x00'", "'IDENTIFIED by'", "\\N", "1`a`", "`a`1",
	} {
		if got, ok := mysqlTemplate(nil, []byte(text)); ok {
			t.Errorf("%q has a template: %q", text, got)
		}
	}
}

func BenchmarkMySQL(b *testing.B) {
	texts := append(benchTexts[:2:2], benchTexts[3])
	for _, c := range texts {
		text := []byte(c.text)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f := Read(mariadb10, text); !f.Understood {
					b.Fatal(f.Why)
				}
			}
		})
	}
}

// BenchmarkMySQLCached is a hit, with the current schema: the same text, or another literal in it.
func BenchmarkMySQLCached(b *testing.B) {
	cache := newCache(b, 1000)
	text := []byte("SELECT c FROM sbtest1 WHERE id=5052")
	b.Run("point", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			cache.Read(mariadb10, text).In("sbtest")
		}
	})
	b.Run("newLiteral", func(b *testing.B) {
		texts := make([][]byte, 5000)
		for i := range texts {
			texts[i] = fmt.Appendf(nil, "SELECT c FROM sbtest1 WHERE id=%d", i)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			cache.Read(mariadb10, texts[i%len(texts)]).In("sbtest")
		}
	})
}

// BenchmarkMySQLWorst is the deepest and the widest that passes the measure.
func BenchmarkMySQLWorst(b *testing.B) {
	for name, text := range map[string]string{
		"deep": "SELECT 1" + strings.Repeat("+1", maxLevels/2-10),
		"wide": "SELECT " + strings.Repeat("1"+strings.Repeat("+1", 500)+",", 120) + "1",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f := Read(mariadb10, []byte(text)); !f.Understood {
					b.Fatal(f.Why)
				}
			}
		})
	}
}
