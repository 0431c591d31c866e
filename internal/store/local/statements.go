package local

import (
	"context"
	"database/sql"
	"sync"
)

// statements are those of the directory that each block takes. SQLite reads a statement's text once for a connection and not for
// each block, which took longer than to carry it out.
type statements struct {
	mu     sync.Mutex
	parsed map[string]*sql.Stmt // by text; they end with the database
}

func (s *statements) get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.parsed[text]; known != nil {
		return known, nil
	}
	stmt, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if s.parsed == nil {
		s.parsed = make(map[string]*sql.Stmt)
	}
	s.parsed[text] = stmt
	return stmt, nil
}

// within gives a statement that is good until tx ends.
func (s *Store) within(ctx context.Context, tx *sql.Tx, text string) (*sql.Stmt, error) {
	stmt, err := s.statements.get(ctx, s.db, text)
	if err != nil {
		return nil, err
	}
	return tx.StmtContext(ctx, stmt), nil
}
