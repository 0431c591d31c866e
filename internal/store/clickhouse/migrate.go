package clickhouse

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed schema.sql
var schema string

//go:embed views.sql
var views string

//go:embed upgrade-2.sql
var toVersion2 string

// upgrades bring tables from each version to the next, the first of them from version 1. They are never changed. Where there are
// no tables yet, schema.sql makes those of the last version.
var upgrades = []string{toVersion2 + views}

// latest is the version that this gatefold knows.
var latest = uint64(len(upgrades) + 1)

// NewerError says that the tables were made by a newer gatefold.
type NewerError struct{ Have, Know uint64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("its tables have version %d, this gatefold knows up to %d: use a newer one", e.Have, e.Know)
}

func known(have uint64) error {
	if have > latest {
		return &NewerError{have, latest}
	}
	return nil
}

const unknownTable = 60 // ClickHouse's number of the error

// version is that of the tables; 0: there are none.
func (s *Store) version(ctx context.Context) (have uint64, err error) {
	err = s.conn.QueryRow(ctx, `SELECT max(value) FROM meta WHERE key = 'version'`).Scan(&have)
	var said *clickhouse.Exception
	if errors.As(err, &said) && said.Code == unknownTable {
		return 0, nil
	}
	return have, err
}

// migrate brings the tables up to date; fresh: there were none. Several gateways may do so at a time: each statement can run twice.
func (s *Store) migrate(ctx context.Context) (fresh bool, err error) {
	have, err := s.version(ctx)
	if err == nil {
		err = known(have)
	}
	if err != nil {
		return false, err
	}
	fresh = have == 0
	if fresh {
		return true, s.bring(ctx, schema+views, latest)
	}
	for ; have < latest; have++ {
		if err := s.bring(ctx, upgrades[have-1], have+1); err != nil {
			return false, err
		}
	}
	return false, nil
}

// bring runs a script after which the tables have a version.
func (s *Store) bring(ctx context.Context, script string, version uint64) error {
	for _, statement := range s.opts.ddl(script) {
		if err := s.conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("bring its tables to version %d: %w", version, err)
		}
	}
	return s.conn.Exec(ctx, fmt.Sprintf(`INSERT INTO meta (key, value) VALUES ('version', %d)`, version))
}

// statements cuts a script at semicolons that end a line, without its lines of comment.
func statements(script string) []string {
	var all []string
	var one strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "--") {
			continue
		}
		one.WriteString(line)
		if strings.HasSuffix(strings.TrimRight(line, " \n"), ";") {
			all = append(all, strings.Trim(one.String(), "; \n"))
			one.Reset()
		}
	}
	return all
}
