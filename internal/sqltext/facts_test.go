package sqltext

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v6"
)

var update = flag.Bool("update", false, "write testdata/effects.txt again from what is read now")

// describe writes Facts as testdata/effects.txt has them, a line for each effect.
func describe(f *Facts) string {
	var b strings.Builder
	if !f.Understood {
		return "= not understood: " + f.Why + "\n"
	}
	for _, e := range f.Effects {
		fmt.Fprintf(&b, "= %s", e.Action)
		for _, part := range []struct {
			word  string
			names []string
		}{{"on", e.Tables}, {"columns", e.Columns}, {"by", e.Functions}} {
			if len(part.names) > 0 {
				fmt.Fprintf(&b, " %s %s", part.word, strings.Join(part.names, ", "))
			}
		}
		b.WriteString("\n")
	}
	if !f.HasWhere {
		b.WriteString("= no where\n")
	}
	if f.Masked != nil {
		fmt.Fprintf(&b, "= recorded as %s\n", f.Masked)
	}
	return b.String()
}

// The statements of testdata/effects.txt do what stands below them.
func TestEffects(t *testing.T) {
	const file = "testdata/effects.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		var text, want []string
		for line := range strings.SplitSeq(block, "\n") {
			switch {
			case strings.HasPrefix(line, "# "):
				fmt.Fprintln(&out, line)
			case strings.HasPrefix(line, "= "):
				want = append(want, line)
			default:
				text = append(text, line)
			}
		}
		sql := strings.Join(text, "\n")
		got := describe(Postgres([]byte(sql)))
		fmt.Fprintf(&out, "%s\n%s\n", sql, got)
		if !*update && strings.TrimSpace(got) != strings.Join(want, "\n") {
			t.Errorf("%s\n got\n%s want\n%s", sql, got, strings.Join(want, "\n"))
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// corpus returns the texts of a file in testdata, its first comment left out.
func corpus(t testing.TB, file string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n----\n")[1:]
}

// What psql and other clients ask by themselves is understood and touches PostgreSQL's own catalogs only.
func TestClients(t *testing.T) {
	for _, file := range []string{"psql15.sql", "clients.sql"} {
		for _, sql := range corpus(t, file) {
			f := Postgres([]byte(sql))
			if !f.Understood {
				t.Errorf("not understood: %s\n%s", f.Why, sql)
			}
			for _, action := range f.Actions {
				if g := groupOf(t, action); g != GroupRead && g != GroupSession {
					t.Errorf("action %s in\n%s", action, sql)
				}
			}
			for _, table := range f.Tables {
				if !strings.HasPrefix(table, "pg_") && !strings.HasPrefix(table, "information_schema.") {
					t.Errorf("table %s in\n%s", table, sql)
				}
			}
		}
	}
}

func groupOf(t *testing.T, action string) string {
	t.Helper()
	i := order(action)
	if i < 0 {
		t.Fatalf("action %q is not in the vocabulary", action)
	}
	return Actions[i].Group
}

// The library's own Summary, which reads the same grammar by other code, is the oracle for tables and functions of
// plain statements. Where it is known to miss something (CTE names, cursors, rules, MERGE) it isn't asked.
func TestAgainstSummary(t *testing.T) {
	asked := 0
	for _, sql := range append(corpus(t, "psql15.sql"), append(corpus(t, "clients.sql"), corpus(t, "plain.sql")...)...) {
		sum, err := pg.Summary(sql, -1)
		if err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
		if len(sum.CteNames) > 0 || !plainTypes(sum.StatementTypes) {
			continue
		}
		asked++
		f := Postgres([]byte(sql))
		var tables, functions []string
		for _, x := range sum.Tables {
			tables = append(tables, x.Name)
		}
		for _, x := range sum.Functions {
			functions = append(functions, strings.TrimPrefix(x.Name, "pg_catalog."))
		}
		compareSets(t, sql, "tables", f.Tables, tables)
		compareSets(t, sql, "functions", f.Functions, functions)
	}
	if asked < 150 {
		t.Errorf("only %d statements were compared", asked)
	}
}

func plainTypes(types []string) bool {
	for _, x := range types {
		switch x {
		case "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt":
		default:
			return false
		}
	}
	return true
}

func compareSets(t *testing.T, sql, what string, got, want []string) {
	t.Helper()
	g, w := fmt.Sprint(got), fmt.Sprint(set(want))
	if g != w {
		t.Errorf("%s: we say %s, Summary says %s\n%s", what, g, w, sql)
	}
}

// Each statement that the grammar has is known: by a verb of its own, or by the table of utilities.
func TestEveryStatementHasActions(t *testing.T) {
	own := map[string]bool{
		"SelectStmt": true, "InsertStmt": true, "UpdateStmt": true, "DeleteStmt": true, "MergeStmt": true,
		"CopyStmt": true, "ExplainStmt": true, "VariableSetStmt": true, "VacuumStmt": true, "GrantStmt": true,
		"GrantRoleStmt": true, "DropStmt": true, "CommentStmt": true, "RenameStmt": true, "CallStmt": true,
		"SecLabelStmt": true, "AlterExtensionContentsStmt": true,
	}
	inner := map[string]bool{ // of PL/pgSQL, of the analysed tree, or the wrapper of a statement: never in a text
		"PLAssignStmt": true, "SetOperationStmt": true, "RawStmt": true,
	}
	fields := (&pg.Node{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		name := fields.Get(i).Message().Name()
		if !strings.HasSuffix(string(name), "Stmt") || own[string(name)] || inner[string(name)] {
			continue
		}
		actions, ok := utilities[name]
		if !ok {
			t.Errorf("no action for %s", name)
		}
		for _, a := range strings.Fields(actions) {
			groupOf(t, a)
		}
	}
}

// A name that functions are judged by is in the vocabulary too.
func TestFunctionActions(t *testing.T) {
	for _, a := range functionActions {
		groupOf(t, a)
	}
	for _, p := range functionPrefixes {
		groupOf(t, p.action)
	}
	for _, name := range []string{"pg_read_file", "nextval", "lower", "count", "pg_get_functiondef"} {
		if !builtin[name] {
			t.Errorf("%s is not among PostgreSQL's own functions", name)
		}
	}
}

func TestNotUnderstood(t *testing.T) {
	for _, c := range []struct{ text, why string }{
		{"SELEC 1", "syntax error at or near position 1"},
		{"SELECT 1; SELEC 2", "syntax error at or near position 11"},
		{"SELECT 'open", "unterminated quoted string at or near position 8"},
		{"SELECT 'a\xff'", "it is not valid UTF-8"},
		{"SELECT 1\x00; DROP TABLE a", "it is not valid UTF-8"},
		{strings.Repeat(" ", MaxParse) + "SELECT 1", "it is longer than 1048576 bytes"},
	} {
		f := Postgres([]byte(c.text))
		if f.Understood || f.Why != c.why {
			t.Errorf("%.40q: understood %v, why %q, want %q", c.text, f.Understood, f.Why, c.why)
		}
		if len(f.Effects) != 1 || f.Effects[0].Action != Unknown {
			t.Errorf("%.40q: effects %v", c.text, f.Effects)
		}
	}
}

// The reason must not carry a literal: it goes to logs, and ALTER USER has its password in one.
func TestWhyHoldsNoLiteral(t *testing.T) {
	for _, text := range []string{
		"ALTER USER bob PASSWORD 'hunter2' 'hunter2'", "ALTER USER bob PASSWRD 'hunter2'", "ALTER USER bob PASSWORD $$hunter2",
		"SELECT E'hunter2\\uZZZZ'", "ALTER USER bob PASSWORD \"hunter2\"",
	} {
		f := Postgres([]byte(text))
		if f.Understood || strings.Contains(f.Why, "hunter2") {
			t.Errorf("%s: understood %v, why %q", text, f.Understood, f.Why)
		}
	}
}

// The server reads the same digest for the same statement with other literals.
func TestDigest(t *testing.T) {
	a := Postgres([]byte("SELECT a FROM t WHERE id = 1"))
	b := Postgres([]byte("select a from t where id = 'x'"))
	c := Postgres([]byte("SELECT b FROM t WHERE id = 1"))
	if a.Digest == 0 || a.Digest != b.Digest || a.Digest == c.Digest {
		t.Errorf("digests %x %x %x", a.Digest, b.Digest, c.Digest)
	}
}
