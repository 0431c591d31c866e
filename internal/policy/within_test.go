package policy

import (
	"testing"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// A forbidden table went with its schema: DROP DATABASE hr names no table.
func TestAWholeSchemaIsEachTableInIt(t *testing.T) {
	set, err := Load([]Source{{Name: "p.cedar", Text: []byte(`
@id("all") permit (principal, action, resource);
@id("salaries") forbid (principal, action, resource) when { context.tables.contains("hr.salaries") };
@id("secrets") forbid (principal, action, resource) when { context.tables.containsAny(["secrets", "keys"]) };
`)}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"DROP DATABASE hr":                "salaries",
		"GRANT ALL ON hr.* TO x":          "salaries",
		"DROP DATABASE shop":              "secrets", // it may hold a table of that name
		"DROP TABLE shop.orders":          "",
		"DROP TABLE hr.salaries":          "salaries",
		"USE hr":                          "",
		"SHOW TABLES FROM hr":             "",
		"REVOKE SELECT ON hr.* FROM x":    "salaries",
		"ALTER DATABASE hr CHARSET ascii": "salaries",
	} {
		f := sqltext.Read(sqltext.Reading{Dialect: sqltext.DialectMariaDB, Version: 101119}, []byte(text)).In("shop")
		d := set.Decide(Subject{User: "a"}, Target{Name: "t", Protocol: "mysql"}, Env{}, Statement(f))
		if d.Allow != (want == "") || !d.Allow && d.Rule != want {
			t.Errorf("%s: %v by %q, want %q (%v)", text, d.Allow, d.Rule, want, f.Effects)
		}
	}
}
