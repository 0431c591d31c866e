package deps

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func readImportTable(t *testing.T) *table {
	t.Helper()
	f, err := os.Open("testdata/imports.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := parseTable(f)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The house follows its table.
func TestImports(t *testing.T) {
	sources, err := readTree(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 10 {
		t.Fatalf("only %d files found: this is not the module's tree", len(sources))
	}
	for _, fault := range readImportTable(t).check(sources) {
		t.Error(fault)
	}
}

// The check finds each kind of fault in a tree made for it, and nothing else.
func TestCheckFinds(t *testing.T) {
	const ours = "\n\nimport _ \"github.com/gatefold/gatefold/"
	tree := fstest.MapFS{
		"recorder/a.go":               {Data: []byte("package recorder" + ours + "internal/record\"\n")},
		"recorder/b.go":               {Data: []byte("package recorder" + ours + "replay\"\n")},
		"replay/a.go":                 {Data: []byte("package replay" + ours + "internal/config\"\n")},
		"replay/a_test.go":            {Data: []byte("package replay" + ours + "internal/testenv\"\n")},
		"protocols/tds/a.go":          {Data: []byte("package tds\n")},
		"protocols/postgres/relay.go": {Data: []byte("package postgres\n\nimport _ \"net\"\n")},
		"protocols/postgres/hello.go": {Data: []byte("package postgres\n\nimport _ \"net\"\n")},
		"protocols/postgres/x.go":     {Data: []byte("package postgres" + ours + "internal/policy\"\n")},
		"internal/policy/a.go":        {Data: []byte("package policy\n\nimport _ \"os\"\n")},
		"internal/util/a.go":          {Data: []byte("package util\n")},
		"benchmarks/a.go":             {Data: []byte("package benchmarks" + ours + "internal/config\"\n")},
		"cmd/gatefold/a.go":           {Data: []byte("package main" + ours + "internal/config\"\n")},
		"replay/testdata/a.go":        {Data: []byte("not Go")},
		".demo/a.go":                  {Data: []byte("not Go")},
	}
	want := []string{
		"benchmarks/a.go: must not import internal/config",
		"internal/policy/a.go: must not import os",
		"internal/util: a package called util says nothing of what is in it",
		"internal/util: has no line in imports.txt",
		"protocols/postgres/relay.go: must not import net",
		"protocols/postgres/x.go: must not import internal/policy",
		"protocols/tds: has no line in imports.txt",
		"recorder/b.go: must not import replay",
		"replay/a.go: must not import internal/config",
	}
	sources, err := readTree(tree)
	if err != nil {
		t.Fatal(err)
	}
	if got := readImportTable(t).check(sources); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A rule with a slip is an error, never a rule that holds nothing.
func TestTableIsStrict(t *testing.T) {
	for _, text := range []string{
		"recorder internal/record",
		"recorder:",
		"recorder: none\nrecorder: all",
		"forbit recorder/*.go: net",
		"a b c: none",
		"allow",
	} {
		if _, err := parseTable(strings.NewReader(text)); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}

// A rule on files that are no more holds nothing.
func TestFileRulesName(t *testing.T) {
	sources, err := readTree(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range readImportTable(t).forbids {
		if !slices.ContainsFunc(sources, func(s source) bool { return names(rule.files, s.file) }) {
			t.Errorf("forbid %s: names no file", rule.files)
		}
	}
}
