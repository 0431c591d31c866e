package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What the tables are asked beside their columns: that what they took is on disk, and how long rows are kept.

// tables are all of ours.
var tables = []string{"meta", "records", "touched", "blocks", "spans"}

// durable are a table's settings with which what was inserted survives a loss of power: ClickHouse by itself leaves that to the
// operating system.
const durable = "fsync_after_insert = 1, fsync_part_directory = 1"

// ddl is the statement that a table is made with, as the server tells it.
func (s *Store) ddl(ctx context.Context, table string) (ddl string, err error) {
	row := s.conn.QueryRow(ctx, `SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = ?`, s.opts.own(table))
	return ddl, row.Scan(&ddl)
}

// endure has the tables sync what they take.
func (s *Store) endure(ctx context.Context) error {
	for _, table := range tables {
		ddl, err := s.ddl(ctx, table)
		if err != nil {
			return err
		}
		if strings.Contains(ddl, durable) {
			continue
		}
		if err := s.conn.Exec(ctx, s.opts.alter(table)+"MODIFY SETTING "+durable); err != nil {
			return fmt.Errorf("have table %s sync what it takes: %w", table, err)
		}
	}
	return nil
}

// expiring are the tables whose rows go, and by which column. Batches and chains are kept for ever: they prove what is left, and
// say how far a gateway is.
var expiring = map[string]string{"records": "at", "touched": "day"}

var expiry = regexp.MustCompile(`TTL toDateTime\(\w+\) \+ toIntervalSecond\((\d+)\)`)

// kept is how long a table's rows are kept; 0: for ever.
func (s *Store) kept(ctx context.Context, table string) (time.Duration, error) {
	ddl, err := s.ddl(ctx, table)
	if err != nil {
		return 0, err
	}
	m := expiry.FindStringSubmatch(ddl)
	if m == nil {
		return 0, nil
	}
	seconds, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || seconds > int64(1<<63-1)/int64(time.Second) {
		return 0, nil // longer than anything that can be configured
	}
	return time.Duration(seconds) * time.Second, nil
}

// expire has rows kept for at least as long as this gateway wants. Several gateways share the tables: one of them alone doesn't
// shorten what the others rely on, see Shorten.
func (s *Store) expire(ctx context.Context, fresh bool) error {
	for table := range expiring {
		has, err := s.kept(ctx, table)
		if err != nil {
			return err
		}
		switch want := s.opts.Keep; {
		case has == want:
		case fresh || longer(want, has):
			err = s.keep(ctx, table, want)
		case table == "records":
			s.Notes = append(s.Notes, fmt.Sprintf("its rows are kept %s, longer than clickhouse.keep says; gatefold prune --store clickhouse shortens that, for all gateways", howLong(has)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// longer reports whether keeping for a is longer than for b.
func longer(a, b time.Duration) bool { return b != 0 && (a == 0 || a > b) }

func howLong(d time.Duration) string {
	if d == 0 {
		return "for ever"
	}
	return "for " + d.String()
}

// keep has a table's rows go after so long; 0: never.
func (s *Store) keep(ctx context.Context, table string, want time.Duration) error {
	if want == 0 {
		return s.conn.Exec(ctx, s.opts.alter(table)+"REMOVE TTL")
	}
	return s.conn.Exec(ctx, fmt.Sprintf("%sMODIFY TTL toDateTime(%s) + toIntervalSecond(%d) SETTINGS materialize_ttl_after_modify = 0",
		s.opts.alter(table), expiring[table], int64(want/time.Second)))
}

// Shorten has rows go after as long as this gateway's configuration says, those of all gateways, and tells how long that is.
func (s *Store) Shorten(ctx context.Context) (kept string, err error) {
	if s.opts.Mode != Write {
		return "", errors.New("it is open for reading")
	}
	for table := range expiring {
		has, err := s.kept(ctx, table)
		if err == nil && has != s.opts.Keep {
			err = s.keep(ctx, table, s.opts.Keep)
		}
		if err != nil {
			return "", s.wrap("shorten", err)
		}
	}
	return howLong(s.opts.Keep), nil
}

// horizon is the time before which rows may be gone since they were not to be kept: by what all gateways agreed on and by what this
// one is configured to, whichever is longer. 0: none may. Should the tables let go of more, that shows as a loss.
func (s *Store) horizon(ctx context.Context) (int64, error) {
	has, err := s.kept(ctx, "records")
	if err != nil || has == 0 || s.opts.Keep == 0 {
		return 0, err
	}
	return time.Now().Add(-max(has, s.opts.Keep)).UnixNano(), nil
}
