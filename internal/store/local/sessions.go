package local

import (
	"context"
	"database/sql"

	"github.com/gatefold/gatefold/internal/record"
)

const sessionColumns = `id, parent, user, account, target, database, protocol, client, app, pid, opened, closed, outcome,
	verdict, message, last, actions, head, secret`

// putSession writes a session's line.
func putSession(ctx context.Context, tx *sql.Tx, s *record.Session) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO sessions (`+sessionColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.ID[:], s.Parent[:], s.User, s.Account, s.Target, s.Database, s.Protocol, s.Client, s.App, int64(s.PID),
		s.Opened, s.Closed, s.Outcome, s.Verdict, s.Message, int64(s.Last), int64(s.Actions), s.Head[:], []byte(s.Secret))
	return err
}

// row is what *sql.Row and *sql.Rows share.
type row interface{ Scan(dest ...any) error }

// scanSession reads a session's line as sessionColumns names it.
func scanSession(from row) (s record.Session, err error) {
	var id, parent, head, secret []byte
	var pid, last, actions int64
	err = from.Scan(&id, &parent, &s.User, &s.Account, &s.Target, &s.Database, &s.Protocol, &s.Client, &s.App, &pid,
		&s.Opened, &s.Closed, &s.Outcome, &s.Verdict, &s.Message, &last, &actions, &head, &secret)
	copy(s.ID[:], id)
	copy(s.Parent[:], parent)
	copy(s.Head[:], head)
	s.Secret = record.Secret(secret)
	s.PID, s.Last, s.Actions = uint64(pid), uint64(last), uint64(actions)
	return s, err
}

// querier is what *sql.DB and *sql.Tx share.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// getSession reads one session's line; sql.ErrNoRows: there is none.
func getSession(ctx context.Context, db querier, id record.ID) (record.Session, error) {
	return scanSession(db.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ?`, id[:]))
}
