package ssh

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/screen"
	"github.com/gatefold/gatefold/protocols"
)

// watched carries a program at a terminal. What passes is on record as it is; what the screen comes to show is derived from
// it, and command lines are asked about before their Enter goes on. The three streams and the clock use the screen, one at a time.
type watched struct {
	ch  *channel
	out output

	mu     sync.Mutex // guards all below
	screen *screen.Terminal
	seal   *seal  // nil unless input is sealed
	asked  []byte // the command line that was asked about last, until it was left
	over   bool   // the target sends no more: nothing changes on the screen
	waits  int64  // the time that the clock waits for; 0: none

	heard chan struct{} // gets one when the screen has changed
	wake  chan struct{} // gets one when the clock has an earlier time to wait for
	ended chan struct{} // closed with over

	// How long Enters may still wait for their lines, and since when; owned by feed.
	patience time.Duration
	since    time.Time
}

const (
	echoTime = 50 * time.Millisecond  // how long an Enter waits for its line to be on the screen
	holdTime = 500 * time.Millisecond // how long Enters wait together in a second: much text that is typed by a program isn't slowed down by more
	maxFrame = 256 << 10              // 256 KiB; a screen that takes more isn't kept
)

func (ch *channel) watch() *watched {
	w := &watched{ch: ch, out: output{ch: ch, flags: record.FlagTerminal}, heard: make(chan struct{}, 1), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	w.screen = screen.New(int(ch.terminal.rows), int(ch.terminal.columns))
	if ch.r.route.Input == protocols.InputSealed {
		w.seal = newSeal(ch)
	}
	ch.terminal.watch = w
	ch.r.spawn(w.clock)
	return w
}

// show carries what the target sends: on record, to the screen, to the client. The screen comes first, since a client's answer
// belongs to what it was shown.
func (w *watched) show(far io.Reader, near io.Writer) error {
	err := pump(near, far, w.shown)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	close(w.ended)
	if told := w.tell(w.screen.Close(now())); err == nil {
		err = told
	}
	return err
}

func (w *watched) shown(piece []byte) error {
	if err := w.out.keep(piece); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	defer notify(w.heard)
	if err := w.tell(w.screen.Output(now(), piece)); err != nil {
		return err
	}
	return w.keepFrame()
}

// keepFrame has the whole screen on record where a player would have far to read otherwise.
func (w *watched) keepFrame() error {
	if !w.screen.FrameDue() {
		return nil
	}
	frame := w.screen.Frame(nil)
	if len(frame) > maxFrame {
		return nil
	}
	rows, columns := w.screen.Size()
	return w.ch.r.tell(record.Record{Kind: record.KindScreen, Stream: w.ch.number, Name: []byte(record.ScreenFrame), Text: frame,
		Rows: uint64(rows), Bytes: uint64(columns)})
}

// feed carries what is typed: counted on record, then cut at Enters, each of which goes on when its line was asked about.
func (w *watched) feed(near io.Reader, far io.Writer) error {
	buf := make([]byte, smallBuffer)
	for {
		n, err := near.Read(buf)
		if n > 0 {
			if err := w.typed(buf[:n], far); err != nil {
				return err
			}
		}
		clear(buf[:n]) // it may have been a password
		switch {
		case err == io.EOF:
			return w.sealed(0, nil)
		case err != nil:
			return err
		}
	}
}

func (w *watched) typed(b []byte, far io.Writer) error {
	seq, err := w.ch.askInput(record.Record{Bytes: uint64(len(b))})
	if err != nil {
		return err
	}
	if err := w.sealed(seq, b); err != nil {
		return err
	}
	for len(b) > 0 {
		keys, enter, err := w.keys(seq, b)
		if err != nil {
			return err
		}
		if _, err := far.Write(b[:keys]); err != nil {
			return err
		}
		if b = b[keys:]; enter == 0 {
			continue
		}
		if err := w.line(seq, b[:enter]); err != nil {
			return err
		}
		if _, err := far.Write(b[:enter]); err != nil {
			return err
		}
		b = b[enter:]
	}
	return nil
}

// sealed keeps a read for an investigator alone, where that is wanted; none: there will be no more.
func (w *watched) sealed(seq uint64, b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.seal == nil:
		return nil
	case len(b) == 0:
		return w.seal.flush()
	}
	defer w.hurry()
	return w.seal.keep(seq, b)
}

