package mysql

import (
	"fmt"
	"strings"
	"sync"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// tape is a Session that writes down in words what it is asked and told. What it answers depends on the statement's
// text: "forbidden" is denied, so is what can't be read for sure; "later" is denied when it is executed; "pending" is
// answered when the machine waits for it.
type tape struct {
	mu    sync.Mutex
	lines []string
	seq   uint64
	open  map[uint64]bool // actions without a Result
	fault string          // a breach of the contract

	lenient bool // what can't be read for sure is allowed
}

// known is the tape's Facts: the statement's text.
type known string

func newTape() *tape { return &tape{open: map[uint64]bool{}} }

func (t *tape) Ask(a protocols.Action) protocols.Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	answer := protocols.Answer{Verdict: record.VerdictAllow, Seq: t.seq, Facts: a.Facts}
	if a.Facts == nil && len(a.Record.Text) > 0 {
		answer.Facts = known(a.Record.Text)
	}
	text, _ := answer.Facts.(known)
	switch later := strings.Contains(string(text), "later"); {
	case a.Record.Kind == record.KindCancel || a.Record.Kind == record.KindData:
	case a.Unsure != "" && !t.lenient:
		answer.Refusal = &protocols.Error{Class: protocols.ClassDenied, Message: "not understood", Detail: a.Unsure, Rule: "r0"}
	case strings.Contains(string(text), "forbidden"), later && a.Record.Kind == record.KindExecute:
		answer.Refusal = &protocols.Error{Class: protocols.ClassDenied, Message: "refused by policy", Hint: "Ask first.", Rule: "r1"}
	}
	if answer.Refusal != nil {
		answer.Verdict = record.VerdictDeny
	}
	if a.Record.Kind.Action() {
		t.open[t.seq] = true
	}
	t.lines = append(t.lines, fmt.Sprintf("%d %s", t.seq, t.asked(&a, answer.Verdict)))
	if strings.Contains(string(text), "pending") && a.Record.Kind == record.KindQuery {
		ready := make(chan protocols.Answer, 1)
		ready <- answer
		return protocols.Answer{Verdict: record.VerdictWait, Seq: t.seq, Ready: ready}
	}
	return answer
}

func (t *tape) asked(a *protocols.Action, v record.Verdict) string {
	line := strings.ToLower(v.String()) + " " + describeRecord(a.Record)
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

func (t *tape) Tell(r record.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	if r.Kind == record.KindResult {
		if r.Of == 0 || r.Of >= t.seq {
			t.fault = fmt.Sprintf("a Result of nothing: %s", describeRecord(r))
		}
		delete(t.open, r.Of)
	}
	t.lines = append(t.lines, fmt.Sprintf("%d %s", t.seq, describeRecord(r)))
	return nil
}

func (t *tape) Sync() error { return nil }

// text is all lines so far.
func (t *tape) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// describeRecord writes a record's fields that are set.
func describeRecord(r record.Record) string {
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
	field(len(r.Text) > 0, "%q", brief(r.Text))
	for _, p := range r.Params {
		if p.Null {
			field(true, "$%d=null", p.Type)
		} else {
			field(true, "$%d=%q", p.Type, brief(p.Value))
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

func brief(b []byte) []byte {
	if len(b) > 80 {
		return append(append([]byte{}, b[:70]...), "..."...)
	}
	return b
}
