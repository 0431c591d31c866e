// Package testenv finds, installs, starts and stops real throwaway servers, for tests, the demo, the bed and
// benchmarks. A server lives in one folder, listens on loopback only, and has a generated password and a
// certificate of a throwaway authority. It imports none of the house, so that any test may use it. Linux only:
// it asks /proc what is alive.
//
// A test says
//
//	srv := testenv.ForTest(t) // or MariaDBForTest
//	db := srv.CreateDB(t)
//
// and gets the one PostgreSQL of its test binary, or is skipped, loudly and counted, where there is none and none
// can be installed.
package testenv

import (
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"time"
)

// ErrMissing says that a server's programs are not on this machine.
var ErrMissing = errors.New("not installed")

// SkipMark begins the reason of each test skipped for want of a server; `make test` counts them.
const SkipMark = "SKIPPED-MISSING-SERVER"

// Environment variables that change how servers are found.
const (
	envBin       = "GATEFOLD_PG_BIN"      // folder of PostgreSQL's programs
	envMariaDB   = "GATEFOLD_MARIADB_BIN" // folders of MariaDB's programs, parted as in PATH
	envSSH       = "GATEFOLD_SSH_BIN"     // folders of OpenSSH's programs, parted as in PATH
	envNoInstall = "GATEFOLD_NO_INSTALL"  // not empty: install nothing
)

// poll is how often something awaited is looked at.
const poll = 20 * time.Millisecond

// NewPassword returns a generated password of 26 letters and digits, 130 bits.
func NewPassword() string { return rand.Text() }

// CleanEnv returns this process's environment without what would change a database client's mind (PG..., MYSQL...,
// MARIADB...), and with the variables given as NAME=value. MySQL's programs read the home folder's .my.cnf all the same:
// begin their arguments with an option file (Login.OptionFile).
func CleanEnv(extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PG") && !strings.HasPrefix(kv, "MYSQL") && !strings.HasPrefix(kv, "MARIADB") {
			env = append(env, kv)
		}
	}
	env = append(env, "PGPASSFILE=/dev/null", "PSQLRC=/dev/null", "PGSERVICEFILE=/dev/null")
	return append(env, extra...)
}
