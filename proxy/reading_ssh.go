package proxy

import (
	"strings"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/shelltext"
	"github.com/gatefold/gatefold/protocols"
)

// readSSH tells what a request of SSH is: a command line, a file operation, a variable.
func readSSH(a *protocols.Action) reading {
	r := &a.Record
	text, name := string(r.Text), string(r.Name)
	switch r.Kind {
	case record.KindLine:
		f := shelltext.Read(text)
		return &sshReading{policy.Line(text, f), f.Masked}
	case record.KindFile:
		return &sshReading{policy.File(name, text, secondPath(name, r), cuts(r)), nil}
	case record.KindCommand:
		if name == "env" {
			return &sshReading{policy.Variable(text), shelltext.MaskVariable(text)}
		}
		return &sshReading{policy.Unknown("the request is not known"), nil}
	}
	switch name {
	case shell:
		return &sshReading{policy.Shell(), nil}
	case subsystem:
		return &sshReading{policy.Subsystem(text), nil}
	}
	f := shelltext.Read(text)
	return &sshReading{policy.Exec(text, f), f.Masked}
}

// secondPath is that of a file operation on two, or of one whose file is in either of two places; empty: there is none.
func secondPath(operation string, r *record.Record) string {
	second := policy.OfTwo(operation) || operation == "open-write" || operation == "mkdir"
	if second && len(r.Params) > 0 {
		return string(r.Params[0].Value)
	}
	return ""
}

// cuts reports whether a change of attributes sets a file's size, which does away with what was in it.
func cuts(r *record.Record) bool {
	if string(r.Name) != "setstat" {
		return false
	}
	for _, p := range r.Params {
		for field := range strings.FieldsSeq(string(p.Value)) {
			if strings.HasPrefix(field, "size=") {
				return true
			}
		}
	}
	return false
}

// forward is a connection through this one. gatefold carries none: it is asked to have it on record.
var forward = &sshReading{policy.Unknown("a forward"), nil}

var errForward = &protocols.Error{Class: protocols.ClassUnsupported, Message: "gatefold carries no forwards"}

// sshReading is a request of SSH. It is made anew for each: what is asked is new most times.
type sshReading struct {
	*policy.Deed
	masked []byte // nil: there is no secret
}

func (d *sshReading) deed() *policy.Deed { return d.Deed }

func (d *sshReading) secret() bool { return d.masked != nil }

func (d *sshReading) lasting() bool { return false }

func (d *sshReading) describe(r record.Record) record.Record {
	r.Actions, r.Programs, r.Paths = d.Actions, d.Programs, d.Paths()
	if !d.Understood && (r.Kind == record.KindExec || r.Kind == record.KindLine) {
		r.Flags |= record.FlagUnread
	}
	if d.masked != nil {
		r.Text = d.masked
		r.Flags |= record.FlagMasked
	}
	return r
}
