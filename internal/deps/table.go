// Package deps holds the house's import rules: a table kept as text (testdata/imports.txt) and the check that every
// file of the module follows it. It exists for its tests.
package deps

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// table is imports.txt, read.
type table struct {
	imports map[string][]string // package pattern -> what it may import
	tests   map[string][]string // the same for its tests, beside imports
	forbids []fileRule
	allows  []string // file patterns that no forbid covers
}

// fileRule forbids imports in the files that a pattern names.
type fileRule struct {
	files   string
	imports []string
}

// parseTable reads the format that imports.txt itself describes. A line that it can't read is an error: a rule
// with a slip must not be a rule that holds nothing.
func parseTable(r io.Reader) (*table, error) {
	t := &table{imports: map[string][]string{}, tests: map[string][]string{}}
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := t.line(line); err != nil {
			return nil, fmt.Errorf("imports.txt:%d: %w", n, err)
		}
	}
	return t, in.Err()
}

func (t *table) line(line string) error {
	head, list, ok := strings.Cut(line, ":")
	words := strings.Fields(head)
	imports := strings.Fields(list)
	switch {
	case !ok && len(words) == 2 && words[0] == "allow":
		t.allows = append(t.allows, words[1])
	case !ok || len(imports) == 0:
		return fmt.Errorf("%q: want `package: imports`", line)
	case len(words) == 1:
		if _, twice := t.imports[words[0]]; twice {
			return fmt.Errorf("%s has two lines", words[0])
		}
		t.imports[words[0]] = imports
	case len(words) == 2 && words[0] == "test":
		t.tests[words[1]] = imports
	case len(words) == 2 && words[0] == "forbid":
		t.forbids = append(t.forbids, fileRule{words[1], imports})
	default:
		return fmt.Errorf("%q: want `package: imports`, `test package: imports`, `forbid files: imports` or `allow files`", line)
	}
	return nil
}

// lookup returns the line of a package: its own, else that of the longest pattern that covers it.
func lookup(rules map[string][]string, pkg string) ([]string, bool) {
	if imports, ok := rules[pkg]; ok {
		return imports, true
	}
	best, found := "", false
	for pattern := range rules {
		if covers(pattern, pkg) && len(pattern) > len(best) {
			best, found = pattern, true
		}
	}
	return rules[best], found
}

// covers reports whether a pattern of packages covers pkg.
func covers(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}

// names reports whether a pattern of files, which may hold {a,b,c} once, names file.
func names(pattern, file string) bool {
	before, rest, ok := strings.Cut(pattern, "{")
	if !ok {
		match, err := path.Match(pattern, file)
		return match && err == nil
	}
	inside, after, _ := strings.Cut(rest, "}")
	return slices.ContainsFunc(strings.Split(inside, ","), func(s string) bool {
		return names(before+s+after, file)
	})
}

// permits reports whether a list of imports holds pkg.
func permits(list []string, pkg string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return p == "all" || covers(p, pkg) })
}
