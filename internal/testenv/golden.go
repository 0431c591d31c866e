package testenv

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// UpdateGolden reports whether golden files are to be written anew (`make golden`) instead of compared.
func UpdateGolden() bool { return os.Getenv("UPDATE_GOLDEN") != "" }

// Golden compares got with the file at path, or writes it there when UpdateGolden.
func Golden(t testing.TB, path string, got []byte) {
	t.Helper()
	if UpdateGolden() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (make golden writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (make golden writes it anew).\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}
