package local

import (
	"context"
	"database/sql"

	"github.com/gatefold/gatefold/internal/record"
)

const sessionColumns = `id, parent, user, account, target, database, protocol, client, app, pid, opened, closed, outcome,
	verdict, message, last, actions, head, secret, since, until`

const (
	getSession = `SELECT ` + sessionColumns + ` FROM sessions WHERE id = ?`
	putSession = `INSERT OR REPLACE INTO sessions (` + sessionColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// line is a session's line with what only the directory needs.
type line struct {
	record.Session
	since, until int64 // no record of it is earlier, none later: the bounds of its blocks
}

// put writes a line; put is putSession.
func (l *line) put(ctx context.Context, put *sql.Stmt) error {
	_, err := put.ExecContext(ctx, l.ID[:], l.Parent[:], l.User, l.Account, l.Target, l.Database, l.Protocol, l.Client, l.App,
		int64(l.PID), l.Opened, l.Closed, l.Outcome, l.Verdict, l.Message, int64(l.Last), int64(l.Actions), l.Head[:],
		[]byte(l.Secret), l.since, l.until)
	return err
}

// row is what *sql.Row and *sql.Rows share.
type row interface{ Scan(dest ...any) error }

// scanLine reads a session's line as sessionColumns names it.
func scanLine(from row) (l line, err error) {
	var id, parent, head, secret []byte
	var pid, last, actions int64
	err = from.Scan(&id, &parent, &l.User, &l.Account, &l.Target, &l.Database, &l.Protocol, &l.Client, &l.App, &pid,
		&l.Opened, &l.Closed, &l.Outcome, &l.Verdict, &l.Message, &last, &actions, &head, &secret, &l.since, &l.until)
	copy(l.ID[:], id)
	copy(l.Parent[:], parent)
	copy(l.Head[:], head)
	l.Secret = record.Secret(secret)
	l.PID, l.Last, l.Actions = uint64(pid), uint64(last), uint64(actions)
	return l, err
}

// scanSession is scanLine for those who need the session alone.
func scanSession(from row) (record.Session, error) {
	l, err := scanLine(from)
	return l.Session, err
}
