package main

import (
	"net"
	"net/url"
	"strings"
)

// mysqlConnection is how a client of MySQL's protocol reaches the gateway. A password goes through TLS as it is, so that
// each form proves the gateway before.
type mysqlConnection struct {
	connection
	ca string // PEM file that the gateway's certificate is verified by; empty: the client's system knows its authority
}

// forms are all forms, by the name that --format has for them. An empty one: none can say this connection.
func (c mysqlConnection) forms() []form {
	return []form{
		{"mariadb", "mariadb", c.mariadb()}, {"mysql", "mysql", c.mysql()}, {"uri", "URI", c.uri()}, {"jdbc", "JDBC", c.jdbc()}, {"go", "Go", c.golang()},
	}
}

// mariadb is a line for a shell, with the options of MariaDB's client.
func (c mysqlConnection) mariadb() string {
	return c.client("mariadb", "--ssl-verify-server-cert")
}

// mysql is a line for a shell, with the options of MySQL's own client.
func (c mysqlConnection) mysql() string {
	return c.client("mysql", "--ssl-mode=VERIFY_IDENTITY")
}

func (c mysqlConnection) client(program, verify string) string {
	line := []string{program, "-h", c.host, "-P", c.port, "-u", shellQuote(c.user)}
	if c.host == "localhost" { // which means a unix socket to them
		line = append(line, "--protocol=tcp")
	}
	if c.ca != "" {
		line = append(line, "--ssl-ca="+shellQuote(c.ca))
	}
	line = append(line, verify, "-p") // -p asks for the password
	if c.database != "" {
		line = append(line, "-D", shellQuote(c.database))
	}
	return strings.Join(line, " ")
}

// uri is MySQL Shell's (MySQL: "Connecting to the Server Using URI-Like Strings"). Drivers read it, and have names of their
// own for what follows the question mark.
func (c mysqlConnection) uri() string {
	params := "?ssl-mode=VERIFY_IDENTITY"
	if c.ca != "" {
		params += "&ssl-ca=" + percent(c.ca)
	}
	return "mysql://" + percent(c.user) + "@" + net.JoinHostPort(c.host, c.port) + "/" + percent(c.database) + params
}

// jdbc is the URL of MariaDB's Connector/J, which takes everything as it stands there and has no way to escape.
func (c mysqlConnection) jdbc() string {
	if strings.ContainsAny(c.database, "?&/#") || strings.Contains(c.ca, "&") {
		return ""
	}
	params := "&useSsl=true"
	if c.ca != "" {
		params += "&serverSslCert=" + c.ca
	}
	return "jdbc:mariadb://" + net.JoinHostPort(c.host, c.port) + "/" + c.database + "?user=" + c.user + params
}

// golang is the data source name of go-sql-driver/mysql, whose tls=true verifies by the authorities of the system or of
// the file that SSL_CERT_FILE names.
func (c mysqlConnection) golang() string {
	return c.user + "@tcp(" + net.JoinHostPort(c.host, c.port) + ")/" + url.PathEscape(c.database) + "?tls=true"
}

// note says what proves the gateway.
func (c mysqlConnection) note() string {
	if c.ca == "" {
		return "TLS is verified by the authorities that the client's system knows. The password goes through it as it is."
	}
	return "The gateway is proved by " + c.ca + ": copy it to the client and name it there. The\n" +
		"password goes through TLS as it is, so leave nothing out that verifies. Go: set SSL_CERT_FILE to it."
}
