package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What is written is read again, by us and by a shell, whatever a path holds.
func TestEnvRoundTrip(t *testing.T) {
	want := env{"PG_DIRECT_HOST": "127.0.0.1", "PG_DIRECT_CA": "/a folder/it's here/$HOME/ca.pem", "PG_GATE_DB": "bed"}
	path := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(path, []byte(want.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readEnv(path)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
	out, err := exec.Command("sh", "-c", `. "$1"; printf %s "$PG_DIRECT_CA"`, "sh", path).CombinedOutput()
	if err != nil || string(out) != want["PG_DIRECT_CA"] {
		t.Errorf("a shell reads %q (%v), want %q", out, err, want["PG_DIRECT_CA"])
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"sideways"}, {"up", "down"}} {
		if err := run(t.Context(), args); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
}