// keys notes what is typed before the next Enter, and tells how much that is and how long the Enter.
func (w *watched) keys(seq uint64, b []byte) (keys, enter int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return len(b), 0, nil
	}
	keys, enter = w.screen.Next(b)
	if keys == 0 {
		return 0, enter, nil
	}
	return keys, enter, w.tell(w.screen.Input(now(), seq, b[:keys]))
}

// line asks about the command line that an Enter would run.
func (w *watched) line(seq uint64, enter []byte) error {
	w.settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return nil
	}
	if l := w.screen.Line(); len(l.Shown) > 0 && l.NotEchoed == 0 {
		if err := w.ask(l.Shown); err != nil {
			return err
		}
		w.asked = append(w.asked[:0], l.Shown...)
	}
	return w.tell(w.screen.Input(now(), seq, enter))
}

// settle waits for the echo of keys that went on just now: a line from history and its Enter may come in one read. What isn't
// echoed (a password, a program without a terminal's echo) must not be slow for that.
func (w *watched) settle() {
	begun := time.Now()
	w.patience = min(w.patience+begun.Sub(w.since)/2, holdTime)
	w.since = begun
	limit := time.NewTimer(min(w.patience, echoTime))
	defer limit.Stop()
	for !w.settled() {
		select {
		case <-w.heard:
			continue
		case <-w.ended:
		case <-w.ch.r.ctx.Done():
		case <-limit.C:
		}
		break
	}
	w.patience -= time.Since(begun)
}

func (w *watched) settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over || w.screen.Settled()
}

// ask asks about a command line.
func (w *watched) ask(text []byte) error {
	answer := w.ch.r.ask(record.Record{Kind: record.KindLine, Stream: w.ch.number, Text: text})
	if answer.Verdict != record.VerdictAllow {
		w.ch.r.end(answer.Refusal)
		return answer.Refusal
	}
	return nil
}

// tell has on record what the screen tells. The caller holds mu.
func (w *watched) tell(events []screen.Event) error {
	for _, e := range events {
		if err := w.tellOne(e); err != nil {
			return err
		}
	}
	w.hurry()
	return nil
}

func (w *watched) tellOne(e screen.Event) error {
	rec := record.Record{Stream: w.ch.number}
	switch e.Kind {
	case screen.Command:
		same := bytes.Equal(e.Text, w.asked)
		if w.asked = w.asked[:0]; same {
			return nil
		}
		return w.ask(e.Text) // it was painted after its Enter went on: late, and on record
	case screen.Lines:
		rec.Kind, rec.Name, rec.Text = record.KindScreen, []byte(record.ScreenText), e.Text
	case screen.Echoed, screen.NotEchoed:
		if w.ch.r.route.Input != protocols.InputEchoed {
			return nil
		}
		rec.Kind, rec.Of, rec.Bytes, rec.Text = record.KindInput, e.Of, uint64(e.Bytes), e.Text
		if e.Kind == screen.NotEchoed {
			rec.Message = fmt.Appendf(nil, "%d bytes not echoed", e.Bytes)
		}
	}
	return w.ch.r.tell(rec)
}

// resize gives the screen another size.
func (w *watched) resize(rows, columns uint32) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return nil
	}
	return w.tell(w.screen.Resize(int(min(rows, 1<<16)), int(min(columns, 1<<16))))
}

// clock tells the screen when a time has come.
func (w *watched) clock() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.ended:
			return
		case <-w.ch.r.ctx.Done():
			return
		case <-timer.C:
		case <-w.wake:
		}
		if due := w.tick(); due != 0 {
			timer.Reset(time.Duration(due - now()))
		}
	}
}

// tick does what is due and returns when the next will be; 0: nothing will.
func (w *watched) tick() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return 0
	}
	if due := w.screen.Deadline(); due != 0 && due <= now() && w.tell(w.screen.Tick(now())) != nil {
		return 0
	}
	if due := w.seal.deadline(); due != 0 && due <= now() && w.seal.flush() != nil {
		return 0
	}
	w.waits = w.due()
	return w.waits
}

// hurry wakes the clock where it would sleep too long: not at each key, each of which is due a second later than it was typed.
// The caller holds mu.
func (w *watched) hurry() {
	if due := w.due(); due != 0 && (w.waits == 0 || due < w.waits) {
		notify(w.wake)
	}
}

// due is when there is something to do; 0: never. The caller holds mu.
func (w *watched) due() int64 {
	due := w.screen.Deadline()
	if d := w.seal.deadline(); d != 0 && (due == 0 || d < due) {
		due = d
	}
	return due
}

func now() int64 { return time.Now().UnixNano() }

// notify puts one into a channel that has room for one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
