package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Binary returns the path of one of PostgreSQL's programs (psql, pgbench, initdb, postgres): from the folder in
// GATEFOLD_PG_BIN, else the newest version that the distribution's packages put in place, else where pg_config
// points, else PATH. An error is ErrMissing.
func Binary(name string) (string, error) {
	return find("PostgreSQL", name, binDirs(), os.Getenv(envBin) == "")
}

// MariaDBBinary returns the path of one of MariaDB's programs (mariadb, mariadbd, mariadb-dump): from the folders in
// GATEFOLD_MARIADB_BIN, which are parted as in PATH, else where the distribution's packages put them, else PATH. An
// error is ErrMissing.
func MariaDBBinary(name string) (string, error) {
	if dirs := os.Getenv(envMariaDB); dirs != "" {
		return find("MariaDB", name, filepath.SplitList(dirs), false)
	}
	return find("MariaDB", name, []string{"/usr/bin", "/usr/sbin"}, true)
}

// SSHBinary returns the path of one of OpenSSH's programs (sshd, ssh, scp, sftp, sftp-server, ssh-keygen): from the folders
// in GATEFOLD_SSH_BIN, which are parted as in PATH, else where distributions' packages put them, else PATH. An error is
// ErrMissing.
func SSHBinary(name string) (string, error) {
	if dirs := os.Getenv(envSSH); dirs != "" {
		return find("OpenSSH", name, filepath.SplitList(dirs), false)
	}
	return find("OpenSSH", name, []string{"/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/usr/lib/ssh", "/usr/libexec/openssh", "/usr/libexec"}, true)
}

// find looks for a program in folders, and then, where that is wanted, in PATH.
func find(product, name string, dirs []string, inPath bool) (string, error) {
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	if inPath {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s of %s: %w (make setup installs it)", name, product, ErrMissing)
}

func binDirs() []string {
	if dir := os.Getenv(envBin); dir != "" {
		return []string{dir}
	}
	dirs := byVersion("/usr/lib/postgresql/*/bin")
	dirs = append(dirs, byVersion("/usr/pgsql-*/bin")...)
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	return dirs
}

// byVersion lists the folders that match, the highest version first.
func byVersion(pattern string) []string {
	dirs, _ := filepath.Glob(pattern)
	best := func(dir string) int {
		name := strings.TrimPrefix(filepath.Base(filepath.Dir(dir)), "pgsql-")
		v, _ := strconv.Atoi(name)
		return v
	}
	for i := range dirs { // a handful: insertion sort
		for j := i; j > 0 && best(dirs[j]) > best(dirs[j-1]); j-- {
			dirs[j], dirs[j-1] = dirs[j-1], dirs[j]
		}
	}
	return dirs
}
