package sqltext

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
)

// observed is a MariaDB that tells which tables a text touched: the server counts rows read and changed by table.
type observed struct {
	server *testenv.MariaDBServer
	admin  *sql.DB // sees and mends
	conns  map[Reading]*sql.Conn
}

// observedTables are what texts may touch, in schemas a and b. All have columns id and v, and three rows.
var observedTables = []string{"a.t", "a.secret", "a.ok", "b.t", "b.secret"}

func observe(t *testing.T) *observed {
	t.Helper()
	o := &observed{server: testenv.NewMariaDBForTest(t, testenv.Options{Settings: map[string]string{
		"userstat": "1", "local_infile": "0", "event_scheduler": "OFF", "sync_frm": "0", "lock_wait_timeout": "20", "innodb_flush_log_at_trx_commit": "0",
	}}), conns: map[Reading]*sql.Conn{}}
	o.admin = o.server.Login().Open(t, "")
	o.admin.SetMaxOpenConns(1)
	for _, s := range []string{"SET sql_mode = ''", "CREATE DATABASE a", "CREATE SEQUENCE a.seq",
		"CREATE FUNCTION a.f() RETURNS INT READS SQL DATA RETURN (SELECT max(v) FROM a.secret)"} {
		if _, err := o.admin.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	o.mend(t)
	if read, _, _ := o.run(t, mariadb10, "SELECT v FROM secret"); !slices.Equal(read, []string{"a.secret"}) {
		t.Fatalf("the server does not tell what is read: %v", read)
	}
	if _, changed, _ := o.run(t, mariadb10, "DELETE FROM b.secret WHERE id = 1"); !slices.Equal(changed, []string{"b.secret"}) {
		t.Fatalf("the server does not tell what is changed: %v", changed)
	}
	return o
}

// mend brings the tables back.
func (o *observed) mend(t *testing.T) {
	t.Helper()
	stmts := []string{"CREATE DATABASE IF NOT EXISTS b"}
	for _, table := range observedTables {
		stmts = append(stmts, "CREATE OR REPLACE TABLE "+table+" (id INT PRIMARY KEY, v INT) ENGINE=MEMORY", "INSERT INTO "+table+" VALUES (1, 1), (2, 2), (3, 3)")
	}
	for _, s := range append(stmts, "FLUSH TABLE_STATISTICS") {
		if _, err := o.admin.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// run sends one text as r reads, and returns the tables it read and changed, and whether the server took all of it.
func (o *observed) run(t *testing.T, r Reading, text string) (read, changed []string, err error) {
	t.Helper()
	ctx := context.Background()
	c := o.conn(t, r)
	err = exhaust(ctx, c, text)
	rows, qerr := o.admin.Query("SELECT table_schema, table_name, rows_read, rows_changed FROM information_schema.table_statistics")
	if qerr != nil {
		t.Fatal(qerr)
	}
	defer rows.Close()
	for rows.Next() {
		var schema, name string
		var r, w int
		if err := rows.Scan(&schema, &name, &r, &w); err != nil {
			t.Fatal(err)
		}
		if full := schema + "." + name; slices.Contains(observedTables, full) {
			if r > 0 {
				read = append(read, full)
			}
			if w > 0 {
				changed = append(changed, full)
			}
		}
	}
	if _, err := o.admin.Exec("FLUSH TABLE_STATISTICS"); err != nil {
		t.Fatal(err)
	}
	if err != nil || !strings.HasPrefix(text, "SELECT") {
		o.drop(r) // with what it may have locked, set or prepared
	}
	changed = append(changed, o.gone(t)...)
	if len(changed) > 0 {
		o.mend(t)
	}
	return set(read), set(changed), err
}

// gone are the tables that have not their three rows any more.
func (o *observed) gone(t *testing.T) (tables []string) {
	t.Helper()
	for _, table := range observedTables {
		var n int
		if err := o.admin.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil || n != 3 {
			tables = append(tables, table)
		}
	}
	if _, err := o.admin.Exec("FLUSH TABLE_STATISTICS"); err != nil {
		t.Fatal(err)
	}
	return tables
}

// exhaust runs a text of any number of statements to its end.
func exhaust(ctx context.Context, c *sql.Conn, text string) error {
	rows, err := c.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		for rows.Next() {
		}
		if !rows.NextResultSet() {
			return rows.Err()
		}
	}
}

// conn is a connection in schema a that reads as r.
func (o *observed) conn(t *testing.T, r Reading) *sql.Conn {
	t.Helper()
	if c := o.conns[r]; c != nil {
		return c
	}
	cfg, err := o.server.Login().Config("a")
	if err != nil {
		t.Fatal(err)
	}
	var modes []string
	for mode, on := range map[string]bool{"ANSI_QUOTES": r.ANSIQuotes, "NO_BACKSLASH_ESCAPES": r.NoBackslashEscapes, "IGNORE_SPACE": r.IgnoreSpace} {
		if on {
			modes = append(modes, mode)
		}
	}
	cfg.MultiStatements, cfg.Params = true, map[string]string{"sql_mode": "'" + strings.Join(modes, ",") + "'"}
	charset := "utf8mb4"
	if r.Latin1 {
		charset = "latin1"
	}
	if err := cfg.Apply(mysqlCharset(charset)); err != nil {
		t.Fatal(err)
	}
	c := openConn(t, cfg)
	o.conns[r] = c
	return c
}

func (o *observed) drop(r Reading) {
	if c := o.conns[r]; c != nil {
		c.Raw(func(any) error { return errBroken })
		c.Close()
		delete(o.conns, r)
	}
}

var mariadb10 = Reading{Dialect: DialectMariaDB, Version: 101119}

// against holds what a text did on the server against its facts: what was touched must have been told.
func (o *observed) against(t *testing.T, r Reading, text string) (understood, ran bool) {
	t.Helper()
	f := Read(r, []byte(text)).In("a")
	read, changed, err := o.run(t, r, text)
	if !f.Understood {
		return false, err == nil
	}
	if f.Statements == 0 && (len(read) > 0 || len(changed) > 0) {
		t.Errorf("%q: no statement in it, and yet it reads %v, changes %v", text, read, changed)
	}
	for _, table := range read {
		if !slices.Contains(f.Tables, table) && !hides(f) {
			t.Errorf("%q (%+v) reads %s; we say\n%s", text, r, table, describe(f))
		}
	}
	for _, table := range changed {
		if !writes(f, table) && !hides(f) {
			t.Errorf("%q (%+v) changes %s; we say\n%s", text, r, table, describe(f))
		}
	}
	return true, err == nil
}

// writes reports whether an effect is told that changes a table, or its whole schema.
func writes(f *Facts, table string) bool {
	schema, _, _ := strings.Cut(table, ".")
	return slices.ContainsFunc(f.Effects, func(e Effect) bool {
		switch e.Action {
		case "select", "show", "explain", "use", "lock":
			return false
		}
		return slices.Contains(e.Tables, table) || slices.Contains(e.Tables, schema+".*")
	})
}

// hides reports whether an effect is told that no text tells the inside of.
func hides(f *Facts) bool {
	return slices.ContainsFunc(f.Actions, func(a string) bool {
		return Untold(a) || a == "user_function" || a == "call" || a == "execute"
	})
}

// What these texts do was once, somewhere, not what a reader of them took them for.
func TestBypasses(t *testing.T) {
	o := observe(t)
	for text := range strings.SplitSeq(strings.Join(corpus(t, "mysql_bypass.sql"), "\x00"), "\x00") {
		r := mariadb10
		for strings.HasPrefix(text, "-- mode ") {
			var line string
			line, text, _ = strings.Cut(text, "\n")
			r.ANSIQuotes = r.ANSIQuotes || strings.Contains(line, "ANSI_QUOTES")
			r.NoBackslashEscapes = r.NoBackslashEscapes || strings.Contains(line, "NO_BACKSLASH_ESCAPES")
			r.IgnoreSpace = r.IgnoreSpace || strings.Contains(line, "IGNORE_SPACE")
		}
		understood, ran := o.against(t, r, text)
		t.Logf("understood %v, ran %v: %q", understood, ran, text)
	}
}

// Texts put together at random, from pieces that hide and pieces that do, touch no more than we say.
func TestRandomTextsAgainstServer(t *testing.T) {
	o := observe(t)
	texts, seed := 600, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("GATEFOLD_TEST_TEXTS")); err == nil {
		texts, seed = n, rand.Uint64()
	}
	t.Logf("%d texts of seed %d", texts, seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	understood, both := 0, 0
	for i := range texts {
		r := mariadb10
		r.ANSIQuotes, r.NoBackslashEscapes, r.IgnoreSpace = i%5 == 1, i%5 == 2, i%5 == 3
		u, ran := o.against(t, r, randomText(rng))
		if u {
			understood++
			if ran {
				both++
			}
		}
	}
	t.Logf("%d texts were understood, and %d of these ran", understood, both)
	if both < texts/20 {
		t.Errorf("only %d of %d texts were understood and ran", both, texts)
	}
}

// randomText puts pieces into a statement that is whole without them.
func randomText(rng *rand.Rand) string {
	words := strings.Fields(randomBases[rng.IntN(len(randomBases))])
	var b strings.Builder
	for i, w := range words {
		if rng.IntN(7) == 0 {
			for range 1 + rng.IntN(2) {
				b.WriteString(randomPieces[rng.IntN(len(randomPieces))])
			}
		}
		b.WriteString(w)
		if i < len(words)-1 || rng.IntN(2) == 0 {
			b.WriteByte(" \n"[rng.IntN(8)/7])
		}
	}
	if rng.IntN(3) == 0 {
		fmt.Fprintf(&b, "; %s", randomBases[rng.IntN(len(randomBases))])
	}
	return b.String()
}

var randomBases = []string{
	"SELECT v FROM t", "SELECT * FROM t , b.t WHERE t.id = 1", "DELETE FROM t WHERE id = 1", "UPDATE t SET v = 5 WHERE id = 2",
	"INSERT INTO t VALUES ( 9 , 9 )", "SELECT 'x' , v FROM ok", "SELECT v FROM ok WHERE v = ( SELECT max( v ) FROM t )",
	"WITH t AS ( SELECT v FROM ok ) SELECT * FROM t", "INSERT INTO ok SELECT id + 10 , v FROM t", "SELECT 1",
	"REPLACE INTO ok ( id ) VALUES ( 1 )", "UPDATE t , ok SET ok . v = t . v WHERE t . id = ok . id",
	"DELETE x FROM t AS x JOIN ok USING ( id )", "SET @x = ( SELECT v FROM ok LIMIT 1 )", "SELECT a AS 'b' FROM ( SELECT 1 AS a ) AS s",
}

var randomPieces = []string{
	"/*!50600 ", "/*!99999 ", "/*M!100100 ", "/*M!999999 ", "/*!999999 ", "/*! ", "*/ ", "/* ", "-- ", "--", "# ", "\n", "'", "\"", "`", "\\", "''",
	"\"\"", "'a'", "\"secret\"", "`secret`", " , secret ", " , b.secret ", " UNION SELECT v FROM secret ", "( SELECT max(v) FROM secret ) + ",
	" JOIN secret ", ";", "; DELETE FROM secret ", " DELETE FROM secret ; ", "/*!1 ", "/*/", "*", "/*!50700", "/*!101119", "/*M!", "1 ", ", ", "AS ", "x'", "N'", "_utf8",
	"\\'", "\t", "\v", "--\x01", "@", "@'", "||", "&&", "{x ", "}", "1e", "1.", ".", "0x", "/*+ ", "/**/", "RETURNING v ", "INTO @y ", "(", ")",
}
