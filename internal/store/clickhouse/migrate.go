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

// migrations bring the tables from each version to the next: the first makes them. Released ones are never changed.
var migrations = []string{schema + views}

// NewerError says that the tables were made by a newer gatefold.
type NewerError struct{ Have, Know uint64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("its tables have version %d, this gatefold knows up to %d: use a newer one", e.Have, e.Know)
}

func known(have uint64) error {
	if know := uint64(len(migrations)); have > know {
		return &NewerError{have, know}
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
	for ; have < uint64(len(migrations)); have++ {
		for _, statement := range s.opts.ddl(migrations[have]) {
			if err := s.conn.Exec(ctx, statement); err != nil {
				return false, fmt.Errorf("bring its tables to version %d: %w", have+1, err)
			}
		}
		if err := s.conn.Exec(ctx, fmt.Sprintf(`INSERT INTO meta (key, value) VALUES ('version', %d)`, have+1)); err != nil {
			return false, err
		}
	}
	return fresh, nil
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
