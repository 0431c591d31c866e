package testenv

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MySQLLogin is what clients of MySQL's protocol need to log in, at a server or at a gateway.
type MySQLLogin struct {
	Host           string
	Port           int
	User, Password string
	CA             string // PEM file: TLS is needed, and verified. Empty: plaintext
	Cert, Key      string // PEM files: the client's own certificate. Empty: none
}

// OptionFile is the login for MariaDB's and MySQL's own programs, whose first argument it is by its path:
// --defaults-file=PATH. What only MariaDB's know is loose: MySQL's warn of it, and verify the authority all the same.
func (l MySQLLogin) OptionFile() []byte {
	var b strings.Builder
	b.WriteString("[client]\nprotocol = tcp\n")
	set := func(name, value string) { fmt.Fprintf(&b, "%s = %s\n", name, optionValue(value)) }
	set("host", l.Host)
	set("port", strconv.Itoa(l.Port))
	set("user", l.User)
	set("password", l.Password)
	if l.CA == "" {
		b.WriteString("loose-skip-ssl\n")
		return []byte(b.String())
	}
	set("ssl-ca", l.CA)
	b.WriteString("loose-ssl-verify-server-cert\n")
	if l.Cert != "" {
		set("ssl-cert", l.Cert)
		set("ssl-key", l.Key)
	}
	return []byte(b.String())
}

// Config is the login for go-sql-driver/mysql.
func (l MySQLLogin) Config(database string) (*mysql.Config, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName = "tcp", net.JoinHostPort(l.Host, strconv.Itoa(l.Port)), database
	c.User, c.Passwd = l.User, l.Password
	c.Timeout = 10 * time.Second
	if l.CA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(l.CA)
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	c.TLS = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: l.Host, MinVersion: tls.VersionTLS12}
	if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authority: no certificate in %s", l.CA)
	}
	if l.Cert != "" {
		cert, err := tls.LoadX509KeyPair(l.Cert, l.Key)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		c.TLS.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

// Login is the superuser's.
func (s *MariaDBServer) Login() MySQLLogin { return s.UserLogin(s.Superuser, s.Password) }

// UserLogin is another account's.
func (s *MariaDBServer) UserLogin(user, password string) MySQLLogin {
	return MySQLLogin{Host: s.Host, Port: s.Port, User: user, Password: password, CA: s.CA}
}

// DSN is the login as a data source name of go-sql-driver/mysql. What it verifies TLS with is registered with the driver, in this process.
func (l MySQLLogin) DSN(database string) (string, error) {
	c, err := l.Config(database)
	if err != nil {
		return "", err
	}
	if c.TLS == nil {
		return c.FormatDSN(), nil
	}
	name := "gatefold-" + strconv.Itoa(l.Port)
	if err := mysql.RegisterTLSConfig(name, c.TLS); err != nil {
		return "", fmt.Errorf("register TLS settings: %w", err)
	}
	c.TLS, c.TLSConfig = nil, name
	return c.FormatDSN(), nil
}
