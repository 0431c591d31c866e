package main

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

// connection is how a client reaches the gateway. An empty database is left out.
type connection struct{ host, port, user, database, sslmode string }

// form is one way to write a connection down.
type form struct{ name, label, text string }

// forms are all of libpq's and its kin's.
func (c connection) forms() []form {
	return []form{{"psql", "psql", c.psql()}, {"uri", "URI", c.uri()}, {"jdbc", "JDBC", c.jdbc()}}
}

// psql is a line for a shell.
func (c connection) psql() string { return "psql " + shellQuote(c.conninfo()) }

// conninfo is libpq's keyword form (PostgreSQL documentation, section 34.1.1.1).
func (c connection) conninfo() string {
	parts := []string{"host=" + pqQuote(c.host), "port=" + pqQuote(c.port), "user=" + pqQuote(c.user)}
	if c.database != "" {
		parts = append(parts, "dbname="+pqQuote(c.database))
	}
	return strings.Join(append(parts, "sslmode="+c.sslmode), " ")
}

// uri is libpq's, and most drivers', URI (section 34.1.1.2).
func (c connection) uri() string {
	return "postgresql://" + percent(c.user) + "@" + net.JoinHostPort(c.host, c.port) + "/" + percent(c.database) + "?sslmode=" + c.sslmode
}

// jdbc is the PostgreSQL JDBC driver's URL, whose user is a parameter.
func (c connection) jdbc() string {
	return "jdbc:postgresql://" + net.JoinHostPort(c.host, c.port) + "/" + percent(c.database) + "?user=" + percent(c.user) + "&sslmode=" + c.sslmode
}

// percent encodes all but RFC 3986's unreserved characters: a '+' is a space to some and a plus to others.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// pqQuote quotes a value of libpq's keyword form where it needs it.
func pqQuote(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\r\n'\\") {
		return s
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// list joins words for a person to read.
func list(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
