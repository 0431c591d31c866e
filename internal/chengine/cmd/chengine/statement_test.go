package main

import (
	"io"
	"strings"
	"testing"
)

func TestSplitInsert(t *testing.T) {
	for _, c := range []struct{ text, head, format, data string }{
		{"SELECT 1 FORMAT Native", "", "", ""},
		{"INSERT INTO t SELECT 1", "", "", ""},
		{"INSERT INTO t WITH 1 AS a SELECT a FORMAT Native", "", "", ""},
		{"INSERT INTO t FROM INFILE 'x' FORMAT CSV", "", "", ""},
		{"INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native", ""},
		{"insert into `values` (`format`, b) values (1, 'x\n')", "insert into `values` (`format`, b) ", "Values", " (1, 'x\n')"},
		{"/* INSERT */ -- SELECT\nINSERT INTO t VALUES (1)", "/* INSERT */ -- SELECT\nINSERT INTO t ", "Values", " (1)"},
		{"INSERT INTO t SETTINGS a = 'FORMAT x' FORMAT CSV \n1\n2\n", "INSERT INTO t SETTINGS a = 'FORMAT x' ", "CSV", "1\n2\n"},
		{`INSERT INTO "t\"" FORMAT`, `INSERT INTO "t\"" `, "", ""},
		{"", "", "", ""},
	} {
		head, format, data := splitInsert(c.text)
		if head != c.head || format != c.format || data != c.data {
			t.Errorf("%q: %q, %q, %q", c.text, head, format, data)
		}
	}
}

func TestReadStatement(t *testing.T) {
	st, err := readStatement("INSERT INTO t (a) SETTINGS x = 1 FORMAT Native", strings.NewReader("\x00\n\x01"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.data.Close()
	if !strings.HasPrefix(st.text, "INSERT INTO t (a)  FROM INFILE '/proc/self/fd/") ||
		!strings.HasSuffix(st.text, "' COMPRESSION 'none' SETTINGS x = 1  FORMAT Native") {
		t.Errorf("%q", st.text)
	}
	if _, err := st.data.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(st.data); err != nil || string(data) != "\x00\n\x01" {
		t.Errorf("the data is %q, %v", data, err)
	}
	st, err = readStatement("", strings.NewReader(" SELECT 1; \n"))
	if err != nil || st.text != " SELECT 1" || st.data != nil {
		t.Errorf("%q, %v", st.text, err)
	}
	if _, err := readStatement("", strings.NewReader(strings.Repeat("x", maxText+1))); err == nil {
		t.Error("a text over the bound is read")
	}
}

func TestExceptionText(t *testing.T) {
	for text, want := range map[string]string{
		"Code: 62. DB::Exception: Code: 62. DB::Exception: Syntax error": "Code: 62. DB::Exception: Syntax error",
		"Error: Code: 60. DB::Exception: nix":                            "Code: 60. DB::Exception: nix",
		"Code: 60. DB::Exception: it holds Code: 1. DB::Exception: x":    "Code: 60. DB::Exception: it holds Code: 1. DB::Exception: x",
		"odd": "Code: 1002. DB::Exception: odd (UNKNOWN_EXCEPTION)",
	} {
		if got := newException(text).Error(); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestFormatOf(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1":                          "Native",
		"SELECT 1 FORMAT TSV":               "TSV",
		"SELECT 1 format JSON SETTINGS a=1": "JSON",
		"SELECT 'FORMAT TSV'":               "Native",
	} {
		if got := formatOf(text, "Native"); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
