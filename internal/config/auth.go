package config

import (
	"fmt"
	"slices"
	"strings"
)

// authMethods are the ways to log in to a target, by protocol, the strongest first: each tells a server that only
// pretends to be the target less than those after it. The names are the servers' own: of pg_hba.conf's methods, and of
// MySQL's and MariaDB's plugins.
//
//   - client_ed25519 signs, with a key made of the password
//   - caching_sha2_password, as strong to the gateway, sends a hash to guess at, or the password where nobody but the server
//     reads it
//   - mysql_native_password sends a hash to guess at, and whoever has the server's stored hash can log in with that
//   - mysql_clear_password sends the password, and nothing else hides it than TLS
//   - trust sends nothing: the server asks for no proof, or goes by the gateway's own user (unix_socket, peer)
var authMethods = map[string][]string{
	"postgres": {"scram-sha-256-plus", "scram-sha-256", "md5", "password", "trust"},
	"mysql":    {"client_ed25519", "caching_sha2_password", "mysql_native_password", "mysql_clear_password", "trust"},
}

// defaultAuth is what a server as it is installed asks for or betters: MariaDB's accounts have mysql_native_password
// unless somebody asked for another plugin, and MySQL's have had caching_sha2_password since 8.0.
var defaultAuth = map[string]string{"postgres": "scram-sha-256", "mysql": "mysql_native_password"}

// targetAuth checks the floor of a target, and refuses what would send a password where others can read it.
func (v *checker) targetAuth(t Target, local bool, at []string) {
	known, ok := authMethods[t.Protocol]
	if !ok {
		return // choices has said so
	}
	if !slices.Contains(known, t.Auth) {
		v.unknownAuth(t, known, at)
		return
	}
	plain := t.TLS.Mode == "off"
	if plain && t.Auth == "scram-sha-256-plus" {
		v.report("scram-sha-256-plus needs TLS: it is bound to its channel", "write tls: {mode: verify}, or auth: scram-sha-256", at...)
	}
	if plain && !local && (t.Auth == "password" || t.Auth == "mysql_clear_password") {
		v.report("auth: "+t.Auth+" over a plaintext connection tells the password to the network", "write tls: {mode: verify}", at...)
	}
}

// unknownAuth names the methods of the target's protocol: another one's is a likely mistake.
func (v *checker) unknownAuth(t Target, known, at []string) {
	for protocol, others := range authMethods {
		if protocol != t.Protocol && slices.Contains(others, t.Auth) {
			v.report(fmt.Sprintf("auth %s is of %s, and the target speaks %s", t.Auth, protocol, t.Protocol),
				"it is one of: "+strings.Join(known, ", "), at...)
			return
		}
	}
	v.oneOf(t.Auth, known, at)
}
