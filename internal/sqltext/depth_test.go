package sqltext

import (
	"errors"
	"strings"
	"testing"
)

// chain repeats link until the text has the length.
func chain(head, link, tail string, length int) string {
	return head + strings.Repeat(link, (length-len(head)-len(tail))/len(link)) + tail
}

// A chain of left-associative operators is a tree as deep as it is long; the parser's output recursion overflowed the
// thread's stack at 48,000 bytes of it and killed the process. Each of these has to be refused before it is parsed.
func TestLongChainsAreRefused(t *testing.T) {
	for name, c := range map[string][3]string{
		"plus":       {"SELECT 1", "+1", ""},
		"concat":     {"SELECT 'a'", "||'a'", ""},
		"cast":       {"SELECT 1", "::int", ""},
		"union":      {"SELECT 1", " UNION SELECT 1", ""},
		"union 2":    {"SELECT 1,2", " UNION SELECT 1,2", ""},
		"join":       {"SELECT 1 FROM a", " CROSS JOIN b", ""},
		"join and":   {"SELECT 1 FROM a", " JOIN b ON x AND y", ""},
		"is null":    {"SELECT 1", " IS NULL", ""},
		"collate":    {"SELECT 'a'", " COLLATE c", ""},
		"time zone":  {"SELECT a", " AT TIME ZONE b", ""},
		"case":       {"SELECT 1", "+CASE WHEN a THEN b ELSE c END", ""},
		"in":         {"SELECT 1", "+(a IN (1,2))", ""},
		"and name":   {"SELECT 1", "+x.and", ""},
		"or name":    {"SELECT 1", "+x . /* c */ or", ""},
		"case name":  {"SELECT x.case", "+x.when", ""},
		"end name":   {"SELECT CASE WHEN 1", "+(b).end", " THEN 1 END"},
		"minus":      {"SELECT ", "- ", "1"},
		"operators":  {"SELECT 1 ", "+-", "1"},
		"not":        {"SELECT ", "NOT ", "true"},
		"brackets":   {"SELECT ", "(", ""},
		"subselects": {"SELECT ", "(SELECT ", "1"},
		"arrays":     {"SELECT ARRAY", "[", ""},
		"ctes":       {"", "WITH a AS (", "SELECT 1"},
	} {
		for _, length := range []int{60_000, 300_000, MaxParse} {
			text := []byte(chain(c[0], c[1], c[2], length))
			if err := measure(text); !errors.Is(err, errDeep) && !errors.Is(err, errCostly) {
				t.Errorf("%s, %d bytes: %v", name, length, err)
				continue
			}
			if f := Postgres(text); f.Understood {
				t.Errorf("%s, %d bytes: understood", name, length)
			}
		}
	}
}

// What people and programs send, long as it may be, is read.
func TestLongTextsAreRead(t *testing.T) {
	for name, c := range map[string][3]string{
		"bulk insert":  {"INSERT INTO t (a, b, c) VALUES (1, 'x', 2.5)", ", (1, 'some text in a row', 2.5)", ""},
		"in list":      {"SELECT * FROM t WHERE id IN (1", ", 12345", ")"},
		"or":           {"SELECT * FROM t WHERE id = 1", " OR id = 12345 AND k = 'a'", ""},
		"select list":  {"SELECT a", ", coalesce(b, c + 1, CASE WHEN d THEN e ELSE f END)", " FROM t"},
		"script":       {"BEGIN", "; UPDATE t SET a = a + 1 WHERE id = 7", "; COMMIT"},
		"case":         {"SELECT CASE x", " WHEN 1 THEN 'one'", " END FROM t"},
		"long literal": {"SELECT '", "1+", "'"},
		"comment":      {"SELECT 1 --", "1+", ""},
	} {
		length := 200_000
		if name == "bulk insert" || name == "long literal" {
			length = MaxParse
		}
		text := []byte(chain(c[0], c[1], c[2], length))
		if f := Postgres(text); !f.Understood {
			t.Errorf("%s: not understood: %s", name, f.Why)
		}
	}
}

// The deepest texts that are let through stay far from the stack's end and are parsed, or refused by the grammar.
func TestDeepestTexts(t *testing.T) {
	for _, c := range [][3]string{
		{"SELECT 1", "+1", ""}, {"SELECT 1", "::int", ""}, {"SELECT 1", " UNION SELECT 1", ""}, {"SELECT ", "- ", "1"},
		{"SELECT 1", " IS NULL", ""}, {"SELECT 1", "+CASE WHEN a THEN b ELSE c END", ""}, {"SELECT 1,2", " UNION SELECT 1,2", ""},
	} {
		for length := 50_000; length > 100; length -= 100 {
			text := []byte(chain(c[0], c[1], c[2], length))
			if measure(text) == nil {
				if f := Postgres(text); !f.Understood && !strings.Contains(f.Why, "position") {
					t.Errorf("%q...: %s", c[1], f.Why)
				}
				break
			}
		}
	}
}
