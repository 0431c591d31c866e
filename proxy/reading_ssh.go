package proxy

import (
	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/shelltext"
	"github.com/gatefold/gatefold/protocols"
)

// readSSH tells what a request of SSH is: a command line, a file operation, a variable.
func readSSH(r *record.Record) reading {
	text, name := string(r.Text), string(r.Name)
	switch r.Kind {
	case record.KindLine:
		f := shelltext.Read(text)
		return &sshReading{policy.Line(text, f), f.Masked}
	case record.KindFile:
		second := ""
		if len(r.Params) > 0 {
			second = string(r.Params[0].Value)
		}
		return &sshReading{policy.File(name, text, second), nil}
	case record.KindCommand:
		if name == "env" {
			return &sshReading{policy.Variable(text), shelltext.MaskVariable(text)}
		}
		return &sshReading{policy.Unknown("the request is not known"), nil}
	}
	switch name {
	case "shell":
		return &sshReading{policy.Shell(), nil}
	case "subsystem":
		return &sshReading{policy.Subsystem(text), nil}
	}
	f := shelltext.Read(text)
	return &sshReading{policy.Exec(text, f), f.Masked}
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
	r.Actions = d.Actions
	if !d.Understood && (r.Kind == record.KindExec || r.Kind == record.KindLine) {
		r.Flags |= record.FlagUnread
	}
	if d.masked != nil {
		r.Text = d.masked
		r.Flags |= record.FlagMasked
	}
	return r
}
