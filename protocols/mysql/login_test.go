package mysql

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
)

// runMariaDB runs MariaDB's own client and returns what it prints.
func runMariaDB(t *testing.T, login testenv.MySQLLogin, arguments ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "my.cnf")
	if err := os.WriteFile(file, login.OptionFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), testenv.MariaDBTool(t, "mariadb"), append([]string{"--defaults-file=" + file, "-N", "-B"}, arguments...)...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestMariaDBClient(t *testing.T) {
	g, _ := mariaGate(t, "", nil)
	out, err := runMariaDB(t, g.as(gateUser, gatePassword), "-e", "SELECT 1+1, CURRENT_USER()", "mysql")
	t.Log(out, err, g.errs, g.request(), g.joined())
	if err != nil || !strings.HasPrefix(out, "2\t"+g.login) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestGoDriver(t *testing.T) {
	g, _ := mariaGate(t, "", nil)
	db := g.as(gateUser, gatePassword).Open(t, "mysql")
	var n int
	if err := db.QueryRow("SELECT 1+1").Scan(&n); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if err := db.QueryRow("SELECT 1+?", 4).Scan(&n); err != nil || n != 5 {
		t.Fatal(n, err)
	}
	t.Log(g.request(), g.joined())
}
