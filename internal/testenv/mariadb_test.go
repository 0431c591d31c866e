package testenv

import (
	"os"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestMariaDBHasTLSAndPasswords(t *testing.T) {
	s := MariaDBForTest(t)
	db := s.CreateDB(t)
	for _, via := range []string{"", "ed25519"} {
		user, password := s.CreateUser(t, via, "ALL ON "+db+".*")
		out, err := s.UserLogin(user, password).Client(t, "-BNe", "SHOW STATUS LIKE 'Ssl_version'; SELECT CURRENT_USER(), DATABASE(), @@version", db).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "TLSv1.3") || !strings.Contains(string(out), user+"@%\t"+db+"\t10.") {
			t.Errorf("via %q: %v\n%s", via, err, out)
		}
		out, err = s.UserLogin(user, "wrong").Client(t, "-e", "SELECT 1").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "ERROR 1045") {
			t.Errorf("via %q, a wrong password got: %v\n%s", via, err, out)
		}
	}
}

// The driver verifies the certificate, by its configuration and by a name.
func TestMariaDBForTheDriver(t *testing.T) {
	s := MariaDBForTest(t)
	db := s.Login().Open(t, s.CreateDB(t))
	var name, cipher string
	if err := db.QueryRow("SHOW STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher); err != nil || cipher == "" {
		t.Errorf("cipher %q (%v)", cipher, err)
	}
	dsn, err := s.Login().DSN("mysql")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := mysql.ParseDSN(dsn); err != nil || c.TLS == nil || c.TLS.RootCAs == nil || c.DBName != "mysql" {
		t.Errorf("read back as %+v (%v)", c, err)
	}
}

// An account that asks for a certificate takes one of the server's own authority.
func TestMariaDBTakesClientCertificates(t *testing.T) {
	s := MariaDBForTest(t)
	user, password := s.CreateUser(t, "", "")
	s.MustExec(t, "", "ALTER USER "+user+" REQUIRE SUBJECT '/CN=carol'")
	cert, err := s.Authority.Client("carol")
	if err != nil {
		t.Fatal(err)
	}
	l := s.UserLogin(user, password)
	if out, err := l.Client(t, "-e", "SELECT 1").CombinedOutput(); err == nil {
		t.Errorf("let in without a certificate:\n%s", out)
	}
	l.Cert, l.Key = cert.Files(t)
	if out, err := l.Client(t, "-e", "SELECT 1").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestMariaDBLogsStatements(t *testing.T) {
	s := MariaDBForTest(t)
	s.MustExec(t, "", "SELECT 'written in the log'")
	log, err := os.ReadFile(s.GeneralLog)
	if err != nil || !strings.Contains(string(log), "SELECT 'written in the log'") {
		t.Errorf("not in the log (%v)", err)
	}
}

func TestMariaDBSettings(t *testing.T) {
	s := NewMariaDBForTest(t, Options{Settings: map[string]string{
		"lower_case_table_names": "1", "sql_mode": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "max_allowed_packet": "1G", "log_bin": "",
		"local_infile": "OFF", "init_connect": `SET @a = '\\"'`,
	}})
	out, err := s.Login().Client(t, "-BNe", "SELECT @@lower_case_table_names, @@global.sql_mode, @@max_allowed_packet, @@log_bin, @@local_infile, @@init_connect, @@have_ssl").CombinedOutput()
	want := "1\tANSI_QUOTES,NO_BACKSLASH_ESCAPES\t1073741824\t1\t0\t" + `SET @a = '\\\\"'` + "\tDISABLED\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%swant\n%s", err, out, want)
	}
	if accounts := s.accounts(t); accounts != "mariadb.sys@localhost root@%" {
		t.Errorf("accounts are %s", accounts)
	}
}

func (s *MariaDBServer) accounts(t *testing.T) (accounts string) {
	t.Helper()
	row := s.Login().Open(t, "mysql").QueryRow("SELECT GROUP_CONCAT(User, '@', Host ORDER BY User SEPARATOR ' ') FROM global_priv")
	if err := row.Scan(&accounts); err != nil {
		t.Fatal(err)
	}
	return accounts
}
