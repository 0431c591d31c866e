package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// minimal is a target and a listener that nothing is wrong with, for the cases below to add to.
const minimal = `
listeners:
  pg: {address: "127.0.0.1:6432"}
targets:
  orders:
    address: "db.internal:5432"
    accounts: {app: {secret: orders-app}}
`

const pin = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPhu2W1Ba1/Ye7n1JnCSJ2nrkdHnVOhW+hlVQ9HlvgR"

func TestLoadNamesEveryMistake(t *testing.T) {
	for _, c := range []struct{ name, text, want, hint string }{
		{"unknown key", "gatway: gw1\n", `1:1: unknown key "gatway"`, `did you mean "gateway"?`},
		{"unknown key far from any", "zzzzzzzz: 1\n", `1:1: unknown key "zzzzzzzz"`, "known here: gateway, state, log"},
		{"unknown key below", "limits:\n  max_sesions: 5\n", `2:3: unknown key "max_sesions"`, `did you mean "max_sessions"?`},
		{"duplicate key", "state: a\nlog: {}\nstate: b\n", `3:1: mapping key "state" already defined`, ""},
		{"text for a number", "limits: {max_sessions: many}\n", `1:24: limits.max_sessions must be a whole number, not "many"`, ""},
		{"number for a text", "gateway: 5\n", `1:10: gateway must be text, not "5"`, `put quotes around it: "5"`},
		{"truth value for a text", "gateway: true\n", `1:10: gateway must be text, not "true"`, "quotes"},
		{"list for a mapping", "log: [text]\n", "1:6: log must be a mapping of keys to values, not a list", ""},
		{"text for a mapping", "log: text\n", "1:6: log must be a mapping of keys to values, not text", ""},
		{"mapping for a text", "state: {a: b}\n", "1:8: state must be text, not a mapping", ""},
		{"text for a list", "policy: a.cedar\n", "1:9: policy must be a list, not text", ""},
		{"empty item", "policy:\n  -\n", "policy has an empty item", ""},
		{"the file is a list", "- a\n", "1:1: the file must be a mapping", ""},
		{"syntax", "log: {format: text\n", "1:6:", ""},
		{"tab", "\tlog: {}\n", "1:", ""},
		{"two documents", "state: a\n---\nstate: b\n", "a second document", ""},
		{"anchor", "state: &s a\n", "1:8: anchors, aliases and tags are not read here", ""},
		{"merge key", "<<: {state: a}\n", `key "<<" is no plain text`, ""},
		{"duration without unit", "limits: {idle_timeout: 15}\n", `limits.idle_timeout must be a duration, not "15"`, "with its unit"},
		{"negative duration", "limits: {idle_timeout: -5s}\n", "must be a duration", ""},
		{"no size", "recording: {journal: 4GB}\n", `recording.journal must be a size, not "4GB"`, "64MiB"},
		{"size too large", "recording: {journal: 99999999999TiB}\n", "must be a size", ""},
		{"ClickHouse with a password", "clickhouse: {dsn: \"clickhouse://u:hunter2@ch:9440/gf\"}\n", "1:19: clickhouse.dsn holds no name and no password", "gatefold secret add"},
		{"ClickHouse of another scheme", "clickhouse: {dsn: \"tcp://ch:9440/gf\"}\n", "clickhouse.dsn begins with", "clickhouse://"},
		{"ClickHouse without a database", "clickhouse: {dsn: \"https://ch:8443\"}\n", "clickhouse.dsn names no database", "/gatefold"},
		{"ClickHouse with settings", "clickhouse: {dsn: \"https://ch:8443/gf?skip_verify=true\"}\n", "clickhouse.dsn has no settings", "keys beside it"},
		{"ClickHouse without a port", "clickhouse: {dsn: \"https://ch,ch2:8443/gf\"}\n", "clickhouse.dsn: \"ch\" is no address", ""},
		{"ClickHouse in a cluster without a name", "clickhouse: {dsn: \"https://ch:8443/gf\", cluster: \"a b\"}\n", "clickhouse.cluster: \"a b\" is no name", "letters"},
		{"ClickHouse on hosts of no cluster", "clickhouse: {dsn: \"https://ch:8443,ch2:8443/gf\"}\n", "clickhouse.dsn names 2 hosts", "name the cluster"},
		{"a home that is nowhere", "clickhouse: {home: true}\n", "1:20: clickhouse.home is set, and clickhouse.dsn is not", "say where"},
		{"a home elsewhere, and retention here", "retention: {keep: 2h}\nclickhouse: {dsn: \"https://ch:8443/gf\", home: true}\n", "clickhouse.home is set, and retention.keep", "clickhouse.keep"},
		{"ClickHouse in the clear", "clickhouse: {dsn: \"http://ch:8123/gf\"}\n", "clickhouse.tls.mode verify", "https://"},
		{"ClickHouse with TLS that is off", "clickhouse: {dsn: \"https://ch:8443/gf\", tls: {mode: off}}\n", "clickhouse.tls.mode off", ""},
		{"ClickHouse in large batches", "clickhouse: {dsn: \"https://ch:8443/gf\", batch: {bytes: 1GiB}}\n", "batches of", "16MiB"},
		{"SSH without a pin", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}}}\n", "target w has no host_keys", "gatefold host-key w:22"},
		{"SSH with a pin that is none", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_keys: [ssh-ed25519]}}\n", "\"ssh-ed25519\" is no public key", "as in a .pub file"},
		{"SSH with a private key for a pin", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_ca: [\"-----BEGIN OPENSSH PRIVATE KEY-----\"]}}\n", "is no public key", ""},
		{"SSH with options before a pin", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_keys: [\"no-pty " + pin + "\"]}}\n", "has options before the key", ""},
		{"SSH over a socket", "targets: {w: {protocol: ssh, address: /run/sshd, accounts: {root: {secret: s}}, host_ca: [\"" + pin + "\"]}}\n", "host_ca needs host_name", ""},
		{"SSH with TLS", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_keys: [\"" + pin + "\"], tls: {mode: off}}}\n", "tls has no meaning for ssh", "remove it"},
		{"sealed to nobody", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_keys: [\"" + pin + "\"], input: sealed}}\n", "input: sealed needs a recipient", "age-keygen"},
		{"sealed to no recipient", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_keys: [\"" + pin + "\"], input: sealed, recipient: age1xyz}}\n", "\"age1xyz\" is no age recipient", "age-keygen"},
		{"a variable's name", "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_keys: [\"" + pin + "\"], env: [\"*\"]}}\n", "\"*\" is no variable's name", "LC_*"},
		{"SSH's keys elsewhere", "listeners: {pg: {address: \":1\", user_ca: ca.pub}}\n", "user_ca is for SSH, and pg speaks postgres", "remove it"},
		{"host keys that aren't there", "ssh: {host_keys: [nowhere]}\n", "no file at", ""},
		{"a login without an end", "limits: {login_grace: 0s}\n", "login_grace must be set", "2m"},
		{"a follower that isn't there", "retention: {despite: [elastic]}\n", "there is no follower \"elastic\"", "clickhouse"},
		{"unknown choice", "log: {level: inf}\n", `1:14: level can't be "inf"`, `did you mean "info"?`},
		{"unknown choice far from any", "log: {format: xml-and-more}\n", `format can't be`, "it is one of: text, json"},
		{"choice of a listener", "listeners:\n  pg: {address: \"127.0.0.1:1\", plaintext: always}\n", `2:43: plaintext can't be "always"`, "never, loopback, anywhere"},
		{"choice of a target's TLS", "targets: {o: {address: \"a:1\", accounts: {app: {secret: s}}, tls: {mode: prefer}}}\n", `mode can't be "prefer"`, "verify, off"},
		{"protocol", "listeners: {pg: {address: \":1\", protocol: postgresql}}\n", `protocol can't be "postgresql"`, `did you mean "postgres"?`},
		{"no network", "listeners: {pg: {address: \":1\", proxy_protocol: [10.0.0.0/33]}}\n", "listeners.pg.proxy_protocol.0 must be a network", "10.0.0.0/8"},
		{"network with host bits", "listeners: {pg: {address: \":1\", proxy_protocol: [10.0.0.1/8]}}\n", "must be a network", ""},
		{"bad name", "targets: {\"a/b\": {address: \"a:1\", accounts: {app: {secret: s}}}}\n", `"a/b" is no name for a target`, "letters, digits"},
		{"bad gateway name", "gateway: \"a b\"\n", `"a b" is no name for a gateway`, ""},
		{"listener without address", "listeners: {pg: {}}\n", "1:13: address is missing", "127.0.0.1:6432"},
		{"address without port", "listeners: {pg: {address: localhost}}\n", `"localhost" is no address`, "host:port"},
		{"port too large", "listeners: {pg: {address: \"localhost:65536\"}}\n", "is no address", ""},
		{"same address", "listeners:\n  a: {address: \"127.0.0.1:6432\"}\n  b: {address: \"localhost:6432\"}\n", "3:16: listener b has the address of a", "its own port"},
		{"same address, all", "listeners:\n  a: {address: \":6432\"}\n  b: {address: \"0.0.0.0:6432\"}\n", "3:16: listener b has the address of a", ""},
		{"admin on a listener's address", minimal + "admin: {listen: \"127.0.0.1:6432\"}\n", "admin.listen has the address of listener pg", ""},
		{"admin for everybody", "admin: {listen: \"0.0.0.0:9187\"}\n", "admin.listen must be a loopback address", "127.0.0.1:9187"},
		{"listener names an unknown target", strings.Replace(minimal, "6432\"", "6432\", target: order", 1), `3:43: listener pg names an unknown target "order"`, `did you mean "orders"?`},
		{"target without accounts", "targets: {o: {address: \"a:1\"}}\n", "target o has no accounts", "accounts: {app: {secret: NAME}}"},
		{"account without secret", "targets: {o: {address: \"a:1\", accounts: {app: {}}}}\n", "account app names no secret", "gatefold secret add"},
		{"unknown default account", minimal + "    default_account: root\n", `8:22: default_account "root" is no account of target orders`, "it is one of: app"},
		{"target without host", "targets: {o: {address: \":5432\", accounts: {app: {secret: s}}}}\n", "address has no host", ""},
		{"target with port 0", "targets: {o: {address: \"a:0\", accounts: {app: {secret: s}}}}\n", "port can't be 0", ""},
		{"TLS on a unix socket", "targets: {o: {address: /run/pg/.s.PGSQL.5432, accounts: {app: {secret: s}}}}\n", "a unix socket has no TLS", "tls: {mode: off}"},
		{"channel binding without TLS", minimal + "    tls: {mode: off}\n    auth: scram-sha-256-plus\n", "9:11: scram-sha-256-plus needs TLS", ""},
		{"password in the clear", minimal + "    tls: {mode: off}\n    auth: password\n", "tells the password to the network", "tls: {mode: verify}"},
		{"password in the clear to MySQL", minimal + "    protocol: mysql\n    tls: {mode: off}\n    auth: mysql_clear_password\n", "10:11: auth: mysql_clear_password over", "tls: {mode: verify}"},
		{"unknown method", minimal + "    auth: scram\n", `8:11: auth can't be "scram"`, "scram-sha-256"},
		{"unknown method of MySQL", minimal + "    protocol: mysql\n    auth: native\n", `9:11: auth can't be "native"`, "client_ed25519, caching_sha2_password, mysql_native_password"},
		{"another protocol's method", minimal + "    protocol: mysql\n    auth: md5\n", "9:11: auth md5 is of postgres, and the target speaks mysql", "it is one of: client_ed25519"},
		{"and the other way round", minimal + "    auth: caching_sha2_password\n", "8:11: auth caching_sha2_password is of mysql", "it is one of: scram-sha-256-plus"},
		{"listener and target speak otherwise", strings.Replace(minimal, "6432\"", "6432\", target: orders, protocol: mysql", 1), "listener pg speaks mysql and its target orders speaks postgres", ""},
		{"client_ca for postgres", "listeners: {pg: {address: \":1\", client_ca: gatefold.yaml}}\n", "1:44: client_ca is for listeners that speak mysql", "remove it"},
		{"server_version for postgres", "listeners: {pg: {address: \":1\", server_version: \"17.1.0\"}}\n", "1:49: server_version is for listeners that speak mysql", ""},
		{"server_version beside a target", strings.Replace(minimal, "6432\"", "6432\", protocol: mysql, target: orders, server_version: 8.0.36", 1) + "    protocol: mysql\n", "server_version is for a listener without a target", "remove it"},
		{"no server_version", "listeners: {my: {address: \":1\", protocol: mysql, server_version: \"8\"}}\n", `"8" is no server version`, "10.11.8-MariaDB"},
		{"server_version with a space", "listeners: {my: {address: \":1\", protocol: mysql, server_version: \"8.0.1 x\"}}\n", "no server version", ""},
		{"missing client_ca", "listeners: {my: {address: \":1\", protocol: mysql, client_ca: no.pem}}\n", "no file at", ""},
		{"negative limit of a target", minimal + "    limits: {max_sessions_per_user: -1}\n", "8:37: max_sessions_per_user of -1 can't be", "0 for no limit"},
		{"limit that targets don't have", minimal + "    limits: {hello_timeout: 5s}\n", `unknown key "hello_timeout"`, ""},
		{"missing policy", "policy: [policies/*.cedar]\n", "1:10: no policy file at", "relative to the configuration's folder"},
		{"bad glob", "policy: [\"a[\"]\n", "policy: syntax error in pattern", ""},
		{"missing certificate", "tls: {certificate: no.crt, key: no.key}\n", "no file at", ""},
		{"certificate without key", "tls: {certificate: gatefold.yaml}\n", "a certificate needs its key", ""},
		{"missing CA", minimal + "    tls: {ca: no.pem}\n", "8:15: no file at", ""},
		{"two keys", "vault: {key: {file: other.key, env: KEY}}\n", "from a file or from the environment, not both", ""},
		{"no key", "vault: {key: {file: \"\"}}\n", "the vault has no key", ""},
		{"no state", "state: \"\"\n", "state must name a folder", ""},
		{"state too deep for a socket", "state: " + strings.Repeat("deep/", 30) + "\n", "the path of state is too long by", "a shorter path"},
		{"group member", "groups: {dba: [alice, \"bob=app\"]}\n", `1:23: "bob=app" is no user's name`, "gatefold user list"},
		{"checkpoint too often", "evidence: {checkpoint: 10ms}\n", "a checkpoint each 10ms can't be", "at least 1s"},
		{"checkpoint nowhere", "evidence: {to: [{}]}\n", "a place for checkpoints is a file, a url or a command", "exactly one"},
		{"checkpoint to two", "evidence: {to: [{url: 'https://w', command: [a]}]}\n", "a place for checkpoints is a file, a url or a command", ""},
		{"checkpoint to no folder", "evidence: {to: [{file: nowhere/gw1}]}\n", "no file at", "relative to the configuration's folder"},
		{"checkpoint to no url", "evidence: {to: [{url: witness.internal}]}\n", "begins with https:// or http://", ""},
		{"checkpoint url with a password", "evidence: {to: [{url: 'https://u:p@w/'}]}\n", "holds no password", "use a command"},
		{"segment too small", "recording: {segment: 1KiB}\n", "a segment of 1KiB can't be", "from 1MiB to 1GiB"},
		{"journal too small", "recording: {journal: 64MiB}\n", "a journal of 64MiB has no room for two segments of 64MiB", ""},
		{"max_parse over max_statement", "limits: {max_parse: 17MiB}\n", "max_parse of 17MiB can't be", ""},
		{"max_statement over a message", "limits: {max_statement: 2GiB}\n", "max_statement of 2GiB can't be", ""},
		{"negative limit", "limits: {max_sessions: -1}\n", "max_sessions of -1 can't be", "0 for no limit"},
		{"no truth value", "retention: {compact: yes}\n", `retention.compact must be true or false, not "yes"`, "write true or false"},
		{"kept for minutes", "retention: {keep: 90m0s, max_size: 1KiB}\n", "an archive of at most 1KiB can't be", "at least 64MiB"},
		{"kept for no time", "retention: {keep: 90s}\n", "records can't be kept for 1m30s", "at least 1h"},
		{"login without end", "limits: {hello_timeout: 0}\n", "hello_timeout must be set", "15s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadText(t, c.text)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			for _, p := range problems {
				if strings.Contains(p.String(), c.want) && strings.Contains(p.Hint, c.hint) {
					return
				}
			}
			t.Errorf("got\n%v\nwant %q with hint %q", err, c.want, c.hint)
		})
	}
}

func TestAllMistakesOfAFileAreNamedInOrder(t *testing.T) {
	_, err := loadText(t, "listeners:\n  b: {address: x}\n  a: {address: \"127.0.0.1:1\", target: no}\nadmin: {listen: y}\n")
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("got %v, want three problems", err)
	}
	for i, line := range []int{2, 3, 4} {
		if problems[i].Line != line {
			t.Errorf("problem %d is of line %d, want %d: %v", i, problems[i].Line, line, problems[i])
		}
	}
}

