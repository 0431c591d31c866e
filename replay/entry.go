package replay

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

const margin = "              " // below the offset

// entry writes one thing that was done or said.
func (t *transcript) entry(h *Hit, marked bool) {
	r := &h.Record
	if h.told {
		t.answered(h)
		return
	}
	t.play(r.At)
	if gap := time.Duration(r.At - t.last); t.last != 0 && gap >= pause {
		t.paint(dim, margin+"... "+lasted(gap)+" later ...\n")
	}
	t.last = r.At
	sign := " "
	if marked {
		sign = ">"
	}
	t.paint(dim, fmt.Sprintf("%s %11s ", sign, "+"+offset(time.Duration(r.At-t.session.Opened))))
	t.paint(colourOf(h), headline(h))
	t.paint(dim, fmt.Sprintf("  #%d\n", r.Seq))
	if !ofSSH(r) {
		t.params(h)
	}
	if h.Result != nil {
		t.play(h.Result.At)
	}
	runs := r.Kind == record.KindExec && h.Result == nil && r.Verdict != record.VerdictDeny // its end is told when it comes
	if what := Outcome(h); what != "" && r.Kind != record.KindClose && !runs {
		t.paint(dim, margin+"  ")
		t.paint(outcomeColour(h), what+"\n")
	}
	if h.Result != nil && h.Result.At > t.last {
		t.last = h.Result.At
	}
}

// params writes what an execution ran with.
func (t *transcript) params(h *Hit) {
	if h.Record.Kind == record.KindParse {
		return // types only
	}
	for i, p := range h.Params() {
		t.line(fmt.Sprintf("%s  %s = %s", margin, h.paramName(i), showParam(&p)))
	}
	for _, b := range h.behind() {
		if b.Kind == record.KindBind && len(b.Erased) > 0 {
			t.line(margin + "  its parameters were erased")
			break
		}
	}
}

// paramName is how people call a parameter.
func (h *Hit) paramName(i int) string {
	mark := "$"
	switch {
	case h.Session.Protocol == mysqlProtocol && h.Record.Kind == record.KindQuery:
		mark = "attribute "
	case h.Session.Protocol == mysqlProtocol:
		mark = "?"
	}
	return mark + strconv.Itoa(i+1)
}

// answered writes what came of an action that was written before, without.
func (t *transcript) answered(h *Hit) {
	at := h.Result.At
	t.paint(dim, fmt.Sprintf("  %11s ", "+"+offset(time.Duration(at-t.session.Opened))))
	t.paint(outcomeColour(h), fmt.Sprintf("#%d %s", h.Record.Seq, Outcome(h)))
	t.paint(dim, fmt.Sprintf("  #%d\n", h.Result.Seq))
	t.last = max(t.last, at)
}

// headline is what was done or said, with lines below its first indented.
func headline(h *Hit) string {
	r := &h.Record
	text := showText(h.Text())
	if len(h.stated().Erased) > 0 {
		text = erasedNote
	}
	switch r.Kind {
	case record.KindQuery, record.KindExecute:
		if h.fetches() {
			return "fetch more rows of: " + text
		}
		if text == "" {
			text = "(a statement that is not in the record)"
		}
		return text + flagsNote(h)
	case record.KindParse:
		return "prepare" + with(" ", Safe(string(r.Name))) + ": " + text
	case record.KindBind:
		return "bind" + with(" ", Safe(string(r.Portal))) + ": " + text
	case record.KindCall:
		return "call of function " + text
	case record.KindCommand:
		return "(" + strings.TrimSpace(Safe(string(r.Name))+" "+text) + ")"
	case record.KindCancel:
		return "cancel request" + ofNote(r) + with(": ", text) + with(", ", message(r))
	case record.KindNotice:
		return "notice: " + message(r)
	case record.KindState:
		if attribute, ok := strings.CutPrefix(string(r.Name), "attribute "); ok {
			return "the client says " + Safe(attribute) + " = " + text
		}
		return "the target reports " + Safe(string(r.Name)) + " = " + text
	case record.KindExec, record.KindInput, record.KindOutput, record.KindResize, record.KindFile, record.KindForward, record.KindSignal,
		record.KindLine, record.KindScreen:
		return headlineSSH(h)
	case record.KindClose:
		return "closed: " + Outcome(h)
	case record.KindGap:
		return "records are missing: " + quantity(r.Rows, "record", "records") + with(", ", message(r))
	case record.KindRedact:
		return "erased what was said in #" + strconv.FormatUint(r.Of, 10) + parentNote(r) + with(": ", message(r))
	}
	return strings.TrimSpace(r.Kind.String() + " " + text + with(" ", message(r)))
}

const erasedNote = "(what stood here was erased)"

func ofNote(r *record.Record) string {
	if r.Of == 0 {
		return ""
	}
	return " of #" + strconv.FormatUint(r.Of, 10)
}

