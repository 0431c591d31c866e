package local

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// schemaVersion is that of schema.sql. An older directory is built again from the blocks, a newer one refused.
const schemaVersion = 3

//go:embed schema.sql
var schema string

// checkedSize is up to which size a directory is checked whole on opening. Larger ones are by Check.
const checkedSize = 64 << 20 // 64 MiB

// NewerError says that a directory was made by a newer gatefold.
type NewerError struct{ Have int64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("its directory has format version %d, this gatefold knows up to %d: use a newer one", e.Have, schemaVersion)
}

// connect opens a SQLite file. Options are those of an SQLite URI.
func connect(ctx context.Context, name, options string) (*sql.DB, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	dsn := (&url.URL{Scheme: "file", Path: abs}).String() + "?" + options + "&_pragma=busy_timeout(10000)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

const (
	writing   = "mode=rwc&_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=secure_delete(1)" // no old secret stays in a page
	reading   = "mode=ro&_pragma=query_only(1)"
	untouched = "immutable=1&_pragma=query_only(1)" // a folder that can't be written to, with no writer beside
)

// openDirectory opens the directory that is there. An error but a *NewerError means that it is not to be used.
func (s *Store) openDirectory(ctx context.Context, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	tries := []string{reading, untouched}
	if s.mode == Write {
		tries = []string{writing}
	}
	for _, options := range tries {
		var db *sql.DB
		if db, err = connect(ctx, name, options); err != nil {
			continue
		}
		if err = sound(ctx, db, info.Size()); err == nil {
			s.db = db
			return nil
		}
		err = errors.Join(err, db.Close())
	}
	return err
}

// sound checks a directory's version, and what else can be checked in no time.
func sound(ctx context.Context, db *sql.DB, size int64) error {
	var have int64
	if err := db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'version'`).Scan(&have); err != nil {
		return err
	}
	switch {
	case have > schemaVersion:
		return &NewerError{have}
	case have < schemaVersion:
		return fmt.Errorf("format version %d is out of date", have)
	case size > checkedSize:
		return nil
	}
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	return nil
}

// createDirectory makes an empty directory.
func (s *Store) createDirectory(ctx context.Context, name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) // SQLite gives its other files the same permissions
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if s.db, err = connect(ctx, name, writing); err != nil {
		return err
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO meta VALUES ('version', ?)`, schemaVersion)
		return err
	})
}

// createPrivate makes a directory of a reader's own, which goes with it.
func (s *Store) createPrivate(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "gatefold-archive-")
	if err != nil {
		return err
	}
	s.private = dir
	return s.createDirectory(ctx, filepath.Join(dir, "directory.db"))
}

// change runs fn in one transaction.
func (s *Store) change(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone drops what Rollback says of a transaction that the context's end has rolled back.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
