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
		// Nothing to mask.
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
