package replay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/screen"
)

// castHeader is the first line of an asciicast v3.
type castHeader struct {
	Version   int      `json:"version"`
	Term      castTerm `json:"term"`
	Timestamp int64    `json:"timestamp,omitempty"` // unix seconds
	Command   string   `json:"command,omitempty"`
	Title     string   `json:"title,omitempty"`
}

type castTerm struct {
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	Type string `json:"type,omitempty"`
}

// Cast writes what a channel's terminal showed as asciicast v3 (docs.asciinema.org/manual/asciicast/v3): output, sizes, the
// command lines as markers, the exit status. 0 stands for the first channel with a terminal. What was typed is not in it: what
// was echoed is on the screen. Output is text of a terminal that obeys it, so sequences that reach beyond its screen are left out.
func Cast(ctx context.Context, w io.Writer, src Source, session record.Session, stream uint32) error {
	p := &Player{ctx: ctx, src: src, session: session}
	if err := p.choose(stream); err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	c := &caster{session: session, stream: p.stream, out: json.NewEncoder(buf)}
	c.out.SetEscapeHTML(false)
	if err := c.write(whole(follow(ctx, src, place{session.ID, 0}))); err != nil {
		return err
	}
	return errors.Join(ctx.Err(), buf.Flush())
}

type caster struct {
	session record.Session
	stream  uint32
	out     *json.Encoder
	last    int64 // milliseconds since the terminal's beginning, of the event before
	begun   int64 // unix nanoseconds
	program uint64
	clean   screen.Clean
	part    []byte // the beginning of a character
}

func (c *caster) write(records iter.Seq2[*record.Record, error]) error {
	var first *record.Record // the terminal; its header waits for the program
	for r, err := range records {
		switch {
		case err != nil:
			return err
		case r.Stream != c.stream:
			continue
		case c.begun == 0 && r.Kind == record.KindResize && len(r.Name) > 0:
			first = r
			continue
		case c.begun == 0 && first == nil:
			continue
		case c.begun == 0:
			if err := c.header(first, r); err != nil {
				return err
			}
		}
		if err := c.event(r); err != nil {
			return err
		}
	}
	if c.begun == 0 && first != nil {
		return c.header(first, &record.Record{})
	}
	return nil
}

func (c *caster) header(term, program *record.Record) error {
	c.begun = term.At
	h := castHeader{Version: 3, Term: castTerm{Cols: int(term.Bytes), Rows: int(term.Rows), Type: Safe(string(term.Name))},
		Timestamp: term.At / int64(time.Second), Title: c.title()}
	if program.Kind == record.KindExec {
		c.program, h.Command = program.Seq, Safe(string(program.Text))
	}
	return c.out.Encode(h)
}

func (c *caster) title() string {
	s := &c.session
	return Safe(fmt.Sprintf("%s as %s on %s, gatefold session %s", orDash(s.User), orDash(s.Account), orDash(s.Target), s.ID))
}

// event writes what a record comes to.
func (c *caster) event(r *record.Record) error {
	switch r.Kind {
	case record.KindOutput:
		if text := c.text(r.Text); text != "" {
			return c.emit(r.At, "o", text)
		}
	case record.KindResize:
		return c.emit(r.At, "r", fmt.Sprintf("%dx%d", r.Bytes, r.Rows))
	case record.KindLine:
		return c.emit(r.At, "m", Safe(string(r.Text)))
	case record.KindResult:
		if status, err := strconv.Atoi(string(r.Code)); err == nil && r.Of == c.program {
			return c.emit(r.At, "x", strconv.Itoa(status))
		}
	}
	return nil
}

// emit writes an event; its time is since the one before, in seconds.
func (c *caster) emit(at int64, kind, data string) error {
	ms := max((at-c.begun)/int64(time.Millisecond), c.last) // a clock that was set back stands still
	since := ms - c.last
	c.last = ms
	return c.out.Encode([]any{json.Number(fmt.Sprintf("%d.%03d", since/1000, since%1000)), kind, data})
}

// text is output without what isn't for a screen. A character that is in two pieces stands in the second; what is no UTF-8
// is U+FFFD, as a terminal shows it.
func (c *caster) text(piece []byte) string {
	all := c.clean.Append(c.part, piece)
	end := len(all)
	for back := 1; back < utf8.UTFMax && back <= len(all); back++ {
		if b := all[len(all)-back]; utf8.RuneStart(b) {
			if !utf8.FullRune(all[len(all)-back:]) {
				end = len(all) - back
			}
			break
		}
	}
	text := string(all[:end])
	c.part = append([]byte(nil), all[end:]...)
	return text
}
