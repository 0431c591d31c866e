package sqltext

import (
	"bytes"
	"strings"
	"testing"
)

func TestMySQLMask(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"CREATE USER 'bob'@'localhost' IDENTIFIED BY 'hunter2' REQUIRE SSL", "CREATE USER 'bob'@'localhost' IDENTIFIED BY '***' REQUIRE SSL"},
		{"create user bob identified via mysql_native_password using 'x' or ed25519 using password(\"y\"), eve identified by \"z\"",
			"create user bob identified via mysql_native_password using '***' or ed25519 using password('***'), eve identified by '***'"},
		{"ALTER USER bob IDENTIFIED BY 'a' REPLACE 'b' RETAIN CURRENT PASSWORD", "ALTER USER bob IDENTIFIED BY '***' REPLACE '***' RETAIN CURRENT PASSWORD"},
		{"CREATE USER bob IDENTIFIED WITH caching_sha2_password AS 0x2424, eve", "CREATE USER bob IDENTIFIED WITH caching_sha2_password AS '***', eve"},
		{"CREATE USER bob IDENTIFIED WITH x AS X'2424'", "CREATE USER bob IDENTIFIED WITH x AS '***'"},
		{"GRANT ALL ON *.* TO a@b IDENTIFIED BY PASSWORD '*ABC'", "GRANT ALL ON *.* TO a@b IDENTIFIED BY PASSWORD '***'"},
		{"SET PASSWORD FOR 'bob'@'%' = PASSWORD('hunter2'); SELECT 'x'", "SET PASSWORD FOR 'bob'@'%' = PASSWORD('***'); SELECT 'x'"},
		{"SET PASSWORD = 'hunter2'", "SET PASSWORD = '***'"},
		{"SET @password = 'hunter2', @a = 'y'", "SET @password = '***', @a = 'y'"},
		{"SET @`db password` := 'hunter2'", "SET @`db password` := '***'"},
		{"CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD = 'hunter2', MASTER_PORT=1", "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD = '***', MASTER_PORT=1"},
		{"CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD='hunter2'", "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD='***'"},
		{"START SLAVE USER='u' PASSWORD='hunter2'", "START SLAVE USER='u' PASSWORD='***'"},
		{"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 'hunter2')", "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD '***')"},
		{"CREATE TABLE t (a INT) ENGINE=FEDERATED CONNECTION='mysql://u:hunter2@h/d/t'", "CREATE TABLE t (a INT) ENGINE=FEDERATED CONNECTION='***'"},
		{"SELECT AES_ENCRYPT(a, 'hunter2'), 'b' FROM t", "SELECT AES_ENCRYPT(a, '***'), 'b' FROM t"},
		{"SELECT aes_decrypt(UNHEX('00'), SHA2('hunter2', 512))", "SELECT aes_decrypt(UNHEX('***'), SHA2('***', 512))"},
		{"SELECT DES_DECRYPT(a, \"hunter2\"), ENCODE(b, 'hunter2')", "SELECT DES_DECRYPT(a, '***'), ENCODE(b, '***')"},
		{"INSERT INTO users (name, `password`) VALUE ('bob', 'hunter2')", "INSERT INTO users (name, `password`) VALUE ('bob', '***')"},
		{"INSERT INTO users SET name = 'bob', password = 'hunter2'", "INSERT INTO users SET name = 'bob', password = '***'"},
		{"UPDATE u SET password = SHA2('hunter2', 256) WHERE a = 'y'", "UPDATE u SET password = SHA2('***', 256) WHERE a = 'y'"},
		{"SELECT 1 FROM u WHERE passwd = \"hunter2\" AND a = \"b\"", "SELECT 1 FROM u WHERE passwd = '***' AND a = \"b\""},
		{"SELECT 'it\\'s password=hunter2'", "SELECT '***'"},
		{"SELECT 'pass\\word=hunter2'", "SELECT '***'"},
		{"PREPARE s FROM 'ALTER USER x IDENTIFIED BY ''hunter2'''", "PREPARE s FROM '***'"},
		{"EXECUTE IMMEDIATE \"SET PASSWORD = 'hunter2'\"", "EXECUTE IMMEDIATE '***'"},
		// Comments that one version runs and another skips.
		{"ALTER USER x /*!999999 IDENTIFIED BY 'hunter2' */", "ALTER USER x  /* '***' */ "},
		{"ALTER USER x /*!50600 IDENTIFIED BY 'hunter2' */", "ALTER USER x /*!50600 IDENTIFIED BY '***' */"},
		{"ALTER USER x /*M!100100 IDENTIFIED BY 'hunter2' */, y", "ALTER USER x /*M!100100 IDENTIFIED BY '***' */, y"},
		{"SELECT 1 -- password 'hunter2'", "SELECT 1  /* '***' */ "},
		// It doesn't parse, and is masked all the same.
		{"ALTER USR bob IDENTIFED BY 'x' IDENTIFIED BY 'hunter2'", "ALTER USR bob IDENTIFED BY 'x' IDENTIFIED BY '***'"},
		{"ALTER USER bob IDENTIFIED BY 'hunter2", "ALTER USER bob IDENTIFIED BY '***'"},
		{"ALTER USER bob IDENTIFIED BY hunter2", "ALTER USER bob IDENTIFIED BY '***'"},
		{"SELEC password = 'hunter2'", "SELEC password = '***'"},
		{"SELECT \x01 IDENTIFIED BY 'hunter2'", "SELECT '***'"},
		{"SET PASSWORD = `hunter", "SET PASSWORD = '***'"},
		// Nothing to mask.
		{"ALTER USER x PASSWORD EXPIRE INTERVAL 90 DAY", ""},
		{"SELECT 'a' FROM users WHERE name = 'bob'", ""},
		{"SELECT password FROM users", ""},
		{"CREATE USER 'bob'@'localhost'", ""},
	} {
		got := string(MaskMySQL(mariadb10, []byte(c.text)))
		if got != c.want {
			t.Errorf("%s\n is recorded as %s\n want           %s", c.text, got, c.want)
		}
		if c.want == "" {
			continue
		}
		for _, r := range []Reading{{Dialect: DialectMySQL, Version: 80036}, {Dialect: DialectMariaDB, ANSIQuotes: true, Version: 101119}, {Dialect: DialectMariaDB, NoBackslashEscapes: true}} {
			if masked := MaskMySQL(r, []byte(c.text)); (masked == nil || strings.Contains(string(masked), "hunter2")) && !strings.Contains(c.text, "\\") {
				t.Errorf("%+v: %s is recorded as %s", r, c.text, masked)
			}
		}
	}
}

