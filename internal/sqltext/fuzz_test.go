package sqltext

import (
	"bytes"
	"testing"
)

// seed adds the corpus to a fuzz target.
func seed(f *testing.F) {
	for _, file := range []string{"clients.sql", "plain.sql"} {
		for _, text := range corpus(f, file) {
			f.Add([]byte(text))
		}
	}
	for _, text := range []string{
		"ALTER USER bob PASSWORD E'hun\\'ter2' VALID UNTIL 'x'", "DO $a$ BEGIN ALTER USER b PASSWORD 'x'; END $a$",
		"SELECT U&'\\0061', U&\"a\" UESCAPE '!', x'1f', N'a', e'\\x41' -- c", "/* a /* b */ c */ SELECT 1.5e3, $1, $a$ $b$ $a$",
		"SELECT 'password=x', crypt('a', 'b'), set_config('a.secret', 'b', true)", "SELECT 1+-+-1::int[]; $", "'", "\"", "$a$", "/*",
		"MERGE INTO a USING b ON a.i=b.i WHEN MATCHED THEN DELETE", "COPY (SELECT 1) TO PROGRAM 'x'", "EXPLAIN (ANALYZE off) SELECT 1",
	} {
		f.Add([]byte(text))
	}
}

// Reading never panics, is the same each time, and says something of every text.
func FuzzPostgres(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		a := Postgres(text)
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
		if b := Postgres(text); describe(a) != describe(b) {
			t.Errorf("read twice:\n%s%s", describe(a), describe(b))
		}
	})
}

// A cached text is judged as it would be by itself, whatever was cached before it.
func FuzzCache(f *testing.F) {
	f.Add([]byte("SELECT 1 FROM t"), []byte("SELECT 'a' FROM t"))
	f.Add([]byte("SELECT set_config('a', 'b', true)"), []byte("SELECT set_config('role', 'b', true)"))
	f.Add([]byte("INSERT INTO t VALUES (1.5, 'x''y', $1)"), []byte("INSERT INTO t VALUES (2, '', $1)"))
	f.Add([]byte("SELECT 1 'x'"), []byte("SELECT 1 'password=x'"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := newCache(t, 4)
		c.Read(Reading{}, first)
		got, want := c.Read(Reading{}, second), Postgres(second)
		if want.Understood && describe(got) != describe(want) {
			t.Errorf("after %q, %q\n cached\n%s read\n%s", first, second, describe(got), describe(want))
		}
	})
}

// Masking never panics, is stable, and leaves all that isn't a literal.
func FuzzMask(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		masked := MaskPostgres(text)
		if masked == nil {
			return
		}
		if !bytes.Contains(masked, []byte(Mask)) {
			t.Fatalf("%q: changed, with no mask in it: %q", text, masked)
		}
		if again := MaskPostgres(masked); again != nil && !bytes.Equal(again, masked) {
			t.Errorf("%q masked again: %q", masked, again)
		}
	})
}

// The lexer makes tokens of all of a text, each after the one before.
func FuzzLexer(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		l := lexer{text: text}
		last := 0
		for tok := l.next(); tok.kind != kEOF; tok = l.next() {
			if tok.start < last || tok.end <= tok.start || tok.end > len(text) {
				t.Fatalf("token %+v after %d of %d", tok, last, len(text))
			}
			last = tok.end
		}
		_ = measure(text)
	})
}
