// Command fuzz runs every fuzz target of the packages given (default: all), one after another, for a time each.
// A failing input is kept by `go test` in the package's testdata/fuzz.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", time.Minute, "how long each target runs")
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	if err := run(*each, packages); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(each time.Duration, packages []string) error {
	targets, err := list(packages)
	if err != nil {
		return err
	}
	var failed []string
	for i, t := range targets {
		fmt.Printf("[%d/%d] %s %s, %s\n", i+1, len(targets), t.pkg, t.name, each)
		cmd := exec.Command("go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), "-parallel=1", t.pkg)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if cmd.Run() != nil {
			failed = append(failed, t.pkg+" "+t.name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d targets failed: %s", len(failed), len(targets), strings.Join(failed, ", "))
	}
	fmt.Printf("fuzz: %d targets, nothing found\n", len(targets))
	return nil
}

type target struct{ pkg, name string }

func list(packages []string) ([]target, error) {
	cmd := exec.Command("go", append([]string{"test", "-list=^Fuzz"}, packages...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list fuzz targets: %w\n%s", err, out)
	}
	return parse(string(out)), nil
}

// parse reads what go test -list prints: the names of a package, then "ok" and the package.
func parse(out string) []target {
	var targets []target
	var names []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) >= 2 && fields[0] == "ok":
			for _, n := range names {
				targets = append(targets, target{fields[1], n})
			}
			names = nil
		}
	}
	return targets
}