func TestManyMistakesAreCut(t *testing.T) {
	_, err := loadText(t, manyKeys(31))
	if err == nil || !strings.Contains(err.Error(), "and 21 more") {
		t.Errorf("got %v, want ten problems and a count of the rest", err)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("y" + strings.Repeat("y", i) + ": 1\n")
	}
	return b.String()
}

// An error goes to logs and screens: what somebody wrote where no secret belongs must not.
func TestNoErrorRepeatsASecret(t *testing.T) {
	for _, text := range []string{
		"targets: {o: {password: hunter2}}\n",
		"targets:\n  o:\n    PASSWD: \"hunter2\"\n",
		"api_key: hunter2\n",
		"db_password: hunter2\n",
		"targets: {o: {address: \"postgres://app:hunter2@db:5432/x\"}}\n",
		"targets: {o: {address: \"app:hunter2@db:5432\"}}\n",
		"password: hunter2\npassword: hunter2\n",
		"password: [hunter2\n",
		"log: \"password=hunter2\"\n",
	} {
		_, err := loadText(t, text)
		if err == nil {
			t.Errorf("%q loads", text)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error of %q repeats the secret:\n%v", text, err)
		}
	}
}

func TestASecretsKeyIsSentToTheVault(t *testing.T) {
	for _, key := range []string{"password", "PASSWORD", "db_password", "passwd", "pwd", "token", "credential", "api_key", "passphrase"} {
		_, err := loadText(t, "targets: {o: {"+key+": hunter2}}\n")
		if err == nil || !strings.Contains(err.Error(), "gatefold secret add") {
			t.Errorf("%s: got %v, want a hint to the vault", key, err)
		}
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("policies/b.cedar", "")
	write("policies/a.cedar", "")
	write("ca.pem", "")
	write("gatefold.yaml", minimal+"    tls: {ca: ca.pem}\npolicy: [policies/*.cedar, policies/a.cedar]\n")
	t.Chdir(t.TempDir())
	c, err := Load(filepath.Join(dir, "gatefold.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "policies/a.cedar"), filepath.Join(dir, "policies/b.cedar")}
	if strings.Join(c.PolicyFiles, " ") != strings.Join(want, " ") {
		t.Errorf("policy files are %v, want %v", c.PolicyFiles, want)
	}
	for got, want := range map[string]string{
		c.State: "state", c.Vault.Key.File: "master.key", c.Targets["orders"].TLS.CA: "ca.pem",
		c.ControlSocket(): "state/control.sock", c.VaultFile(): "state/vault.sealed",
	} {
		if got != filepath.Join(dir, want) {
			t.Errorf("a path is %s, want %s below %s", got, want, dir)
		}
	}
}

func TestDefaultsFollowWhatIsSet(t *testing.T) {
	c, err := loadText(t, minimal+"vault: {key: {env: GATEFOLD_KEY}}\nlog:\nlimits: {idle_timeout: 0, max_session: 8h}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Targets["orders"].DefaultAccount; got != "app" {
		t.Errorf("the default account is %q, want the only one", got)
	}
	if c.Vault.Key.File != "" {
		t.Errorf("the key's file is %q beside its variable", c.Vault.Key.File)
	}
	if c.Log != Default().Log {
		t.Errorf("log without a value is %+v, want the default", c.Log)
	}
	if c.Limits.IdleTimeout != 0 || c.Limits.MaxSession != 8*time.Hour || c.Limits.HelloTimeout != 15*time.Second {
		t.Errorf("limits are %+v", c.Limits)
	}
	if cert, key, own := c.Certificate(); !own || filepath.Dir(cert) != c.State || filepath.Dir(key) != c.State {
		t.Errorf("the certificate is %s, %s, own %v", cert, key, own)
	}
}

// The floor of a target is its protocol's, whichever of the two keys comes first.
func TestAuthFollowsTheProtocol(t *testing.T) {
	c, err := loadText(t, `
listeners:
  my: {protocol: mysql, address: "127.0.0.1:3307", server_version: 11.4.2-MariaDB, client_ca: gatefold.yaml}
targets:
  a: {accounts: {app: {secret: s}}, address: "a:1"}
  b: {accounts: {app: {secret: s}}, address: "b:1", protocol: mysql, limits: {max_sessions: 3, idle_timeout: 5m}}
  c: {accounts: {app: {secret: s}}, address: /run/mysqld/mysqld.sock, auth: trust, protocol: mysql, tls: {mode: off}}
`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "scram-sha-256", "b": "mysql_native_password", "c": "trust"} {
		if got := c.Targets[name].Auth; got != want {
			t.Errorf("auth of %s is %q, want %q", name, got, want)
		}
	}
	if got, want := c.Targets["b"].Limits, (TargetLimits{MaxSessions: 3, IdleTimeout: 5 * time.Minute}); got != want {
		t.Errorf("limits of b are %+v", got)
	}
	if l := c.Listeners["my"]; l.ClientCA != c.Path || l.ServerVersion != "11.4.2-MariaDB" {
		t.Errorf("the listener is %+v", l)
	}
}

func TestNetworksAndUnixSockets(t *testing.T) {
	c, err := loadText(t, `
listeners:
  pg: {address: "[::1]:6432", plaintext: never, proxy_protocol: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32"]}
  other: {address: "127.0.0.1:0"}
  another: {address: "127.0.0.1:0"}
targets:
  local: {address: /run/postgresql/.s.PGSQL.5432, tls: {mode: off}, auth: trust, accounts: {a: {secret: s}, b: {secret: t}}}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Listeners["pg"].ProxyProtocol
	for i, want := range []string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"} {
		if got[i] != netip.MustParsePrefix(want) {
			t.Errorf("network %d is %v, want %v", i, got[i], want)
		}
	}
	if c.Targets["local"].DefaultAccount != "" {
		t.Error("one of two accounts became the default")
	}
}

func TestGroupsOf(t *testing.T) {
	c, err := loadText(t, "groups: {dba: [alice, bob], audit: [alice, \"carol@example.com\"], none: []}\n")
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"alice": "audit dba", "bob": "dba", "carol@example.com": "audit", "dave": ""} {
		if got := strings.Join(c.GroupsOf(user), " "); got != want {
			t.Errorf("groups of %s are %q, want %q", user, got, want)
		}
	}
}

func TestHashIsOfWhatTheFileMeans(t *testing.T) {
	hash := func(text string) string {
		t.Helper()
		c, err := loadText(t, text)
		if err != nil {
			t.Fatal(err)
		}
		return c.Hash()
	}
	one := hash(minimal)
	if len(one) != 64 {
		t.Errorf("the hash is %q, want 64 digits", one)
	}
	if hash("# a comment\nlog: {level: info}\n"+minimal) != one {
		t.Error("a comment, a default written out or another folder changes the hash")
	}
	if hash(minimal+"    recording: best_effort\n") == one {
		t.Error("another meaning has the same hash")
	}
}

func TestLoadSaysWhatItCanNotRead(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("a folder loads")
	}
	if _, err := loadText(t, "# "+strings.Repeat("x", maxFile)); err == nil || !strings.Contains(err.Error(), "over 4MiB") {
		t.Errorf("an endless file: %v", err)
	}
}

func TestAnEmptyFileIsTheDefault(t *testing.T) {
	c, err := loadText(t, "# nothing\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Limits != Default().Limits || c.Recording != Default().Recording || c.Gateway == "" {
		t.Errorf("an empty file gives %+v", c)
	}
}

// What a secret might be is not repeated: somebody pastes the private key where the public one goes.
func TestAPastedPrivateKeyIsNotShown(t *testing.T) {
	_, err := loadText(t, "targets: {w: {protocol: ssh, address: \"w:22\", accounts: {root: {secret: s}}, host_keys: [\"-----BEGIN OPENSSH PRIVATE KEY-----b3BlbnNzaC1rZXktdjEAAAAA\"]}}\n")
	if err == nil || strings.Contains(err.Error(), "b3Blbn") || !strings.Contains(err.Error(), "PRIVATE KEY-----***") {
		t.Errorf("the error is %v", err)
	}
}

func TestReadPublicKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pub")
	for text, want := range map[string]string{
		"# ours\n\n" + pin + " the first\n" + pin + "\n": "",
		"":                  "no public key in",
		pin + "\nrubbish\n": "ca.pub:2: \"rubbish\" is no public key",
		"no-pty " + pin:     "has options",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := ReadPublicKeys(path)
		if want == "" && (err != nil || len(keys) != 2) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %d keys, %v, want %q", text, len(keys), err, want)
		}
	}
}