// A mask of a text in latin1 keeps the rest byte for byte.
func TestMySQLMaskOfLatin1(t *testing.T) {
	r := Reading{Dialect: DialectMariaDB, Version: 101119, Latin1: true}
	f := Read(r, []byte("INSERT INTO u (name, password) VALUES ('b\xe9b', 'h\xe9')"))
	if want := "INSERT INTO u (name, password) VALUES ('b\xe9b', '***')"; !f.Understood || string(f.Masked) != want {
		t.Errorf("understood %v, %q, want %q", f.Understood, f.Masked, want)
	}
	if f := Read(r, []byte("SELECT a FROM `t\xe9`")); strings.Join(f.Tables, "") != "té" {
		t.Errorf("tables %v", f.Tables)
	}
	if f := Read(r, []byte("SELECT a FROM t\xa0JOIN\xa0secret")); f.Understood {
		t.Error("a byte that latin1 takes for white space is in a name")
	}
}

// Masking never panics, is stable, and leaves no less than a mask.
func FuzzMySQLMask(f *testing.F) {
	seedMySQL(f)
	f.Fuzz(func(t *testing.T, bits byte, text []byte) {
		r := readingFrom(bits)
		masked := MaskMySQL(r, text)
		if masked == nil {
			return
		}
		if !bytes.Contains(masked, []byte(Mask)) {
			t.Fatalf("%q: changed, with no mask in it: %q", text, masked)
		}
	})
}

