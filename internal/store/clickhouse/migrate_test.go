package clickhouse_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
)

// Tables of an older gatefold become those that this one makes, also where a start was ended half way through.
func TestOlderTablesAreBroughtUpToDate(t *testing.T) {
	e := chengine.ForTest(t)
	fresh, older := e.CreateDB(t), e.CreateDB(t)
	first, err := os.ReadFile("testdata/schema-1.sql")
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, older)
	for _, statement := range clickhouse.Statements(string(first)) {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, again := range []string{
		`INSERT INTO meta (key, value) VALUES ('version', 1)`,
		`ALTER TABLE meta DELETE WHERE value = 2 SETTINGS mutations_sync = 2`, // as if it had ended before that line
	} {
		if err := conn.Exec(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		open(t, options(t, older, clickhouse.Write))
	}
	open(t, options(t, fresh, clickhouse.Write))
	for _, table := range []string{"records", "touched", "blocks", "spans", "meta"} {
		made, brought := shape(t, fresh, table), shape(t, older, table)
		if made != brought {
			t.Errorf("%s is\n%s\nwant\n%s", table, brought, made)
		}
	}
}

// shape is how a server says that a table is made, without the name of its database.
func shape(t *testing.T, dsn, table string) string {
	t.Helper()
	said := answer(t, connect(t, dsn), "SHOW CREATE TABLE "+table)[1][0]
	_, rest, _ := strings.Cut(said, "\n") // its first line has the database
	return rest
}
