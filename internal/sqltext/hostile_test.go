package sqltext

import (
	"math/rand/v2"
	"os"
	"os/exec"

	pg "github.com/pganalyze/pg_query_go/v6"
	"slices"
	"strings"
	"testing"
)

// A COPY whose file has no name must not stand in the cache for those that have one.
func TestCopyOfNoNameIsNotATemplate(t *testing.T) {
	c, _ := NewCache(100, 0)
	c.Read(Reading{}, []byte("COPY t TO ''"))
	f := c.Read(Reading{}, []byte("COPY t TO '/tmp/x'"))
	if !slices.Contains(f.Actions, "copy_file") {
		t.Errorf("COPY to a file is %v", f.Actions)
	}
}

// Two texts with one template have the same facts, whatever was read first.
func TestTemplatesOfEdgeLiterals(t *testing.T) {
	lits := []string{"''", "'x'", "'off'", "'on'", "'search_path'", "'role'", "'a''b'", "'0'", "' '"}
	nums := []string{"0", "1", "99999999999999999999", "2147483648", "1.5", "007"}
	for _, s := range []string{
		"COPY t TO @", "COPY t FROM @", "COPY t TO PROGRAM @", "COPY t FROM PROGRAM @", "COPY (SELECT @) TO @", "EXPLAIN (ANALYZE @) DELETE FROM t", "EXPLAIN (ANALYZE #) DELETE FROM t",
		"EXPLAIN (ANALYZE, ANALYZE @) DELETE FROM t", "EXPLAIN (VERBOSE @, ANALYZE @) DELETE FROM t",
		"SELECT set_config(@, @, false)", "SELECT pg_catalog.set_config(@, 'x', true)", "SET x TO @", "SET SCHEMA @", "SET ROLE @", "SET SESSION AUTHORIZATION @", "SET TIME ZONE @", "SET search_path TO @, @",
		"LOAD @", "CREATE TABLESPACE x LOCATION @", "DELETE FROM t WHERE a = @", "DELETE FROM t WHERE @ = @", "DELETE FROM t LIMIT #", "FETCH # FROM c", "SELECT ts_rewrite(@, @)", "SELECT ts_rewrite(@, @, @)",
		"SELECT * FROM t ORDER BY #", "SELECT * FROM t FETCH FIRST # ROWS ONLY", "UPDATE t SET a = @ WHERE #=#", "SELECT @::regclass", "SELECT interval @ day", "CREATE DATABASE x TEMPLATE @", "SELECT '' @", "ALTER ROLE x SET role TO @", "ALTER ROLE x SET search_path TO @",
		"COPY t FROM stdin WITH (FORMAT @)", "COPY t TO STDOUT DELIMITERS @", "SET standard_conforming_strings TO @", "VALUES (@), (#)", "NOTIFY a, @", "SELECT nextval(@)", "DO @", "DO LANGUAGE @ @", "CALL p(@)", "RESET x", "COMMENT ON TABLE t IS @", "SELECT EXTRACT(@ FROM x)", "SELECT json_value(x, @)", "TRUNCATE t", "XXX @",
	} {
		var texts []string
		for i := range 6 {
			x := s
			k := i
			for strings.Contains(x, "@") {
				x = strings.Replace(x, "@", lits[k%len(lits)], 1)
				k = k*2 + 1
			}
			k = i
			for strings.Contains(x, "#") {
				x = strings.Replace(x, "#", nums[k%len(nums)], 1)
				k++
			}
			texts = append(texts, x)
		}
		for _, a := range texts {
			for _, b := range texts {
				c, _ := NewCache(10, 0)
				c.Read(Reading{}, []byte(a))
				got, want := c.Read(Reading{}, []byte(b)), Postgres([]byte(b))
				if !want.Understood {
					continue
				}
				if describe(got) != describe(want) {
					t.Errorf("after %s: %s is\n%s not\n%s", a, b, describe(got), describe(want))
				}
			}
		}
	}
}

// A string with escapes goes on with escapes over a line's end: what follows it is measured too.
func TestContinuedStringHidesNoDepth(t *testing.T) {
	text := []byte("SELECT E'a'\n'\\'', 1" + strings.Repeat("+1", 60000))
	if os.Getenv("GATEFOLD_TEST_DEEP") != "" {
		Postgres(text)
		return
	}
	if measure(text) == nil {
		cmd := exec.Command(os.Args[0], "-test.run=TestContinuedStringHidesNoDepth")
		cmd.Env = append(os.Environ(), "GATEFOLD_TEST_DEEP=1")
		out, err := cmd.CombinedOutput()
		t.Errorf("the depth of a chain after a continued string is not seen; reading it: %v\n%.300s", err, out)
	}
}

// The lexer cuts strings and quoted names where PostgreSQL's scanner does.
func TestLexerAgainstScanner(t *testing.T) {
	pieces := []string{"'", "'", "E'", "e'", "U&'", "u&\"", "\"", "\\", "\\'", "\n", " ", "--", "-- x\n", "/*", "*/", "$$", "$a$", "$a", "a", "1", "$1", "x'", "b'", ";", "+", "-", "''", "a$$", "_", "é", "\r", "\f", "\v", "(", ")", "e", "U&", "&", "1e", ".", "0x", "UESCAPE '!'", "*", "/", "::"}
	rng := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range 60000 {
		var b strings.Builder
		for range 1 + rng.IntN(12) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		text := b.String()
		res, err := pg.Scan(text)
		if err != nil {
			continue
		}
		read++
		covered := func(at int) string { // in a string, or a comment, or code
			for _, tok := range res.Tokens {
				if at >= int(tok.Start) && at < int(tok.End) {
					switch tok.Token {
					case pg.Token_SCONST, pg.Token_USCONST, pg.Token_BCONST, pg.Token_XCONST:
						return "string"
					case pg.Token_UIDENT:
						return "ident"
					case pg.Token_SQL_COMMENT, pg.Token_C_COMMENT:
						return "none"
					case pg.Token_IDENT:
						if text[tok.Start] == '"' {
							return "ident"
						}
					}
					return "code"
				}
			}
			return "none"
		}
		l := lexer{text: []byte(text)}
		mine := make([]string, len(text))
		for tok := l.next(); tok.kind != kEOF; tok = l.next() {
			for i := tok.start; i < tok.end; i++ {
				mine[i] = map[kind]string{kString: "string", kIdent: "ident"}[tok.kind]
				if mine[i] == "" {
					mine[i] = "code"
				}
			}
		}
		for i := range mine {
			c := covered(i)
			// what the scanner takes for code must not be a string, a name or nothing here
			if c == "code" && mine[i] != "code" {
				t.Errorf("%q at %d: scanner %s, lexer %q", text, i, c, mine[i])
				break
			}
			if c == "string" && mine[i] == "code" {
				t.Errorf("%q at %d: scanner %s, lexer %q", text, i, c, mine[i])
				break
			}
		}
	}
	if read < 10000 {
		t.Errorf("the scanner took only %d texts", read)
	}
}
