package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Options say how a transcript looks.
type Options struct {
	At     *uint64        // only what belongs to the record with this Seq, and a little around it
	Colour bool           // for a terminal
	Zone   *time.Location // nil: UTC

	Speed  float64 // plays in time, so many times as fast; 0: all at once
	Follow bool    // goes on until the session's end, or that of the context, which is no error then

	Sleep func(context.Context, time.Duration) // nil: the clock's
}

const (
	around   = 5               // actions shown before and after the one asked for
	pause    = 5 * time.Second // from here on a pause is worth a line
	maxShown = 64 << 10        // 64 KiB of a statement
	maxParam = 400             // characters of a parameter
	maxPause = 3 * time.Second // while playing
	poll     = 500 * time.Millisecond
)

// Transcript writes what happened in a session for a person to read: who and where, then each action at its time, with
// what came of it. Nothing recorded can take hold of the terminal.
func Transcript(ctx context.Context, w io.Writer, src Source, id record.ID, o Options) error {
	session, ok, err := src.Session(ctx, id)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("replay session %v: there is no such session in the archive", id)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	buf := bufio.NewWriter(w)
	t := &transcript{pen: pen{w: buf, colour: o.Colour}, o: o, session: session, ctx: ctx}
	err = t.write(src)
	if o.Follow && ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, buf.Flush())
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// UnreadError says that a part of a session could not be read.
type UnreadError struct {
	Session record.ID
	Cause   error // the first
}

func (e *UnreadError) Error() string {
	return fmt.Sprintf("replay session %v: a part of it could not be read: %v", e.Session, e.Cause)
}

func (e *UnreadError) Unwrap() error { return e.Cause }

type transcript struct {
	pen
	o       Options
	ctx     context.Context
	session record.Session
	played  int64 // the time that playing has come to; 0: it hasn't begun
	broken  error // what the output said
	last    int64 // At of what was written last; 0: nothing yet
	before  []Hit // with At: the latest, not written yet
	after   int   // with At: how many more to write
	found   bool
	opened  record.Record // the Open and the Join, zero where there are none
	joined  record.Record
	head    bool // the head is written

	terminals map[uint32]bool // channels of SSH that have a terminal: what they show is told as lines
}

func (t *transcript) write(src Source) error {
	var unread error
	for h, err := range Live(t.ctx, src, t.session, t.wait) {
		if t.ctx.Err() != nil {
			return t.ctx.Err()
		}
		if err != nil {
			t.paint(red, "  ! "+Safe(err.Error())+"\n")
			if unread == nil {
				unread = &UnreadError{t.session.ID, err}
			}
			continue
		}
		switch h.Record.Kind {
		case record.KindOpen:
			t.opened = h.Record
		case record.KindJoin:
			t.joined = h.Record
		default:
			t.begin()
		}
		if !t.choose(h) || t.broken != nil {
			break
		}
	}
	t.begin()
	if t.o.At != nil && !t.found {
		return fmt.Errorf("replay session %v: it has no record #%d; its last is #%d", t.session.ID, *t.o.At, t.session.Last)
	}
	if t.o.At == nil && t.session.Closed == 0 && !t.o.Follow {
		t.paint(dim, "\n  the session is still open\n")
	}
	return unread
}

// wait shows what there is and waits for more; false: there will be none.
func (t *transcript) wait() bool {
	if !t.o.Follow {
		return false
	}
	t.begin()
	if t.broken = t.w.Flush(); t.broken == nil {
		t.o.Sleep(t.ctx, poll)
	}
	return t.broken == nil && t.ctx.Err() == nil
}

// play waits until playing has come to a time of the session. Long pauses are cut short, and none is made up for.
func (t *transcript) play(at int64) {
	if t.o.Speed <= 0 || at <= t.played {
		return
	}
	if pause := min(time.Duration(float64(at-t.played)/t.o.Speed), maxPause); t.played != 0 {
		if t.broken = t.w.Flush(); t.broken == nil {
			t.o.Sleep(t.ctx, pause)
		}
	}
	t.played = at
}

