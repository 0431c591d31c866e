package local

import (
	"path/filepath"
	"testing"
)

// Exec changes the directory behind the archive's back.
func Exec(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := connect(t.Context(), filepath.Join(dir, "directory.db"), writing)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