func parentNote(r *record.Record) string {
	if r.Parent.IsZero() {
		return ""
	}
	return " of session " + r.Parent.String()
}

// showText writes a statement over as many lines as it has.
func showText(text []byte) string {
	cut := ""
	if len(text) > maxShown {
		cut = fmt.Sprintf("\n... and %d bytes more (gatefold export has all)", len(text)-maxShown)
		text = text[:maxShown]
	}
	s := strings.TrimSpace(string(appendSafe(nil, text, true))) + cut
	return strings.ReplaceAll(s, "\n", "\n"+margin)
}

func flagsNote(h *Hit) string {
	var notes []string
	for _, f := range h.flags() {
		switch f {
		case "masked":
			notes = append(notes, "a secret in it was masked")
		case "unread":
			notes = append(notes, "the policy could not read it")
		case "more":
			notes = append(notes, "it goes on")
		}
	}
	if len(notes) == 0 {
		return ""
	}
	return "  (" + strings.Join(notes, ", ") + ")"
}

// showParam writes a parameter as one would in SQL.
func showParam(p *record.Param) string {
	switch {
	case p.Null && p.Format == record.FormatMySQL && p.Type&record.DefaultType != 0:
		return "DEFAULT"
	case p.Null && p.Format == record.FormatMySQL && p.Type&record.IgnoreType != 0:
		return "(left as it is)"
	case p.Null:
		return "NULL"
	}
	text := clip(string(appendSafe(nil, p.AppendText(nil), false)), maxParam, false)
	if strings.HasSuffix(text, "...") && len(p.Value) > maxParam {
		return "'" + text + "' (" + strconv.Itoa(len(p.Value)) + " bytes)"
	}
	return "'" + text + "'"
}

// Outcome is what came of an action, on one line; empty: it speaks for itself.
func Outcome(h *Hit) string {
	r := h.answer()
	switch {
	case h.Record.Verdict == record.VerdictDeny:
		return "refused" + with(" by ", Safe(h.Record.Rule)) + with(": ", message(r))
	case h.Result == nil && h.Record.Kind == record.KindClose:
		return r.Outcome.String() + with(": ", message(r))
	case h.Result == nil && h.Record.Kind.Action():
		return "no answer yet"
	case h.Result == nil:
		return ""
	}
	parts := []string{r.Outcome.String()}
	if len(r.Erased) > 0 {
		parts = append(parts, "what it said was erased")
	}
	switch {
	case h.Record.Kind == record.KindExec && len(r.Code) > 0:
		parts[0] += exitStatus(r)
	case len(r.Code) > 0 || len(r.Message) > 0:
		parts[0] += ": " + message(r)
	}
	counted := bytes.HasSuffix(r.Text, strconv.AppendUint([]byte{' '}, r.Rows, 10)) // "SELECT 4", "INSERT 0 1"
	if len(r.Text) > 0 && !counted {
		parts = append(parts, Safe(string(r.Text)))
	}
	if what := transferred(h); what != "" {
		parts = append(parts, what)
	}
	if counted || r.Rows > 0 {
		parts = append(parts, quantity(r.Rows, "row", "rows"))
	}
	if r.InsertID != 0 {
		parts = append(parts, "insert id "+strconv.FormatUint(r.InsertID, 10))
	}
	if r.Warnings != 0 {
		parts = append(parts, quantity(r.Warnings, "warning", "warnings"))
	}
	if r.Flags&record.FlagSuspended != 0 {
		parts = append(parts, "more to come")
	}
	if len(r.Hash) > 0 && !ofSSH(&h.Record) {
		parts = append(parts, fmt.Sprintf("%s of data, SHA-256 %.12x...", quantity(r.Bytes, "byte", "bytes"), r.Hash))
	}
	if r.Took > 0 {
		parts = append(parts, lasted(time.Duration(r.Took)))
	}
	return strings.Join(parts, ", ")
}

// message is an error or a notice with its code.
func message(r *record.Record) string {
	code, text := Safe(string(r.Code)), Safe(string(r.Message))
	if code != "" && text != "" {
		return code + " " + text
	}
	return code + text
}

func colourOf(h *Hit) string {
	switch h.Record.Kind {
	case record.KindNotice, record.KindState, record.KindClose, record.KindResize, record.KindInput, record.KindSignal:
		return dim
	case record.KindScreen, record.KindOutput:
		return ""
	case record.KindLine:
		return cyan
	case record.KindGap, record.KindRedact:
		return red
	case record.KindCancel:
		return yellow
	}
	return bold
}

func outcomeColour(h *Hit) string {
	switch r := h.answer(); {
	case h.Record.Verdict == record.VerdictDeny:
		return red
	case h.Result == nil || r.Outcome == record.OutcomeDone:
		return dim
	case r.Outcome == record.OutcomeFailed || r.Outcome == record.OutcomeRefused:
		return red
	}
	return yellow
}