// choose writes a hit, or with At keeps it in case that what is asked for follows. false: there is enough.
func (t *transcript) choose(h Hit) bool {
	if t.skips(&h.Record) {
		return true
	}
	if !worth(&h) && !(t.o.At != nil && h.Record.Seq == *t.o.At) {
		return true
	}
	switch {
	case t.o.At == nil:
		t.entry(&h, false)
	case !t.found && h.holds(*t.o.At):
		for i := range t.before {
			t.entry(&t.before[i], false)
		}
		t.entry(&h, true)
		t.found, t.after = true, around
	case t.found:
		t.entry(&h, false)
		t.after--
	default:
		t.before = append(t.before, h)
		if len(t.before) > around {
			t.before = t.before[1:]
		}
	}
	return !t.found || t.after > 0
}

// worth reports whether a transcript tells of h by itself: statements are told where they run.
func worth(h *Hit) bool {
	switch h.Record.Kind {
	case record.KindParse, record.KindBind:
		return h.Record.Verdict == record.VerdictDeny || h.Result != nil && h.Result.Outcome != record.OutcomeDone &&
			h.Result.Outcome != record.OutcomeSkipped
	case record.KindOpen, record.KindJoin:
		return false // the head tells
	}
	return worthSSH(&h.Record)
}

// holds reports whether the record with this Seq is part of h.
func (h *Hit) holds(seq uint64) bool {
	for _, r := range append(h.behind(), &h.Record, h.answer()) {
		if r.Seq == seq {
			return true
		}
	}
	return false
}

// begin writes the head, once.
func (t *transcript) begin() {
	if t.head {
		return
	}
	t.head, t.last = true, t.session.Opened
	if t.o.At == nil {
		t.played = t.session.Opened
	}
	s, open, join := &t.session, &t.opened, &t.joined
	t.paint(bold, "session "+s.ID.String()+"\n")
	t.fact("who", orDash(s.User)+" as "+orDash(s.Account)+" on "+orDash(s.Target)+with(", database ", s.Database))
	t.fact("from", orDash(s.Client)+with(" with ", s.App)+", "+encryption(open.TLS))
	if join.Kind == record.KindJoin {
		t.fact("to", orDash(join.Peer)+", "+encryption(join.TLS)+with(", version ", join.Version)+with(", credential ", join.Credential))
		if join.PID != 0 || s.Protocol != sshProtocol {
			t.fact("pid", fmt.Sprintf("%d on the target", join.PID))
		}
	}
	t.fact("when", t.time(s.Opened)+t.until())
	if s.Verdict == record.VerdictDeny {
		t.fact("verdict", "never let in"+with(", by ", open.Rule))
	}
	if open.Kind == record.KindOpen {
		t.fact("gateway", orDash(open.Gateway)+with(" ", open.Build)+with(", policy ", short(open.Policy))+with(", config ", short(open.Config)))
	}
	if !s.Parent.IsZero() {
		t.fact("parent", s.Parent.String())
	}
	t.line("")
}

func (t *transcript) until() string {
	s := &t.session
	if s.Closed == 0 {
		return ", still open"
	}
	return fmt.Sprintf(", closed after %s: %s%s", lasted(time.Duration(s.Closed-s.Opened)), s.Outcome, with(", ", s.Message))
}

func (t *transcript) time(at int64) string {
	return time.Unix(0, at).In(t.o.Zone).Format("2006-01-02 15:04:05.000 MST")
}

func (t *transcript) fact(name, what string) {
	t.paint(dim, fmt.Sprintf("  %-8s", name))
	t.line(Safe(what))
}

func encryption(tls string) string {
	if tls == "" {
		return "not encrypted"
	}
	return tls
}

func with(before, what string) string {
	if what == "" {
		return ""
	}
	return before + what
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// short is the beginning of a hash: enough for people.
func short(hash string) string { return hash[:min(len(hash), 12)] }