// readingFrom makes a reading of a byte.
func readingFrom(bits byte) Reading {
	r := Reading{
		Dialect: DialectMySQL, Version: 80036, ANSIQuotes: bits&1 != 0, NoBackslashEscapes: bits&2 != 0,
		IgnoreSpace: bits&4 != 0, FoldNames: bits&8 != 0, Latin1: bits&16 != 0,
	}
	if bits&32 != 0 {
		r.Dialect, r.Version = DialectMariaDB, 101119
	}
	if bits&64 != 0 {
		r.Version = 0
	}
	return r
}

func seedMySQL(f *testing.F) {
	for _, file := range []string{"mysql_bypass.sql", "mysql_clients.sql"} {
		for i, text := range corpus(f, file) {
			f.Add(byte(32+i%32), []byte(text))
		}
	}
}

// Reading never panics, is the same each time, and says something of every text.
func FuzzMySQL(f *testing.F) {
	seedMySQL(f)
	f.Fuzz(func(t *testing.T, bits byte, text []byte) {
		r := readingFrom(bits)
		a := Read(r, text)
		if a.Understood == (a.Why != "") {
			t.Errorf("understood %v, why %q", a.Understood, a.Why)
		}
		if len(a.Effects) == 0 && !(a.Understood && a.Statements == 0) {
			t.Error("statements without an effect")
		}
		for _, e := range a.Effects {
			if !IsAction(e.Action) {
				t.Errorf("action %q is not in the vocabulary", e.Action)
			}
		}
		if b := Read(r, text); describe(a) != describe(b) {
			t.Errorf("read twice:\n%s%s", describe(a), describe(b))
		}
	})
}

// The lexer makes tokens of all of a text, each after the one before, and the parser sees the same: what is rendered is
// cut into the same tokens again, whatever the reading.
func FuzzMySQLLexer(f *testing.F) {
	seedMySQL(f)
	f.Fuzz(func(t *testing.T, bits byte, text []byte) {
		r := readingFrom(bits)
		l := mlexer{r: r, text: text}
		s := mstmt{text: text, r: r}
		last := 0
		for tok := l.next(); tok.kind != mEOF; tok = l.next() {
			if tok.start < last || tok.end < tok.start || tok.end > len(text) {
				t.Fatalf("token %+v after %d of %d", tok, last, len(text))
			}
			if tok.kind == mBad {
				return
			}
			last = tok.end
			s.toks = append(s.toks, tok)
		}
		_ = s.measure()
		out := s.render(nil)
		again := mlexer{r: Reading{Dialect: r.Dialect, NoBackslashEscapes: true}, text: out}
		for i := range s.toks {
			tok := again.next()
			if tok.kind == mBad && r.Latin1 {
				return
			}
			if was := s.toks[i].kind; tok.kind != was && !(was == mNull && tok.kind == mWord) && !(was == mWord && tok.kind == mIdent) {
				t.Fatalf("token %d of %q is of kind %d, in %q %d", i, text, was, out, tok.kind)
			}
		}
		if tok := again.next(); tok.kind != mEOF {
			t.Fatalf("%q has more tokens as %q", text, out)
		}
	})
}

// A cached text is judged as it would be by itself, whatever was cached before it.
func FuzzMySQLCache(f *testing.F) {
	f.Add(byte(32), []byte("SELECT 1 FROM t"), []byte("SELECT 'a' FROM t"))
	f.Add(byte(32), []byte("PREPARE s FROM 'SELECT 1'"), []byte("PREPARE s FROM 'DELETE FROM t'"))
	f.Add(byte(32), []byte("SELECT 1 'x'"), []byte("SELECT 1 'password=x'"))
	f.Add(byte(33), []byte("SELECT `a`.1 FROM t"), []byte("SELECT `a`.2 FROM t"))
	f.Fuzz(func(t *testing.T, bits byte, first, second []byte) {
		r := readingFrom(bits)
		c := newCache(t, 4)
		c.Read(r, first)
		got, want := c.Read(r, second), Read(r, second)
		if want.Understood && describe(got) != describe(want) {
			t.Errorf("after %q, %q\n cached\n%s read\n%s", first, second, describe(got), describe(want))
		}
	})
}
