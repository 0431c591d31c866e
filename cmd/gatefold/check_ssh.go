package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/shelltext"
)

// sshRequests are what --request takes beside the file operations.
var sshRequests = []string{"exec", "line", "shell", "subsystem", "env"}

// sshDeed is what a request of SSH does: exec and line have a command line, files one path or two.
func sshDeed(request string, args []string) (*policy.Deed, *shelltext.Facts, error) {
	first, second := "", ""
	if len(args) > 0 {
		first = args[0]
	}
	if len(args) > 1 {
		second = args[1]
	}
	switch request {
	case "exec", "line":
		f := shelltext.Read(first)
		if request == "line" {
			return policy.Line(first, f), f, nil
		}
		return policy.Exec(first, f), f, nil
	case "shell":
		return policy.Shell(), nil, nil
	case "subsystem":
		return policy.Subsystem(first), nil, nil
	case "env":
		return policy.Variable(first), &shelltext.Facts{Masked: shelltext.MaskVariable(first)}, nil
	}
	names := policy.FileOperations()
	if !slices.Contains(names, request) {
		return nil, nil, usageError{hintError{fmt.Errorf("no request %q", request), "it is one of: " + strings.Join(slices.Concat(sshRequests, names), ", ")}}
	}
	if first == "" || second == "" && policy.OfTwo(request) {
		return nil, nil, usageError{hintError{fmt.Errorf("a path is missing"), "for example: gatefold check --user alice --request rename /srv/a /srv/b"}}
	}
	return policy.File(request, first, second, false), nil, nil
}

// checkSSH asks about a request of SSH.
func (m *Main) checkSSH(q *question, f checkFlags, args []string) (policy.Decision, error) {
	if f.request == "" {
		f.request = "exec"
	}
	if len(args) > 0 && args[0] == "-" {
		text, err := m.statementText("-")
		if err != nil {
			return policy.Decision{}, err
		}
		args = []string{strings.TrimSuffix(string(text), "\n")}
	}
	deed, facts, err := sshDeed(f.request, args)
	if err != nil {
		return policy.Decision{}, err
	}
	d := q.set.Decide(q.subject, q.target, q.env, deed)
	m.printDeed(deed, facts)
	word := wording(d)
	if d.Watched {
		word = strings.Replace(word, "allowed:", "allowed, watched:", 1)
	}
	fmt.Fprintf(m.Stdout, "%-11s %s\n", f.request, word)
	if f.request == "line" && !d.Allow {
		fmt.Fprintln(m.Stdout, "            the session would end before Enter is sent")
	}
	return d, nil
}

func (m *Main) printDeed(d *policy.Deed, f *shelltext.Facts) {
	if d.Understood {
		fmt.Fprintln(m.Stdout, "understood  yes")
	} else {
		fmt.Fprintf(m.Stdout, "understood  no: %s\n", d.Why)
	}
	if len(d.Programs) > 0 {
		fmt.Fprintf(m.Stdout, "programs    %s\n", strings.Join(d.Programs, ", "))
	}
	for _, e := range d.Effects {
		line := e.Action
		if e.Path != "" {
			line += " of " + e.Path
		} else if strings.HasPrefix(e.Action, "file_") {
			line += " of a file that can't be told"
		}
		if e.All {
			line += " and all below it"
		}
		fmt.Fprintf(m.Stdout, "effect      %s\n", line)
	}
	if f != nil && f.Masked != nil {
		fmt.Fprintf(m.Stdout, "recorded    %s\n", f.Masked)
	}
}
