package policy

import _ "embed"

// Starter is a policy to begin with: psql, pgx, JDBC drivers and DBeaver can start up under it, and two groups can
// work. See the comments in it.
//
//go:embed starter.cedar
var Starter []byte

// AllowAll permits everything to everybody, and so only records.
//
//go:embed allow-all.cedar
var AllowAll []byte
