package sqltext

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/go-sql-driver/mysql"
)

var errBroken = driver.ErrBadConn

func mysqlCharset(name string) mysql.Option { return mysql.Charset(name, "") }

func openConn(t *testing.T, cfg *mysql.Config) *sql.Conn {
	t.Helper()
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	c, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
