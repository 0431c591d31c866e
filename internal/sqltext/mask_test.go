package sqltext

import (
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"ALTER USER bob PASSWORD 'hunter2'", "ALTER USER bob PASSWORD '***'"},
		{"alter role bob encrypted password E'hun\\'ter2' valid until '2030-01-01'", "alter role bob encrypted password '***' valid until '2030-01-01'"},
		{"CREATE USER bob PASSWORD $$hunter2$$; SELECT 'plain'", "CREATE USER bob PASSWORD '***'; SELECT 'plain'"},
		{"CREATE ROLE bob LOGIN PASSWORD $x$hunter2$x$", "CREATE ROLE bob LOGIN PASSWORD '***'"},
		{"ALTER USER bob PASSWORD /* ' */ U&'hunter2' UESCAPE '!'", "ALTER USER bob PASSWORD /* ' */ '***' UESCAPE '***'"},
		{"ALTER USER bob PASSWORD 'hun'\n'ter2'", "ALTER USER bob PASSWORD '***'\n'***'"},
		{"ALTER USER \"bob\" PASSWORD 'SCRAM-SHA-256$4096:abc$def:ghi'", "ALTER USER \"bob\" PASSWORD '***'"},
		// It doesn't parse, and is masked all the same.
		{"ALTER USER bob PASSWRD 'hunter2'", "ALTER USER bob PASSWRD '***'"},
		{"ALTER USER bob PASSWORD 'hunter2", "ALTER USER bob PASSWORD '***'"},
		{"ALTER USER bob PASSWORD $a$hunter2", "ALTER USER bob PASSWORD '***'"},
		{"SELEC password = 'hunter2'", "SELEC password = '***'"},
		// The quotes are forgotten, or double.
		{"ALTER USER bob PASSWORD hunter2", "ALTER USER bob PASSWORD '***'"},
		{"ALTER USER bob PASSWORD \"hunter2\" VALID UNTIL 'x'", "ALTER USER bob PASSWORD '***'"},
		{"ALTER USER bob PASSWORD 12; SELECT 1", "ALTER USER bob PASSWORD '***'"},
		{"ALTER USER bob PASSWORD NULL; SELECT 1", ""},
		{"ALTER USER bob PASSWORD E'a'\n'\\' hunter2'", "ALTER USER bob PASSWORD '***'"},
		// MySQL's words, typed at the wrong server.
		{"CREATE USER bob IDENTIFIED BY 'hunter2'", "CREATE USER bob IDENTIFIED BY '***'"},
		{"GRANT ALL ON x TO bob IDENTIFIED BY 'hunter2'", "GRANT ALL ON x TO bob IDENTIFIED BY '***'"},
		{"SET PASSWORD FOR 'bob' = 'hunter2'", "SET PASSWORD FOR 'bob' = 'hunter2'"},
		// Settings, options, conditions.
		{"SET myapp.password = 'hunter2'", "SET myapp.password = '***'"},
		{"SET myapp.api_key TO 'hunter2'", "SET myapp.api_key TO '***'"},
		{"SELECT set_config('myapp.password', 'hunter2', false)", "SELECT set_config('myapp.password', '***', false)"},
		{"CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'b', password 'hunter2')", "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user '***', password '***')"},
		{"ALTER SERVER s OPTIONS (SET \"passWord\" 'hunter2')", "ALTER SERVER s OPTIONS (SET \"passWord\" '***')"},
		{"SELECT 1 FROM users WHERE name = 'bob' AND password_hash::text IN ('hunter2', 'hunter3') AND x = 'y'", "SELECT 1 FROM users WHERE name = 'bob' AND password_hash::text IN ('***', '***') AND x = 'y'"},
		{"UPDATE users SET password = crypt('hunter2', gen_salt('bf'))", "UPDATE users SET password = crypt('***', gen_salt('***'))"},
		{"SELECT pgp_sym_decrypt(x, 'hunter2'), 'plain'", "SELECT pgp_sym_decrypt(x, '***'), 'plain'"},
		// Literals that give themselves away.
		{"CREATE SUBSCRIPTION s CONNECTION 'host=x password=hunter2' PUBLICATION p", "CREATE SUBSCRIPTION s CONNECTION '***' PUBLICATION p"},
		{"SELECT dblink_connect('postgresql://bob:hunter2@x/y')", "SELECT dblink_connect('***')"},
		{"INSERT INTO t VALUES ('{\"password\": \"hunter2\"}')", "INSERT INTO t VALUES ('***')"},
		{"SELECT jsonb_build_object('password', 'hunter2', 'a', 'b')", "SELECT jsonb_build_object('password', '***', '***', '***')"},
		{"DO $$ BEGIN EXECUTE 'ALTER USER bob PASSWORD ''hunter2'''; END $$", "DO $$ BEGIN EXECUTE '***'; END $$"},
		{"DO $a$ BEGIN ALTER USER bob PASSWORD 'hunter2'; PERFORM 'x'; END $a$", "DO $a$ BEGIN ALTER USER bob PASSWORD '***'; PERFORM 'x'; END $a$"},
		{"ALTER ROLE bob SET search_path = 'x'", ""},
		// By the place in a list of columns.
		{"INSERT INTO users (name, password) VALUES ('bob', 'hunter2')", "INSERT INTO users (name, password) VALUES ('bob', '***')"},
		{"INSERT INTO s.users AS u (\"passWord\", name) OVERRIDING SYSTEM VALUE VALUES (E'hunter2', 'bob'), (md5('hunter3'), 'eve') ON CONFLICT (name) DO UPDATE SET name = 'x'",
			"INSERT INTO s.users AS u (\"passWord\", name) OVERRIDING SYSTEM VALUE VALUES ('***', 'bob'), (md5('***'), 'eve') ON CONFLICT (name) DO UPDATE SET name = 'x'"},
		{"INSERT INTO users (name, password, city) VALUES (upper('bob', 'x'), f(1, 'hunter2'), 'Delft') RETURNING 'x'", "INSERT INTO users (name, password, city) VALUES (upper('bob', 'x'), f(1, '***'), 'Delft') RETURNING 'x'"},
		{"WITH i AS (INSERT INTO users (name, password) VALUES ('bob', 'hunter2') RETURNING 1) SELECT 'x' FROM i", "WITH i AS (INSERT INTO users (name, password) VALUES ('bob', '***') RETURNING 1) SELECT 'x' FROM i"},
		{"INSERT INTO users (name, password) SELECT 'bob', 'hunter2'", "INSERT INTO users (name, password) SELECT '***', '***'"},
		{"UPDATE users SET (name, password) = ('bob', 'hunter2') WHERE city = 'Delft'", "UPDATE users SET (name, password) = ('bob', '***') WHERE city = 'Delft'"},
		{"UPDATE users SET (name, password) = ROW('bob', 'hunter2')", "UPDATE users SET (name, password) = ROW('bob', '***')"},
		{"SELECT 1 FROM users WHERE (name, password) IN (('bob', 'hunter2'), ('eve', 'x')) AND a = 'b'", "SELECT 1 FROM users WHERE (name, password) IN (('bob', '***'), ('eve', '***')) AND a = 'b'"},
		{"SELECT 1 FROM users WHERE lower(password) = 'hunter2' AND a = 'b'", "SELECT 1 FROM users WHERE lower(password) = '***' AND a = 'b'"},
		// By way of a function.
		{"UPDATE users SET password = md5('hunter2'), city = 'Delft'", "UPDATE users SET password = md5('***'), city = 'Delft'"},
		{"SELECT 1 FROM users WHERE password = public.digest('hunter2', 'sha256') AND a = f('b')", "SELECT 1 FROM users WHERE password = public.digest('***', '***') AND a = f('b')"},
		{"SELECT format('ALTER USER %I VALID UNTIL ''2030-01-01'' CONNECTION LIMIT 20 LOGIN PASSWORD %L', 'bob', 'hunter2')", "SELECT format('ALTER USER %I VALID UNTIL ''2030-01-01'' CONNECTION LIMIT 20 LOGIN PASSWORD %L', '***', '***')"},
		// A setting.
		{"SET app.token = 'hunter2'", "SET app.token = '***'"},
		{"SET SESSION app.jwt TO 'hunter2'", "SET SESSION app.jwt TO '***'"},
		{"SET app.signing_key = 'hunter2'; SELECT 'x'", "SET app.signing_key = '***'; SELECT 'x'"},
		// With escapes.
		{"SELECT dblink_connect(E'host=x pass\\x77ord=hunter2')", "SELECT dblink_connect('***')"},
		{"SELECT dblink_connect(E'host=x pass\\167ord=hunter2')", "SELECT dblink_connect('***')"},
		{"SELECT dblink_connect(U&'host=x pass\\0077ord=hunter2')", "SELECT dblink_connect('***')"},
		{"SELECT dblink_connect(U&'host=x pass\\+000077ord=hunter2')", "SELECT dblink_connect('***')"},
		// Words behind the password.
		{"ALTER USER bob PASSWORD 'x' hunter2", "ALTER USER bob PASSWORD '***' '***'"},
		{"ALTER USER bob PASSWORD 'x' \"hunter2\"; SELECT 1", "ALTER USER bob PASSWORD '***' '***'"},
		{"CREATE USER bob PASSWORD 'x' NOCREATEDB IN ROLE a, b", "CREATE USER bob PASSWORD '***' NOCREATEDB IN ROLE a, b"},
		// Nothing to mask.
		{"SELECT 1 FROM password_resets WHERE email = lower('bob') AND token = 'x'", ""},
		{"SELECT count(password) FROM users WHERE city = 'Delft'", ""},
		{"INSERT INTO password_resets (email, at) VALUES ('bob', 'now')", ""},
		{"SELECT password IS NULL AND f('x') FROM t", ""},
		{"SELECT coalesce(password, name), 'x' FROM t WHERE (a, b) = ('c', 'd')", ""},
		{"CREATE TABLE t (name text DEFAULT 'x', password text, city text DEFAULT 'y')", ""},
		{"SELECT E'a\\x77b', U&'\\0061'", ""},
		{"SELECT 'password' FROM t WHERE a = 'b'", ""},
		{"SELECT password FROM users WHERE name = 'bob'", ""},
		{"SELECT 'http://example.com/'", ""},
		{"ALTER TABLE t ADD password text; SELECT 'x'", ""},
		{"-- ALTER USER bob PASSWORD 'x'\nSELECT 'y'", ""},
		{"SELECT 1", ""},
		{"", ""},
	} {
		got := MaskPostgres([]byte(c.text))
		want := c.want
		if want == "" || want == c.text {
			if got != nil {
				t.Errorf("%s\n masked, needlessly: %s", c.text, got)
			}
			continue
		}
		if string(got) != want {
			t.Errorf("%s\n got  %s\n want %s", c.text, got, want)
		}
	}
}

