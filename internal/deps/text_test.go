package deps

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// foreign is text that belongs to one machine or one network and so to no repository: where somebody's work tree
// was, and hosts that serve packages. Each is cut in two here, so that this file doesn't find itself.
var foreign = []string{
	"/wor" + "k/main", "/wor" + "k/shared", "/wor" + "k/.", "/tmp/sp" + "ec", "/ro" + "ot/", "/Us" + "ers/",
	"proxy.gol" + "ang.org", "sum.gol" + "ang.org", "deb.deb" + "ian.org", "archive.ubu" + "ntu.com", "security.ubu" + "ntu.com",
	"registry.npm" + "js.org", "pypi." + "org", "index.cra" + "tes.io", "GOPR" + "OXY=", "ghcr." + "io", "docker." + "io",
}

// findForeign returns "file:line: text" for each of foreign in the tree.
func findForeign(tree fs.FS) ([]string, error) {
	var found []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || name == ".demo" || name == ".bed" || name == ".compat"):
			return fs.SkipDir
		case !d.Type().IsRegular() || name == ".git" || name == "go.sum" || path.Ext(name) == ".test":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		for n, line := range bytes.Split(text, []byte("\n")) {
			for _, f := range foreign {
				if bytes.Contains(line, []byte(f)) {
					found = append(found, fmt.Sprintf("%s:%d: %s", name, n+1, f))
				}
			}
		}
		return nil
	})
	return found, err
}

func TestTextNamesNoMachine(t *testing.T) {
	found, err := findForeign(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("%s belongs to one machine or network, not to the repository", f)
	}
}

func TestForeignIsFound(t *testing.T) {
	tree := fstest.MapFS{
		"README.md":     {Data: []byte("fine\nsee " + foreign[0] + "/notes\n")},
		".ci/run":       {Data: []byte("curl https://" + foreign[6] + "/x")},
		".demo/log":     {Data: []byte(foreign[0])},
		"cmd/a/main.go": {Data: []byte("// " + strings.ToUpper("fine"))},
	}
	want := []string{".ci/run:1: " + foreign[6], "README.md:2: " + foreign[0]}
	found, err := findForeign(tree)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(found); !slices.Equal(found, want) {
		t.Errorf("got %q, want %q", found, want)
	}
}
