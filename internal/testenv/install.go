package testenv

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

//go:embed setup.sh
var setupScript []byte

// installOnce is one attempt a process: a second would fail for the same reason.
var installOnce = sync.OnceValue(func() error {
	if os.Getenv(envNoInstall) != "" {
		return fmt.Errorf("install postgresql: %s is set", envNoInstall)
	}
	dir, err := os.MkdirTemp("", "gatefold-setup-")
	if err != nil {
		return fmt.Errorf("install postgresql: %w", err)
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "setup.sh")
	if err := os.WriteFile(script, setupScript, 0o700); err != nil {
		return fmt.Errorf("install postgresql: %w", err)
	}
	if out, err := exec.Command("sh", script, "postgresql").CombinedOutput(); err != nil {
		return fmt.Errorf("install postgresql: %w\n%s", err, out)
	}
	return nil
})

// EnsurePostgres sees to it that PostgreSQL's programs are here: they are installed from the distribution's
// packages when they are missing and this is root or sudo asks no password.
func EnsurePostgres() error {
	for _, name := range []string{"postgres", "initdb", "psql"} {
		if _, err := Binary(name); err == nil {
			continue
		}
		if err := installOnce(); err != nil {
			return fmt.Errorf("%w: %w", ErrMissing, err)
		}
		if _, err := Binary(name); err != nil {
			return err
		}
	}
	return nil
}