// A text that may be read in two ways is masked from its first quote on, if a secret may be in it.
func TestUnreadTextIsMaskedWhole(t *testing.T) {
	for text, want := range map[string]string{
		`ALTER USER bob PASSWORD 'it\'s hunter2'`: `ALTER USER bob PASSWORD '***'`,
		`ALTER USER bob "x" PASSWRD 'hunter2'`:    `ALTER USER bob '***'`,
		`SELECT 'a\' , 'password' , ' hunter2`:    `SELECT '***'`,
		`SELECT 'a\'b'`:                           "",
		`SELECT password FROM t`:                  "",
	} {
		f := UnreadText([]byte(text), "it may be read in two ways")
		if string(f.Masked) != want || f.Understood || f.Why == "" {
			t.Errorf("%s: masked %q, want %q", text, f.Masked, want)
		}
	}
}

// Postgres masks what it can't read, and what is too long to be read.
func TestMaskedThoughNotUnderstood(t *testing.T) {
	for _, text := range []string{
		"ALTER USER bob PASSWORD 'hunter2' oops",
		"ALTER USER bob PASSWORD 'hunter2\xff'",
		"ALTER USER bob PASSWORD 'hunter2'" + strings.Repeat(" ", MaxParse),
	} {
		f := Postgres([]byte(text))
		if f.Understood || f.Masked == nil || strings.Contains(string(f.Masked), "hunter2") {
			t.Errorf("%.50q: understood %v, masked %.60q", text, f.Understood, f.Masked)
		}
	}
}
