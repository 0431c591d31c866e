package replay

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Brief writes hits for a list: who, where and when, what, and what came of it, on two or three lines.
type Brief struct {
	Width  int // characters
	Colour bool
	Zone   *time.Location
	Query  *Query // what was looked for, so that of many lines the one is shown that has it; nil: the first is
}

const briefMargin = "    "

// Text is one hit, with its last line's end. Nothing recorded can take hold of the terminal.
func (b *Brief) Text(h *Hit) string {
	var out bytes.Buffer
	p := pen{w: bufio.NewWriter(&out), colour: b.Colour}
	s, r := &h.Session, &h.Record
	p.paint(dim, time.Unix(0, r.At).In(b.Zone).Format("2006-01-02 15:04:05.000")+"  ")
	p.paint(cyan, fmt.Sprintf("%.18s #%d", s.ID, r.Seq))
	p.line("  " + Line([]byte(whose(s)), b.Width-51))
	p.line(briefMargin + b.what(h))
	if came := Outcome(h); came != "" && r.Kind != record.KindClose {
		p.paint(outcomeColour(h), briefMargin+Line([]byte(came), b.Width-len(briefMargin))+"\n")
	}
	p.w.Flush()
	return out.String()
}

// whose says whose session it was.
func whose(s *record.Session) string {
	text := orDash(s.User) + " on " + orDash(s.Target) + with("/", s.Database)
	if s.Account != "" && s.Account != s.User {
		text += " as " + s.Account
	}
	return text
}

// what is what was done, with its parameters, on one line.
func (b *Brief) what(h *Hit) string {
	width := b.Width - len(briefMargin)
	var text string
	switch h.Record.Kind {
	case record.KindQuery, record.KindExecute, record.KindExec:
		text = Line(h.Text(), width)
		if h.fetches() {
			text = Line([]byte(headline(h)), width)
		}
		if len(h.stated().Erased) > 0 {
			text = erasedNote
		}
	case record.KindOpen:
		text = Line([]byte("session opened from "+h.Session.Client+with(" with ", h.Session.App)), width)
	case record.KindJoin:
		text = Line(fmt.Appendf(nil, "logged in to %s, pid %d", orDash(h.Record.Peer), h.Record.PID), width)
	case record.KindScreen, record.KindOutput:
		text = Line(append([]byte(channelOf(&h.Record)), b.found(h)...), width)
	default:
		text = Line([]byte(headline(h)), width)
	}
	if params := h.Params(); len(params) > 0 && !ofSSH(&h.Record) && h.Record.Kind != record.KindParse {
		shown := make([]string, len(params))
		for i := range params {
			shown[i] = showParam(&params[i])
		}
		room := max(width-len(text)-3, 0)
		if list := Line([]byte(strings.Join(shown, ", ")), max(room, 20)); len(list)+3 <= room {
			text += " [" + list + "]"
		} else {
			text += "\n" + briefMargin + "[" + Line([]byte(strings.Join(shown, ", ")), width-2) + "]"
		}
	}
	return text
}

// found is the first line of what was shown in which something is that was looked for.
func (b *Brief) found(h *Hit) []byte {
	text := h.Text()
	if b.Query == nil {
		return text
	}
	for line := range bytes.Lines(text) {
		if b.Query.touches(&record.Record{Kind: h.Record.Kind, Text: line}) {
			return line
		}
	}
	return text
}

// Found is a hit as NDJSON.
type Found struct {
	Session   string     `json:"session"`
	Seq       uint64     `json:"seq"`
	User      string     `json:"user"`
	Account   string     `json:"account,omitempty"`
	Target    string     `json:"target,omitempty"`
	Database  string     `json:"database,omitempty"`
	Client    string     `json:"client,omitempty"`
	Text      *Value     `json:"text,omitempty"`
	Params    []Param    `json:"params,omitempty"`
	Cursor    string     `json:"cursor"` // for going on behind it
	Record    Exported   `json:"record"`
	Statement *Exported  `json:"statement,omitempty"`
	Bind      *Exported  `json:"bind,omitempty"`
	Long      []Exported `json:"long,omitempty"`
	Result    *Exported  `json:"result,omitempty"`
}

// JSON is the hit for programs.
func (h *Hit) JSON() Found {
	s := &h.Session
	var long []Exported
	for _, r := range h.Long {
		long = append(long, newExported(r))
	}
	return Found{
		Session: s.ID.String(), Seq: h.Record.Seq, User: s.User, Account: s.Account, Target: s.Target, Database: s.Database,
		Client: s.Client, Text: optional(h.Text()), Params: params(h.bound().Kind, h.Params()), Cursor: h.Cursor(), Record: newExported(&h.Record),
		Statement: exportedOr(h.Statement), Bind: exportedOr(h.Bind), Long: long, Result: exportedOr(h.Result),
	}
}

func exportedOr(r *record.Record) *Exported {
	if r == nil {
		return nil
	}
	e := newExported(r)
	return &e
}
