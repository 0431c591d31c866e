package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

const scriptHead = `-- Written by gatefold export --format sql. What was not done, or can't be done again from the record, is commented out,
-- with the reason. A text of several statements runs one by one here; it was one transaction. What a pipeline had done
-- before an error in it was undone with it: that is not known here.
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';
`

// Script writes the statements of these sessions as SQL for psql, in the order in which they ran, with their parameters
// as constants. Which of them, only says; nil: all. The first thing that can't be read ends it: a script is whole or says
// that it isn't.
func Script(ctx context.Context, w io.Writer, src Source, sessions []record.Session, only func(*Hit) bool) error {
	s := &script{w: bufio.NewWriter(w)}
	s.w.WriteString(scriptHead)
	for _, session := range sessions {
		s.begin(&session)
		for h, err := range Story(ctx, src, session) {
			if err != nil {
				return errors.Join(fmt.Errorf("session %v: %w", session.ID, err), s.w.Flush())
			}
			s.hit(&h, only == nil || only(&h))
			if err := s.broken(); err != nil {
				return err
			}
		}
	}
	return s.w.Flush()
}

// script writes one session after the other.
type script struct {
	w        *bufio.Writer
	protocol string
	odd      map[string]string // settings under which texts may read otherwise, that the session had
	going    uint64            // Seq of the Bind whose portal has more rows to give
}

// broken is what the output said: writing a script takes long, and its reader may have gone.
func (s *script) broken() error {
	_, err := s.w.Write(nil)
	return err
}

func (s *script) begin(session *record.Session) {
	s.protocol, s.odd, s.going = session.Protocol, make(map[string]string), 0
	s.w.WriteByte('\n')
	s.comment("session " + session.ID.String())
	s.comment(fmt.Sprintf("%s as %s on %s%s, from %s", orDash(session.User), orDash(session.Account), orDash(session.Target),
		with("/", session.Database), time.Unix(0, session.Opened).UTC().Format(time.RFC3339)))
}

// comment writes one line that is none to the server, whatever is in it.
func (s *script) comment(text string) { s.w.WriteString("-- " + Safe(text) + "\n") }

// hit writes one thing that was done, if it is one that a script can tell.
func (s *script) hit(h *Hit, wanted bool) {
	r := &h.Record
	switch r.Kind {
	case record.KindState:
		s.note(string(r.Name), string(r.Text))
		return
	case record.KindGap:
		s.w.WriteByte('\n')
		s.comment(headline(h))
		return
	case record.KindQuery, record.KindExecute, record.KindCall:
	default:
		return
	}
	more := s.more(h)
	if !wanted {
		return
	}
	s.w.WriteByte('\n')
	s.comment(fmt.Sprintf("#%d %s, %s", r.Seq, time.Unix(0, r.At).UTC().Format("2006-01-02 15:04:05.000"), Outcome(h)))
	if more {
		s.comment("more rows of the same: it is not run again")
		return
	}
	s.statement(h)
}

func (s *script) statement(h *Hit) {
	if why := s.unfit(h); why != "" {
		s.withheld(h, why)
		return
	}
	sql, err := BindSQL(string(h.Text()), h.Params())
	switch {
	case err != nil:
		s.withheld(h, err.Error())
	case h.Result == nil || h.Result.Outcome != record.OutcomeDone:
		s.aside(sql)
	case string(h.Result.Text) == "ROLLBACK" && !containsFold(sql, "rollback"):
		s.aside(sql)
		s.w.WriteString("ROLLBACK; -- the transaction had failed\n")
	default:
		s.w.WriteString(sql + "\n")
	}
}

// note keeps what a setting that changes the meaning of texts is.
func (s *script) note(name, value string) {
	usual := map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"}
	want, ok := usual[name]
	switch {
	case ok && value == want:
		delete(s.odd, name)
	case ok:
		s.odd[name] = value
	}
}

// more reports whether an execution only went on with what another began.
func (s *script) more(h *Hit) bool {
	bind := uint64(0)
	if h.Bind != nil {
		bind = h.Bind.Seq
	}
	more := bind != 0 && bind == s.going
	s.going = 0
	if h.Result != nil && h.Result.Flags&record.FlagSuspended != 0 {
		s.going = bind
	}
	return more
}

// unfit says why a statement isn't what ran, or would not do what it did; empty: it is.
func (s *script) unfit(h *Hit) string {
	stated, bound := h.stated(), h.bound()
	text := string(stated.Text)
	switch {
	case h.Record.Kind == record.KindCall:
		return "a call of a function by its number is no statement"
	case s.protocol != "" && s.protocol != "postgres":
		return "this is no PostgreSQL"
	case len(stated.Erased) > 0:
		return "its text was erased"
	case len(bound.Erased) > 0:
		return "its parameters were erased"
	case text == "":
		return "its text is not in the record"
	case stated.Flags&record.FlagMore != 0 || stated == bound && stated.Length > uint64(len(text)):
		return "its text is not whole in the record"
	case bound.Flags&record.FlagMore != 0 || len(bound.Hash) > 0:
		return "its parameters are not whole in the record"
	case stated.Flags&record.FlagMasked != 0:
		return "a secret in it was masked"
	case s.odd["standard_conforming_strings"] != "" && strings.Contains(text, `\`):
		return "it was read with standard_conforming_strings off, which its backslashes depend on"
	case s.odd["client_encoding"] != "" && strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }):
		return "it was sent in " + s.odd["client_encoding"]
	case h.Result != nil && len(h.Result.Hash) > 0 && containsFold(text, "stdin"):
		return "the data that it took is counted and hashed, not kept"
	}
	return ""
}

// withheld writes a statement that can't be written as what ran, for eyes.
func (s *script) withheld(h *Hit, why string) {
	s.comment("not written: " + why)
	if text := h.Text(); len(text) > 0 {
		s.aside(string(text))
	}
	for i, p := range h.Params() {
		s.comment("  $" + strconv.Itoa(i+1) + " = " + showParam(&p))
	}
}

// aside comments out. A line ends for the server where a carriage return stands: there is none left.
func (s *script) aside(sql string) {
	for line := range strings.SplitSeq(string(appendSafe(nil, []byte(sql), true)), "\n") {
		s.w.WriteString("-- " + line + "\n")
	}
}

// ScriptHits writes the statements that q finds, session by session, the oldest first.
func ScriptHits(ctx context.Context, w io.Writer, src Source, q *Query) error {
	type found map[uint64]bool
	seqs := make(map[record.ID]found)
	var sessions []record.Session
	for h, err := range Search(ctx, src, q) {
		if err != nil {
			return err
		}
		id := h.Session.ID
		if seqs[id] == nil {
			seqs[id] = make(found)
			sessions = append(sessions, h.Session)
		}
		if seqs[id][h.Record.Seq] = true; len(sessions) > maxScripted {
			return fmt.Errorf("write script: more than %d sessions said this: ask for less", maxScripted)
		}
	}
	byOpening(sessions)
	return Script(ctx, w, src, sessions, func(h *Hit) bool { return seqs[h.Session.ID][h.Record.Seq] })
}

// maxScripted is of how many sessions a script of what was found tells.
const maxScripted = 10_000
