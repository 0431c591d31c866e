package deps

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	module  = "github.com/gatefold/gatefold"
	testenv = "internal/testenv" // any test may import it
	config  = "internal/config"  // nobody but cmd may
)

// junk are names of folders that say nothing of what is in them.
var junk = []string{"util", "utils", "common", "helper", "helpers", "misc", "lib", "shared", "base"}

// source is one Go file: its path in the tree, slashes, and what it imports.
type source struct {
	file    string
	imports []string
}

func (s source) pkg() string { return path.Dir(s.file) }

func (s source) test() bool { return strings.HasSuffix(s.file, "_test.go") }

// readTree reads the imports of every Go file of a tree, testdata and hidden folders left out.
func readTree(tree fs.FS) ([]source, error) {
	var all []source
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		s, err := readSource(tree, name)
		all = append(all, s)
		return err
	})
	return all, err
}

func skipped(dir string) bool {
	base := path.Base(dir)
	return base == "testdata" || base == "bin" || len(base) > 1 && base[0] == '.'
}

func readSource(tree fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return source{}, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if err != nil {
		return source{}, fmt.Errorf("read imports of %w", err)
	}
	s := source{file: name}
	for _, imp := range f.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			return source{}, fmt.Errorf("read imports of %s: %w", name, err)
		}
		s.imports = append(s.imports, p)
	}
	return s, nil
}

// check returns what of the tree breaks the table, a line each, sorted.
func (t *table) check(sources []source) []string {
	var faults []string
	for _, s := range sources {
		faults = append(faults, t.checkPackage(s)...)
		faults = append(faults, t.checkFile(s)...)
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

func (t *table) checkPackage(s source) []string {
	var faults []string
	for elem := range strings.SplitSeq(s.pkg(), "/") {
		if slices.Contains(junk, elem) {
			faults = append(faults, fmt.Sprintf("%s: a package called %s says nothing of what is in it", s.pkg(), elem))
		}
	}
	may, ok := lookup(t.imports, s.pkg())
	if !ok {
		return append(faults, fmt.Sprintf("%s: has no line in imports.txt", s.pkg()))
	}
	if s.test() {
		more, _ := lookup(t.tests, s.pkg())
		may = slices.Concat(may, more, []string{s.pkg(), testenv})
	}
	for _, imp := range s.imports {
		ours, ok := strings.CutPrefix(imp, module+"/")
		if !ok {
			continue
		}
		if !permits(may, ours) || ours == config && !strings.HasPrefix(s.pkg(), "cmd/") && s.pkg() != config {
			faults = append(faults, fmt.Sprintf("%s: must not import %s", s.file, ours))
		}
	}
	return faults
}

// checkFile checks the rules on single files. Tests may do as they like.
func (t *table) checkFile(s source) []string {
	if s.test() || slices.ContainsFunc(t.allows, func(p string) bool { return names(p, s.file) }) {
		return nil
	}
	var faults []string
	for _, rule := range t.forbids {
		if !names(rule.files, s.file) {
			continue
		}
		for _, imp := range s.imports {
			if slices.Contains(rule.imports, imp) {
				faults = append(faults, fmt.Sprintf("%s: must not import %s", s.file, imp))
			}
		}
	}
	return faults
}
