package protocoltest

import (
	"fmt"
	"strings"
	"sync"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// Words is a Session that writes down in words what it is asked and told. What it answers depends on the statement's
// text: "forbidden" is denied, so is what can't be read for sure; "later" is denied when it is executed; "pending" is
// answered when the machine waits for it.
type Words struct {
	mu    sync.Mutex
	Lines []string
	seq   uint64
	Open  map[uint64]bool // actions without a Result
	Fault string          // a breach of the contract

	Lenient bool // what can't be read for sure is allowed
}

// known is the tape's Facts: the statement's text.
type known string

// NewWords is a tape of a session of which nothing is known yet.
func NewWords() *Words { return &Words{Open: map[uint64]bool{}} }

func (w *Words) Ask(a protocols.Action) protocols.Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	answer := protocols.Answer{Verdict: record.VerdictAllow, Seq: w.seq, Facts: a.Facts}
	if a.Facts == nil && len(a.Record.Text) > 0 {
		answer.Facts = known(a.Record.Text)
	}
	text, _ := answer.Facts.(known)
	switch later := strings.Contains(string(text), "later"); {
	case a.Record.Kind == record.KindCancel || a.Record.Kind == record.KindData:
	case a.Unsure != "" && !w.Lenient:
		answer.Refusal = &protocols.Error{Class: protocols.ClassDenied, Message: "not understood", Detail: a.Unsure, Rule: "r0"}
	case strings.Contains(string(text), "forbidden"), later && a.Record.Kind == record.KindExecute:
		answer.Refusal = &protocols.Error{Class: protocols.ClassDenied, Message: "refused by policy", Hint: "Ask first.", Rule: "r1"}
	}
	if answer.Refusal != nil {
		answer.Verdict = record.VerdictDeny
	}
	if a.Record.Kind.Action() {
		w.Open[w.seq] = true
	}
	w.Lines = append(w.Lines, fmt.Sprintf("%d %s", w.seq, asked(&a, answer.Verdict)))
	if strings.Contains(string(text), "pending") && a.Record.Kind == record.KindQuery {
		ready := make(chan protocols.Answer, 1)
		ready <- answer
		return protocols.Answer{Verdict: record.VerdictWait, Seq: w.seq, Ready: ready}
	}
	return answer
}

func asked(a *protocols.Action, v record.Verdict) string {
	line := strings.ToLower(v.String()) + " " + Describe(a.Record)
	if a.Unsure != "" {
		line += fmt.Sprintf(" unsure=%q", a.Unsure)
	}
	if a.Facts != nil {
		line += fmt.Sprintf(" facts=%q", a.Facts)
	}
	if a.Reading.Schema != "" {
		line += " in=" + a.Reading.Schema
	}
	if a.Reading.ANSIQuotes {
		line += " ansi"
	}
	if a.Reading.NoBackslashEscapes {
		line += " raw"
	}
	return line
}

func (w *Words) Tell(r record.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	if r.Kind == record.KindResult {
		if r.Of == 0 || r.Of >= w.seq {
			w.Fault = fmt.Sprintf("a Result of nothing: %s", Describe(r))
		}
		delete(w.Open, r.Of)
	}
	w.Lines = append(w.Lines, fmt.Sprintf("%d %s", w.seq, Describe(r)))
	return nil
}

func (w *Words) Sync() error { return nil }

// Text is all lines so far.
func (w *Words) Text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.Lines, "\n")
}

// Describe writes a record's fields that are set.
func Describe(r record.Record) string {
	var b strings.Builder
	b.WriteString(r.Kind.String())
	field := func(set bool, format string, args ...any) {
		if set {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	field(r.Of != 0, "of=%d", r.Of)
	field(r.Outcome != 0, "%s", r.Outcome)
	field(len(r.Name) > 0, "name=%s", r.Name)
	field(len(r.Portal) > 0, "portal=%s", r.Portal)
	field(len(r.Text) > 0, "%q", Brief(r.Text))
	for _, p := range r.Params {
		switch {
		case r.Kind == record.KindParse:
			field(true, "$%d", p.Type)
		case p.Null:
			field(true, "$%d=null", p.Type)
		case p.Format == 1: // binary, of Postgres
			field(true, "$%d=x%x", p.Type, Brief(p.Value))
		default:
			field(true, "$%d=%q", p.Type, Brief(p.Value))
		}
	}
	field(r.Rows != 0, "rows=%d", r.Rows)
	field(r.Bytes != 0, "bytes=%d", r.Bytes)
	field(r.Length != 0, "length=%d", r.Length)
	field(r.InsertID != 0, "id=%d", r.InsertID)
	field(r.Warnings != 0, "warnings=%d", r.Warnings)
	field(len(r.Code) > 0, "code=%s", r.Code)
	field(len(r.Message) > 0, "message=%q", r.Message)
	field(len(r.Hash) > 0, "hash=%.4x", r.Hash)
	field(r.Flags&record.FlagMore != 0, "more")
	field(r.Flags&record.FlagSuspended != 0, "suspended")
	field(r.Flags&record.FlagUnread != 0, "unread")
	return b.String()
}

// Brief is the beginning of what is long.
func Brief(b []byte) []byte {
	if len(b) > 80 {
		return append(append([]byte{}, b[:70]...), "..."...)
	}
	return b
}
