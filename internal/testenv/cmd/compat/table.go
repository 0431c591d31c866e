package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// run runs the list's programs and prints the table as it grows. It returns how many differ with nothing to explain it.
func (l list) run(ctx context.Context, root, dir string) (differ int, err error) {
	all, err := readExpected(filepath.Join(root, "internal", "testenv", "cmd", "compat", "testdata", l.protocol, "expected.txt"))
	if err != nil {
		return 0, err
	}
	direct, through, end, err := l.start(ctx, root, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, end()) }()
	row("program", "direct", "through", "same", "note")
	for _, p := range l.programs {
		d, t := p.both(ctx, dir, direct, through)
		if ctx.Err() != nil {
			return differ, context.Cause(ctx)
		}
		same, err := report(ctx, dir, p, d, t, all)
		if err != nil {
			return differ, err
		}
		if !same {
			differ++
		}
	}
	return differ, nil
}

// shown is how many lines of a difference the table shows.
const shown = 20

// report prints a program's row. It reports whether the program does directly what it should, and through the gateway the
// same.
func report(ctx context.Context, dir string, p program, d, t outcome, all []*expected) (bool, error) {
	lines, err := differences(ctx, dir, p)
	if err != nil {
		return false, err
	}
	left := unexplained(all, p, lines)
	same, note := "yes", t.note
	switch {
	case len(left) > 0 || d.err != nil || t.err != nil:
		same = "NO"
	case len(lines) > 0:
		same = "explained"
	}
	if d.note != t.note {
		note = d.note + "; through: " + t.note
	}
	row(p.name, d.String(), t.String(), same, note)
	for i, line := range left {
		if i == shown {
			fmt.Printf("    and %d lines more: diff .compat/out/%s.*\n", len(left)-shown, p.name)
			break
		}
		fmt.Printf("    %.300s\n", line)
	}
	if d.err != nil {
		fmt.Println("    direct: " + firstLine(d.err))
	}
	if t.err != nil {
		fmt.Println("    through: " + firstLine(t.err))
	}
	for _, e := range all {
		if e.program == p.name {
			fmt.Printf("    %s: %s\n", e.state(), e.why)
		}
	}
	return same != "NO", nil
}

func (e *expected) state() string {
	if e.seen {
		return "explained"
	}
	return "no longer seen"
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func row(program, direct, through, same, note string) {
	fmt.Printf("%-24s %-10s %-10s %-10s %s\n", program, direct, through, same, note)
}
