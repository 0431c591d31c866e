package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// expected is a difference that is known, and why it is there. A line of expected.txt is
//
//	program | regular expression of a line that only one transcript has | why
type expected struct {
	program string
	line    *regexp.Regexp
	why     string
	seen    bool
}

func readExpected(path string) ([]*expected, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []*expected
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, " | ")
		if len(fields) != 3 {
			return nil, fmt.Errorf("read %s: want program | line | why, not %q", path, line)
		}
		re, err := regexp.Compile(fields[1])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, &expected{program: fields[0], line: re, why: fields[2]})
	}
	return all, nil
}

// unexplained are those of a program's lines that nothing explains. What explains one is marked.
func unexplained(all []*expected, p program, lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		i := slices.IndexFunc(all, func(e *expected) bool { return e.program == p.name && e.line.MatchString(line[1:]) })
		if i >= 0 {
			all[i].seen = true
		}
		return i >= 0
	})
}

// differences are the lines that only one of two transcripts has, as diff tells them: "-" directly, "+" through.
func differences(ctx context.Context, dir string, p program) ([]string, error) {
	cmd := exec.CommandContext(ctx, "diff", "-U0", "-a", transcriptPath(dir, p, "direct"), transcriptPath(dir, p, "through"))
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return nil, fmt.Errorf("compare transcripts of %s: %w", p.name, err)
	}
	var lines []string
	for i, line := range strings.Split(string(out), "\n") {
		if i >= 2 && line != "" && (line[0] == '-' || line[0] == '+') {
			lines = append(lines, line)
		}
	}
	return lines, nil
}
