package mysql

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols/protocoltest"
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

// MariaDB's own client, by each plugin that it has, each time with a gateway that has not seen the password yet: without
// TLS that is the password encrypted by RSA.
func TestMariaDBClient(t *testing.T) {
	for _, tt := range []struct {
		name, plugin string
		plain        bool
	}{
		{name: "as it comes"},
		{name: "in plaintext", plain: true},
		{name: "caching_sha2_password", plugin: pluginSHA2},
		{name: "mysql_clear_password", plugin: pluginClear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, _ := mariaGate(t, "", nil)
			login := g.as(protocoltest.User, protocoltest.Password)
			arguments := []string{"-e", "SELECT 1+1, CURRENT_USER()", "mysql"}
			if tt.plain {
				login.CA = ""
			}
			if tt.plugin != "" {
				arguments = append([]string{"--default-auth=" + tt.plugin}, arguments...)
			}
			for range 2 { // the second time the gateway has seen it
				if out, err := runMariaDB(t, login, arguments...); err != nil || out != "2\t"+g.Account+"@%" {
					t.Errorf("%v: %s", err, out)
				}
			}
			if r := g.Request(); r.App != "mysql" && r.App != "mariadb" || r.Database != "mysql" || (r.TLS == "") != tt.plain {
				t.Errorf("%+v", r)
			}
			login.Password = "wrong"
			out, err := runMariaDB(t, login, arguments...)
			if want := "ERROR 1045 (28000): Access denied for user 'alice'@'127.0.0.1' (using password: YES)"; err == nil || out != want {
				t.Errorf("%q, want %q", out, want)
			}
		})
	}
}

func TestMariaDBClientByCertificate(t *testing.T) {
	authority, err := testenv.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Client(protocoltest.User)
	if err != nil {
		t.Fatal(err)
	}
	g, _ := mariaGate(t, "", func(g *testGate) { g.certify(authority, protocoltest.User) })
	login := g.as(protocoltest.User, "")
	login.Cert, login.Key = cert.Files(t)
	if out, err := runMariaDB(t, login, "-e", "SELECT 2"); err != nil || out != "2" {
		t.Errorf("%v: %s", err, out)
	}
	login.Password = "not asked for"
	if out, err := runMariaDB(t, login, "-e", "SELECT 2"); err != nil || out != "2" {
		t.Errorf("with a password: %v: %s", err, out)
	}
	login.Cert, login.Key = "", ""
	if out, err := runMariaDB(t, login, "-e", "SELECT 2"); err == nil {
		t.Errorf("without it: %s", out)
	}
}

func TestGoDriver(t *testing.T) {
	for _, plain := range []bool{false, true} {
		g, _ := mariaGate(t, "ed25519", nil)
		login := g.as(protocoltest.User, protocoltest.Password)
		if plain {
			login.CA = ""
		}
		db := login.Open(t, "mysql")
		var n int
		if err := db.QueryRow("SELECT 1+1").Scan(&n); err != nil || n != 2 {
			t.Error(n, err)
		}
		if err := db.QueryRow("SELECT 1+?", 4).Scan(&n); err != nil || n != 5 {
			t.Error(n, err)
		}
		if r := g.Request(); r.App != "Go-MySQL-Driver" || (r.TLS == "") != plain {
			t.Errorf("%+v", r)
		}
	}
}

// PyMySQL logs in as the distribution has it.
func TestPyMySQL(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pymysql").Run(); err != nil {
		t.Skipf("%s pymysql: %v", testenv.SkipMark, err)
	}
	g, _ := mariaGate(t, "", nil)
	program := `
import pymysql, sys
for ssl in ({"ca": sys.argv[2]}, None):
    c = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="alice", password="correct horse", ssl=ssl)
    k = c.cursor()
    k.execute("SELECT 1 + 1")
    print(k.fetchall())
`
	out, err := exec.CommandContext(t.Context(), python, "-c", program, strconv.Itoa(g.Addr.Port), g.CA).CombinedOutput()
	if err != nil || string(out) != "((2,),)\n((2,),)\n" {
		t.Errorf("%v: %s", err, out)
	}
}
