// Command gotest runs `go test` with the arguments given and reports briefly: a line for each package, the output
// of what failed, and, in the last lines, how many tests passed and which were skipped and why. `go test` itself
// says nothing of skipped tests in packages that pass.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/gatefold/gatefold/internal/testenv"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run go test: %w", err)
	}
	r := newReport(w)
	readErr := r.read(out)
	err = cmd.Wait()
	r.summary()
	switch {
	case readErr != nil:
		return fmt.Errorf("read go test's report: %w", readErr)
	case err != nil:
		return fmt.Errorf("go test %s: %w", strings.Join(args, " "), err)
	case r.failed > 0:
		return fmt.Errorf("go test ended well with %d failures", r.failed)
	}
	return nil
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // build-output
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// report gathers what go test says.
type report struct {
	w              io.Writer
	output         map[string][]string // package and test -> its lines, until it ends
	skips          []string            // "package test: reason"
	passed, failed int                 // tests
	missing        int                 // skips for want of a server
}

func newReport(w io.Writer) *report {
	return &report{w: w, output: map[string][]string{}}
}

func (r *report) read(from io.Reader) error {
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			r.w.Write(line) // not all that go test prints is JSON
			continue
		}
		r.event(e)
	}
}

func (r *report) event(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.w, e.Output)
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.output, key)
	}
}

func (r *report) endTest(e event) {
	lines := r.output[e.Package+" "+e.Test]
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		fmt.Fprint(r.w, strings.Join(lines, ""))
	case "skip":
		r.skip(e, lines)
	}
}

func (r *report) skip(e event, lines []string) {
	var reason string
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(l, "--- ") {
			reason += " " + l
		}
	}
	if strings.Contains(reason, testenv.SkipMark) {
		r.missing++
	}
	r.skips = append(r.skips, fmt.Sprintf("%s %s:%s", e.Package, e.Test, reason))
}

func (r *report) endPackage(e event) {
	lines := r.output[e.Package+" "]
	if e.Action == "fail" {
		// A panic or a time-out leaves the lines of tests that never ended.
		for key, more := range r.output {
			if strings.HasPrefix(key, e.Package+" ") && key != e.Package+" " {
				fmt.Fprint(r.w, strings.Join(more, ""))
				delete(r.output, key)
				r.failed++
			}
		}
		fmt.Fprint(r.w, strings.Join(lines, ""))
		return
	}
	if e.Action == "pass" {
		fmt.Fprintf(r.w, "ok   %s  %.1fs%s\n", e.Package, e.Elapsed, cached(lines))
	}
}

func cached(lines []string) string {
	for _, l := range lines {
		if strings.Contains(l, "(cached)") {
			return " (cached)"
		}
	}
	return ""
}

func (r *report) summary() {
	for _, s := range r.skips {
		fmt.Fprintln(r.w, "skipped:", s)
	}
	fmt.Fprintf(r.w, "tests: %d passed, %d failed, %d skipped, %d of them for a missing server\n",
		r.passed, r.failed, len(r.skips), r.missing)
}
