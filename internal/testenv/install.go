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

// One attempt a process each: a second would fail for the same reason.
var (
	installPostgres = sync.OnceValue(func() error { return install("postgresql") })
	installMariaDB  = sync.OnceValue(func() error { return install("mariadb") })
	installSSH      = sync.OnceValue(func() error { return install("ssh") })
)

// install runs setup.sh for one of its words.
func install(what string) error {
	if os.Getenv(envNoInstall) != "" {
		return fmt.Errorf("install %s: %s is set", what, envNoInstall)
	}
	dir, err := os.MkdirTemp("", "gatefold-setup-")
	if err != nil {
		return fmt.Errorf("install %s: %w", what, err)
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "setup.sh")
	if err := os.WriteFile(script, setupScript, 0o700); err != nil {
		return fmt.Errorf("install %s: %w", what, err)
	}
	if out, err := exec.Command("sh", script, what).CombinedOutput(); err != nil {
		return fmt.Errorf("install %s: %w\n%s", what, err, out)
	}
	return nil
}

// EnsurePostgres sees to it that PostgreSQL's programs are here: they are installed from the distribution's
// packages when they are missing and this is root or sudo asks no password.
func EnsurePostgres() error { return ensure(Binary, installPostgres, "postgres", "initdb", "psql") }

// EnsureMariaDB sees to it that MariaDB's programs are here, as EnsurePostgres does for PostgreSQL's.
func EnsureMariaDB() error {
	return ensure(MariaDBBinary, installMariaDB, "mariadbd", "mariadb-install-db", "mariadb")
}

// EnsureSSH sees to it that OpenSSH's programs are here, those of the server and of the client.
func EnsureSSH() error {
	return ensure(SSHBinary, installSSH, "sshd", "ssh", "scp", "sftp", "sftp-server")
}

func ensure(find func(string) (string, error), install func() error, names ...string) error {
	for _, name := range names {
		if _, err := find(name); err == nil {
			continue
		}
		if err := install(); err != nil {
			return fmt.Errorf("%w: %w", ErrMissing, err)
		}
		if _, err := find(name); err != nil {
			return err
		}
	}
	return nil
}
