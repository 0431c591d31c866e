package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

func newCache(t testing.TB, entries int) *Cache {
	t.Helper()
	c, err := NewCache(entries, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// One text has one Facts; a plain statement has one for all its literals.
func TestCacheShares(t *testing.T) {
	c := newCache(t, 100)
	for _, pair := range [][2]string{
		{"SELECT * FROM t WHERE id = 1", "SELECT * FROM t WHERE id = 22"},
		{"SELECT * FROM t WHERE id = 'a'", "SELECT * FROM t WHERE id = 'it''s'"},
		{"INSERT INTO t VALUES (1, 'a', 2.5, -3)", "INSERT INTO t VALUES (99, '', 0.25, -4)"},
		{"SELECT 'ä' FROM t", "SELECT 'ä' FROM t"},
		{"SELECT \"a\" FROM t -- x", "SELECT \"a\" FROM t -- x"},
	} {
		a, b := c.Read(Reading{}, []byte(pair[0])), c.Read(Reading{}, []byte(pair[1]))
		if a != b {
			t.Errorf("two facts for %s and %s", pair[0], pair[1])
		}
	}
}

// Texts that do not do the same never share, whatever their templates.
func TestCacheKeepsApart(t *testing.T) {
	c := newCache(t, 100)
	for _, pair := range [][2]string{
		{"SELECT set_config('work_mem', '1', false)", "SELECT set_config('role', '1', false)"},
		{"EXPLAIN (ANALYZE 'off') DELETE FROM t", "EXPLAIN (ANALYZE 'on') DELETE FROM t"},
		{"SELECT f 'x'", "SELECT f 1"},
		{"SELECT a1 FROM t", "SELECT a2 FROM t"},
		{"SELECT $1", "SELECT $2"},
		{"SELECT 'x=y' FROM t", "SELECT 'password=y' FROM t"},
		{"SELECT set_config('a.b', 'x', false)", "SELECT set_config('a.password', 'x', false)"},
		{"SELECT 1--2\n", "SELECT 1--2\n, pg_read_file('x')"},
		{"SELECT 'a'", "SELECT 'a"},
		{"SELECT E'a'", "SELECT E'b'"},
		{"SELECT \"a\"", "SELECT \"b\""},
	} {
		a, b := c.Read(Reading{}, []byte(pair[0])), c.Read(Reading{}, []byte(pair[1]))
		if a == b {
			t.Errorf("%s and %s share their facts", pair[0], pair[1])
		}
	}
	// The second text's secret must be masked though the first, of the same shape, had none.
	if f := c.Read(Reading{}, []byte("SELECT 'password=y' FROM t")); f.Masked == nil {
		t.Error("a connection string was not masked")
	}
}

// The cache says what reading anew says, for the whole corpus, twice.
func TestCacheAgreesWithReading(t *testing.T) {
	c := newCache(t, 10_000)
	var texts []string
	for _, file := range []string{"psql15.sql", "clients.sql", "plain.sql"} {
		texts = append(texts, corpus(t, file)...)
	}
	for range 2 {
		for _, text := range texts {
			if got, want := describe(c.Read(Reading{}, []byte(text))), describe(Postgres([]byte(text))); got != want {
				t.Errorf("%s\n cached\n%s read\n%s", text, got, want)
			}
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(t, 10)
	for i := range 100 {
		c.Read(Reading{}, fmt.Appendf(nil, "SELECT a%d FROM t", i))
	}
	c.Read(Reading{}, []byte("SELECT '"+strings.Repeat("x", maxKey)+"'"))
	if c.Len() != 10 {
		t.Errorf("%d entries", c.Len())
	}
	if _, err := NewCache(0, 0); err == nil {
		t.Error("a cache of no entries was made")
	}
}

func TestCacheHonoursMaxParse(t *testing.T) {
	c, err := NewCache(10, 100)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Read(Reading{}, []byte("SELECT 1"+strings.Repeat(" ", 100))); f.Understood {
		t.Error("a text over max_parse was parsed")
	}
}

// The text belongs to the caller, who will overwrite it.
func TestCacheKeepsNothingOfTheText(t *testing.T) {
	c := newCache(t, 10)
	text := []byte("SELECT a FROM t WHERE x = 'ä'")
	f := c.Read(Reading{}, text)
	clear(text)
	if got := c.Read(Reading{}, []byte("SELECT a FROM t WHERE x = 'ä'")); got != f || strings.Join(f.Tables, "") != "t" {
		t.Error("the cache's key or facts alias the caller's bytes")
	}
}

// The relay's hot path allocates nothing per statement.
func TestCacheHitsAllocateNothing(t *testing.T) {
	c := newCache(t, 100)
	for _, text := range []string{
		"SELECT abalance FROM pgbench_accounts WHERE aid = 12345",
		"SELECT abalance FROM pgbench_accounts WHERE aid = $1",
		"SELECT \"abalance\" FROM pgbench_accounts /* c */",
	} {
		p := []byte(text)
		c.Read(Reading{}, p)
		if n := testing.AllocsPerRun(100, func() { c.Read(Reading{}, p) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

func TestTemplate(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1, 'a', 2.50 , -3":   "SELECT 0, ', 0 , -0",
		"a1 = 'it''s' AND b=$1 or x": "a1 = ' AND b=$1 or x",
		"LIMIT 10;":                  "LIMIT 0;",
		"":                           "",
	} {
		if got, ok := template(nil, []byte(text)); !ok || string(got) != want {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"E'a'", "x'1f'", "U&'a'", "\"a\"", "a$1", "$a$b$a$", "$1a", "1a", "1e5", "1.2.3", "1..2", ".5", "'a\\'", "'ä'", "ä",
		"-- x", "1--2", "/* x */", "'open", "a ? b", "a \\ b", "{", "1_000", "'my password'", "'a\x00'", "$", "$$a$$",
	} {
		if got, ok := template(nil, []byte(text)); ok {
			t.Errorf("%q has a template: %q", text, got)
		}
	}
}
