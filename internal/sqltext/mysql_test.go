package sqltext

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// readings of the blocks of testdata/mysql_effects.txt, by the words of a line "# reading: ...".
func readingOf(t testing.TB, words string) Reading {
	r := mariadb10
	for w := range strings.FieldsSeq(words) {
		switch w {
		case "mysql":
			r.Dialect, r.Version = DialectMySQL, 80036
		case "ansi":
			r.ANSIQuotes = true
		case "nobackslash":
			r.NoBackslashEscapes = true
		case "ignorespace":
			r.IgnoreSpace = true
		case "fold":
			r.FoldNames = true
		case "latin1":
			r.Latin1 = true
		case "noversion":
			r.Version = 0
		default:
			t.Fatalf("no reading is called %s", w)
		}
	}
	return r
}

// The statements of testdata/mysql_effects.txt do what stands below them, as MariaDB 10.11 reads them or as a line says.
func TestMySQLEffects(t *testing.T) {
	const file = "testdata/mysql_effects.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		r := mariadb10
		var text, want []string
		for line := range strings.SplitSeq(block, "\n") {
			words, reading := strings.CutPrefix(line, "# reading: ")
			switch {
			case reading:
				r = readingOf(t, words)
				fallthrough
			case strings.HasPrefix(line, "# "):
				fmt.Fprintln(&out, line)
			case strings.HasPrefix(line, "= "):
				want = append(want, line)
			default:
				text = append(text, line)
			}
		}
		query := strings.Join(text, "\n")
		got := describe(Read(r, []byte(query)))
		if got == "" {
			got = "= nothing\n"
		}
		fmt.Fprintf(&out, "%s\n%s\n", query, got)
		if !*update && strings.TrimSpace(got) != strings.Join(want, "\n") {
			t.Errorf("%s\n got\n%s want\n%s", query, got, strings.Join(want, "\n"))
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What clients ask by themselves is understood, and reads nothing but the server's own schemas.
func TestMySQLClients(t *testing.T) {
	for _, query := range corpus(t, "mysql_clients.sql") {
		f := Read(mariadb10, []byte(query))
		if !f.Understood {
			t.Errorf("not understood: %s\n%s", f.Why, query)
		}
		for _, e := range f.Effects {
			if g := groupOf(t, e.Action); g != GroupRead && g != GroupSession {
				t.Errorf("action %s in\n%s", e.Action, query)
			}
			for _, table := range e.Tables {
				if e.Action == "select" && !strings.HasPrefix(table, "mysql.") && !strings.HasPrefix(table, "information_schema.") {
					t.Errorf("table %s in\n%s", table, query)
				}
			}
		}
	}
}

// The words that statements are judged by are in the vocabulary.
func TestMySQLVocabulary(t *testing.T) {
	for _, a := range mysqlFunctions {
		groupOf(t, a)
	}
	for name, a := range commands {
		groupOf(t, a)
		if f := Command(name, "x"); !f.Understood || len(f.Effects) != 1 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for verb, read := range mysqlVerbs {
		m := newMreader(mariadb10)
		_ = read(m, mstmt{text: []byte(verb), r: mariadb10, toks: []mtoken{{kind: mWord, end: len(verb)}}})
		for _, e := range m.effects {
			groupOf(t, e.Action)
		}
	}
	if f := Command("nonesuch", ""); f.Understood {
		t.Error("a command that nobody knows is understood")
	}
}

// A table without a schema is in the current one, and each schema has its own facts at one address.
func TestIn(t *testing.T) {
	f := Read(mariadb10, []byte("SELECT * FROM t, b.u, `x.y`; SHOW TABLES; DROP DATABASE c"))
	if got := fmt.Sprint(f.Tables); got != `["x.y" * b.u c.* t]` {
		t.Errorf("tables %s", got)
	}
	q := f.In("a")
	if got := fmt.Sprint(q.Tables); got != `[a."x.y" a.* a.t b.u c.*]` {
		t.Errorf("in a: %s", got)
	}
	if q != f.In("a") || q == f.In("b") || f.In("") != f || q.In("z") != q {
		t.Error("the addresses are not right")
	}
	if got := fmt.Sprint(f.In("a.b").Tables[0]); got != `"a.b"."x.y"` {
		t.Errorf("in a.b: %s", got)
	}
	if got := Read(mariadb10, []byte("SELECT * FROM PROCESSLIST")).In("INFORMATION_SCHEMA").Tables[0]; got != "information_schema.processlist" {
		t.Errorf("in information_schema: %s", got)
	}
	for i := range 3 * maxSchemas {
		f.In(fmt.Sprintf("s%d", i))
	}
	if len(f.bare.in) > maxSchemas {
		t.Errorf("%d schemas are kept", len(f.bare.in))
	}
	for _, text := range []string{"SELECT 1", "SELECT * FROM b.t", "USE b; SELECT * FROM t", "SELEC"} {
		if f := Read(mariadb10, []byte(text)); f.In("a") != f {
			t.Errorf("%s has tables without a schema", text)
		}
	}
	if f := Postgres([]byte("SELECT * FROM t")); f.In("a") != f {
		t.Error("PostgreSQL has a search path")
	}
	if f := Command("field_list", "t").In("a"); fmt.Sprint(f.Tables) != "[a.t]" {
		t.Errorf("field list: %v", f.Tables)
	}
}

// The reason must not carry a literal, nor any other part of the text: it goes to logs.
func TestMySQLWhyHoldsNoText(t *testing.T) {
	for _, text := range []string{
		"ALTER USER bob IDENTIFIED BY 'hunter2", "ALTER USR bob IDENTIFIED BY 'hunter2'", "SELECT 'hunter2' FROM FROM t",
		"SELECT hunter2 hunter2 hunter2", "SELECT \"hunter2", "SELECT `hunter2", "hunter2", "SELECT x'hunter2'", "/* hunter2",
	} {
		f := Read(mariadb10, []byte(text))
		if f.Understood || strings.Contains(f.Why, "hunter2") || f.Hint() == "" {
			t.Errorf("%s: understood %v, why %q", text, f.Understood, f.Why)
		}
	}
}

// The digest is the same for other literals, and for other letters of keywords.
func TestMySQLDigest(t *testing.T) {
	a := Read(mariadb10, []byte("SELECT a FROM t WHERE id = 1"))
	b := Read(mariadb10, []byte("select a from t where id = 'x' -- c"))
	c := Read(mariadb10, []byte("SELECT b FROM t WHERE id = 1"))
	if a.Digest == 0 || a.Digest != b.Digest || a.Digest == c.Digest {
		t.Errorf("digests %x %x %x", a.Digest, b.Digest, c.Digest)
	}
}

// What can make a tree deep is measured before the parser has it; what is long and flat passes.
func TestMySQLDepth(t *testing.T) {
	for name, text := range map[string]string{
		"addition":    "SELECT 1" + strings.Repeat("+1", 500_000),
		"or":          "SELECT 1" + strings.Repeat(" OR 1", 200_000),
		"brackets":    "SELECT " + strings.Repeat("(", 400_000) + "1" + strings.Repeat(")", 400_000),
		"not":         "SELECT " + strings.Repeat("NOT ", 200_000) + "1",
		"minus":       "SELECT " + strings.Repeat("- ", 400_000) + "1",
		"tables":      "SELECT 1 FROM a" + strings.Repeat(",a", 400_000),
		"joined":      "SELECT 1 FROM a JOIN a ON 1" + strings.Repeat(",a", 400_000),
		"in brackets": "SELECT 1 FROM (a" + strings.Repeat(",a", 400_000) + ")",
		"update":      "UPDATE a" + strings.Repeat(",a", 400_000) + " SET b = 1",
		"delete":      "DELETE FROM a USING a" + strings.Repeat(",a", 400_000),
		"joins":       "SELECT 1 FROM a" + strings.Repeat(" JOIN a", 100_000),
		"queries":     strings.Repeat("SELECT (", 100_000) + "1" + strings.Repeat(")", 100_000),
		"unions":      "SELECT 1" + strings.Repeat(" UNION SELECT 1", 60_000),
		"case":        strings.Repeat("SELECT CASE WHEN ", 1) + strings.Repeat("CASE WHEN ", 60_000) + "1",
		"functions":   "SELECT " + strings.Repeat("f(", 300_000) + strings.Repeat(")", 300_000),
		"collate":     "SELECT a" + strings.Repeat(" COLLATE b", 90_000),
		"json":        "SELECT a" + strings.Repeat("->'$'", 150_000),
		"end":         "CREATE PROCEDURE p() BEGIN " + strings.Repeat("BEGIN ", 150_000),
		"explain":     strings.Repeat("EXPLAIN ", 120_000) + "SELECT 1",
		"analyze":     strings.Repeat("ANALYZE ", 120_000) + "SELECT 1",
		"statement":   strings.Repeat("SET STATEMENT a=1 FOR ", 45_000) + "SELECT 1",
		"nested text": "EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE ''EXECUTE IMMEDIATE ''''EXECUTE IMMEDIATE ''''''''SELECT 1'''''''' '''' '' '",
	} {
		if f := Read(mariadb10, []byte(text)); f.Understood {
			t.Errorf("%s: understood", name)
		}
		Read(Reading{Dialect: DialectMySQL, Version: 80036}, []byte(text))
	}
	long := "INSERT INTO t VALUES (1, 'x')" + strings.Repeat(", (12345, 'some text of a row')", 30_000)
	in := "SELECT 1 FROM t WHERE a IN (1" + strings.Repeat(", 2", 100_000) + ")"
	for _, text := range []string{long, in, "SELECT 1 FROM t WHERE a = 1" + strings.Repeat(" OR a = 2", 1500)} {
		if f := Read(mariadb10, []byte(text)); !f.Understood {
			t.Errorf("%.40s...: %s", text, f.Why)
		}
	}
}
