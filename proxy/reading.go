package proxy

import (
	"strings"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/sqltext"
	"github.com/gatefold/gatefold/protocols"
)

// reading is what was understood of an action: the rest of the program's view of whatever language it came in. A protocol keeps
// it as protocols.Facts. The same reading of one text has one verdict until the world changes, and is a key for it.
type reading interface {
	// deed is what the policy decides on.
	deed() *policy.Deed
	// describe fills in what a record of it tells, and masks what it must not. By value: a pointer would put each record on
	// the heap.
	describe(record.Record) record.Record
	// secret reports whether the text holds one, which the target may quote.
	secret() bool
	// lasting reports whether its verdict may be kept.
	lasting() bool
}

// read tells what a is. nil: it needs no leave of its own.
func (s *session) read(a *protocols.Action) reading {
	if known, ok := a.Facts.(reading); ok && known != nil {
		return known
	}
	switch a.Record.Kind {
	case record.KindCancel, record.KindData, record.KindInput: // of one's own action; a long value goes on: its Bind was judged
		return nil
	case record.KindExec, record.KindLine, record.KindFile:
		return readSSH(a)
	case record.KindForward:
		if a.Refused == nil {
			a.Refused = errForward
		}
		return forward
	case record.KindCommand:
		if s.speaks == "ssh" {
			return readSSH(a)
		}
	}
	return sqlReading{s.factsOf(a)}
}

// sqlReading is a statement, or a command of a SQL protocol.
type sqlReading struct{ *sqltext.Facts }

func (f sqlReading) deed() *policy.Deed { return policy.Statement(f.Facts) }

func (f sqlReading) secret() bool { return f.Masked != nil }

func (f sqlReading) lasting() bool {
	return f.Understood && len(f.Masked)+16*(len(f.Tables)+len(f.Columns)+len(f.Functions)) <= maxKept
}

func (f sqlReading) describe(r record.Record) record.Record {
	if len(r.Text) == 0 {
		return r // an Execute's statement is described by its Parse
	}
	r.Digest, r.Actions, r.Tables, r.Columns = f.Digest, f.Actions, f.Tables, f.Columns
	if !f.Understood {
		r.Flags |= record.FlagUnread
	}
	if f.Masked != nil {
		r.Text = f.Masked
		r.Flags |= record.FlagMasked
	}
	return r
}

// factsOf is what is known of the statement or command that a is about.
func (s *session) factsOf(a *protocols.Action) *sqltext.Facts {
	switch a.Record.Kind {
	case record.KindCall:
		return sqltext.Call
	case record.KindCommand:
		object := string(a.Record.Text)
		if a.Reading.FoldNames {
			object = strings.ToLower(object)
		}
		return sqltext.Command(string(a.Record.Name), object).In(a.Reading.Schema)
	}
	if a.Unsure != "" {
		return sqltext.UnreadText(a.Record.Text, a.Unsure)
	}
	return s.g.Facts.Read(ReadingOf(&a.Reading), a.Record.Text).In(a.Reading.Schema)
}

// ReadingOf is how a text is read, without what its names are in.
func ReadingOf(r *protocols.Reading) sqltext.Reading {
	return sqltext.Reading{Dialect: sqltext.Dialect(r.Dialect), Version: r.Version, ANSIQuotes: r.ANSIQuotes,
		NoBackslashEscapes: r.NoBackslashEscapes, IgnoreSpace: r.IgnoreSpace, FoldNames: r.FoldNames, Latin1: r.Latin1}
}

// kept is what a prepared statement keeps of r: not the masked text, which is on record now, where it is long.
func kept(r reading) protocols.Facts {
	f, ok := r.(sqlReading)
	if !ok {
		return nil // nothing else is prepared
	}
	if len(f.Masked) <= maxKept {
		return r
	}
	short := *f.Facts
	short.Masked = []byte{} // not nil: there is a secret
	return sqlReading{&short}
}
