package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Script writes the statements of these sessions as SQL for psql or for MySQL's client, in the order in which they ran, with
// their parameters as constants. Which of them, only says; nil: all. The language is that of the first session that speaks
// one; what was said in another is commented out. The first thing that can't be read ends it: a script is whole or says that
// it isn't.
func Script(ctx context.Context, w io.Writer, src Source, sessions []record.Session, only func(*Hit) bool) error {
	s := &script{w: bufio.NewWriter(w), lang: languageOf(sessions)}
	s.w.WriteString(s.lang.head())
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

// language is what a protocol's statements are written in. It follows one session after the other.
type language interface {
	// speaks reports whether a protocol's statements are in it.
	speaks(protocol string) bool
	name() string
	// head is what a script begins with.
	head() string
	// begin forgets the session before; it gives what a session's statements begin with.
	begin(*record.Session) string
	// note takes a setting that the target reported; it gives what a script has to say of it.
	note(name, value string) string
	// unfit says why a text isn't what ran, or would not do what it did; empty: it is.
	unfit(h *Hit, text string) string
	// write gives the statements of a hit, with their last line's end.
	write(h *Hit) (string, error)
	// command gives what a script has to say of a command without a statement; empty: nothing.
	command(h *Hit) string
}

// languageOf is the language that the first of these sessions speaks that speaks one.
func languageOf(sessions []record.Session) language {
	for i := range sessions {
		for _, lang := range []language{&postgresScript{}, &mysqlScript{}} {
			if lang.speaks(sessions[i].Protocol) {
				return lang
			}
		}
	}
	return &postgresScript{}
}

// script writes one session after the other.
type script struct {
	w     *bufio.Writer
	lang  language
	heard bool   // the session speaks lang
	going uint64 // Seq of the Bind whose portal has more rows to give
}

// broken is what the output said: writing a script takes long, and its reader may have gone.
func (s *script) broken() error {
	_, err := s.w.Write(nil)
	return err
}

func (s *script) begin(session *record.Session) {
	s.heard, s.going = s.lang.speaks(session.Protocol), 0
	s.w.WriteByte('\n')
	s.comment("session " + session.ID.String())
	s.comment(fmt.Sprintf("%s as %s on %s%s, from %s", orDash(session.User), orDash(session.Account), orDash(session.Target),
		with("/", session.Database), time.Unix(0, session.Opened).UTC().Format(time.RFC3339)))
	if first := s.lang.begin(session); s.heard {
		s.w.WriteString(first)
	}
}

// comment writes one line that is none to the server, whatever is in it.
func (s *script) comment(text string) { s.w.WriteString("-- " + Safe(text) + "\n") }

// hit writes one thing that was done, if it is one that a script can tell.
func (s *script) hit(h *Hit, wanted bool) {
	r := &h.Record
	switch r.Kind {
	case record.KindState:
		if s.heard {
			s.w.WriteString(s.lang.note(string(r.Name), string(r.Text)))
		}
		return
	case record.KindGap:
		s.w.WriteByte('\n')
		s.comment(headline(h))
		return
	case record.KindCommand:
		if text := s.lang.command(h); text != "" && s.heard && wanted {
			s.titled(h)
			s.done(h, text)
		}
		return
	case record.KindQuery, record.KindExecute, record.KindCall:
	default:
		return
	}
	more := s.more(h)
	if !wanted {
		return
	}
	s.titled(h)
	if more {
		s.comment("more rows of the same: it is not run again")
		return
	}
	s.statement(h)
}

// titled begins what a script has to say of a hit.
func (s *script) titled(h *Hit) {
	s.w.WriteByte('\n')
	s.comment(fmt.Sprintf("#%d %s, %s", h.Record.Seq, time.Unix(0, h.Record.At).UTC().Format("2006-01-02 15:04:05.000"), Outcome(h)))
}

func (s *script) statement(h *Hit) {
	if why := s.unfit(h); why != "" {
		s.withheld(h, why)
		return
	}
	sql, err := s.lang.write(h)
	if err != nil {
		s.withheld(h, err.Error())
		return
	}
	s.done(h, sql)
}

// done writes what was done; what was not, commented out.
func (s *script) done(h *Hit, sql string) {
	switch {
	case h.Result == nil || h.Result.Outcome != record.OutcomeDone:
		s.aside(strings.TrimSuffix(sql, "\n"))
	case string(h.Result.Text) == "ROLLBACK" && !containsFold(sql, "rollback"): // PostgreSQL's answer to a COMMIT
		s.aside(strings.TrimSuffix(sql, "\n"))
		s.w.WriteString("ROLLBACK; -- the transaction had failed\n")
	default:
		s.w.WriteString(sql)
	}
}

// more reports whether an execution only went on with what another began.
func (s *script) more(h *Hit) bool {
	if h.fetches() {
		return true
	}
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
	stated := h.stated()
	text := string(stated.Text)
	switch {
	case h.Record.Kind == record.KindCall:
		return "a call of a function by its number is no statement"
	case !s.heard:
		return "this is no " + s.lang.name()
	case len(stated.Erased) > 0:
		return "its text was erased"
	case text == "":
		return "its text is not in the record"
	case stated.Flags&record.FlagMore != 0 || stated == h.bound() && stated.Length > uint64(len(text)):
		return "its text is not whole in the record"
	case stated.Flags&record.FlagMasked != 0:
		return "a secret in it was masked"
	}
	for _, b := range h.bindings() {
		switch {
		case len(b.Erased) > 0:
			return "its parameters were erased"
		case b.Flags&record.FlagMore != 0 || len(b.Hash) > 0:
			return "its parameters are not whole in the record"
		}
	}
	return s.lang.unfit(h, text)
}

// withheld writes a statement that can't be written as what ran, for eyes.
func (s *script) withheld(h *Hit, why string) {
	s.comment("not written: " + why)
	if text := h.Text(); len(text) > 0 {
		s.aside(string(text))
	}
	for i, p := range h.Params() {
		s.comment("  " + h.paramName(i) + " = " + showParam(&p))
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
