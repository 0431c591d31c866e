package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// PlayOptions say how a session is played at a terminal.
type PlayOptions struct {
	Stream uint32        // the channel; 0: the first with a terminal
	Speed  float64       // so many times as fast; 0: 1
	Idle   time.Duration // pauses are no longer than this; 0: as long as they were
	Start  time.Duration // into the session

	Keys <-chan byte                 // what the person types, one byte at a time
	Size func() (lines, columns int) // of the person's terminal
	Tick <-chan time.Time            // nil: 30 a second
	Now  func() time.Time            // nil: the clock
}

// Help names the keys.
const Help = "space pause · ←→ 5 s · ↑↓ 1 min · 0-9 tenths · [ ] speed · . next · / search · n next match · i idle · q quit"

const (
	frameRate  = time.Second / 30
	burst      = 20 * time.Millisecond // of work before the screen is painted and keys are read
	smallStep  = 5 * time.Second
	largeStep  = time.Minute
	liveLook   = 500 * time.Millisecond
	searchMost = 200 // characters of a text that is looked for
)

// playing is a session that is being played to a person.
type playing struct {
	*Player
	o     PlayOptions
	w     io.Writer
	view  window
	pos   int64 // unix nanoseconds: the time that playing has come to
	end   int64 // the session's end, as far as it is known
	speed float64
	idle  time.Duration
	pause bool
	quit  bool
	live  bool // the session is open: there may be more
	keys  keys

	asking bool   // a text to look for is being typed
	text   []byte // the text that is looked for
	note   string // what the last key came to
	looked time.Time
}

// Play shows a session in the terminal that w is, until the person quits. Nothing that was recorded reaches that terminal but
// characters and their colours: the record is shown on a screen of its own, and that is painted.
func Play(ctx context.Context, w io.Writer, src Source, session record.Session, o PlayOptions) error {
	p, err := newPlaying(ctx, w, src, session, o)
	if err != nil {
		return err
	}
	defer p.Close()
	io.WriteString(w, "\x1b[?1049h\x1b[?25l\x1b[2J")
	defer io.WriteString(w, "\x1b[0m\x1b[?25h\x1b[?1049l")
	return p.run(ctx)
}

func newPlaying(ctx context.Context, w io.Writer, src Source, session record.Session, o PlayOptions) (*playing, error) {
	player, err := NewPlayer(ctx, src, session, o.Stream)
	if err != nil {
		return nil, err
	}
	p := &playing{Player: player, o: o, w: w, speed: o.Speed, idle: o.Idle, live: session.Closed == 0}
	if p.speed <= 0 {
		p.speed = 1
	}
	if p.o.Now == nil {
		p.o.Now = time.Now
	}
	p.pos, p.end = session.Opened, session.Closed
	if p.live {
		p.end = p.o.Now().UnixNano()
	}
	if o.Start > 0 {
		p.goTo(session.Opened + int64(o.Start))
	}
	return p, nil
}

func (p *playing) run(ctx context.Context) error {
	tick := p.o.Tick
	if tick == nil {
		t := time.NewTicker(frameRate)
		defer t.Stop()
		tick = t.C
	}
	last := p.o.Now()
	for !p.quit {
		if _, err := p.w.Write(p.paint()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case key, ok := <-p.o.Keys:
			if !ok {
				return nil
			}
			if err := p.key(key); err != nil {
				return err
			}
		case now := <-tick:
			if err := p.goOn(now.Sub(last), now); err != nil {
				return err
			}
			last = now
		}
	}
	return nil
}

// goOn plays for as long as has gone.
func (p *playing) goOn(took time.Duration, now time.Time) error {
	p.keys.lone(now)
	if p.pause {
		return nil
	}
	next, ok, err := p.Next()
	if err != nil {
		return err
	}
	if !ok {
		return p.atEnd(now)
	}
	p.pos += int64(float64(took) * p.speed)
	if p.idle > 0 && next-p.pos > int64(p.idle) {
		p.pos = next - int64(p.idle)
	}
	return p.catchUp(now)
}

// catchUp shows what has come by now, a moment's work at most.
func (p *playing) catchUp(now time.Time) error {
	begun := time.Now()
	for time.Since(begun) < burst {
		next, ok, err := p.Next()
		if err != nil || !ok || next > p.pos {
			return err
		}
		p.Advance()
	}
	p.pos = min(p.pos, p.At) // it can't keep up: it plays as fast as it can
	return nil
}

// atEnd waits at the end of what there is; an open session may go on.
func (p *playing) atEnd(now time.Time) error {
	if !p.live {
		p.pause, p.pos, p.note = true, max(p.pos, p.At), "the end"
		return nil
	}
	if now.Sub(p.looked) < liveLook {
		return nil
	}
	p.looked = now
	p.More()
	next, ok, err := p.Next()
	if ok {
		p.pos = max(p.pos, next)
		p.end = max(p.end, next)
	}
	return err
}

// goTo is a jump; it is within the session.
func (p *playing) goTo(at int64) error {
	at = max(p.session.Opened, min(at, max(p.end, p.session.Opened)))
	p.pos = at
	return p.To(at)
}

// window is the person's terminal: what is painted there.
type window struct {
	lines, columns int
	rows           [][]byte
	state          string
	dst, row       []byte
}

// paint gives what makes the person's terminal look as it should: only rows that changed.
func (p *playing) paint() []byte {
	v := &p.view
	v.dst = v.dst[:0]
	if lines, columns := p.o.Size(); lines != v.lines || columns != v.columns {
		v.lines, v.columns, v.state = max(lines, 2), max(columns, 1), ""
		v.rows = make([][]byte, v.lines-1)
		v.dst = append(v.dst, "\x1b[0m\x1b[2J"...)
	}
	top, rows := p.top()
	for y := range v.rows {
		v.row = v.row[:0]
		if top+y < rows {
			v.row = p.Screen.AppendRow(v.row, top+y, v.columns)
		}
		if string(v.row) != string(v.rows[y]) {
			v.rows[y] = append(v.rows[y][:0], v.row...)
			v.dst = fmt.Appendf(v.dst, "\x1b[%d;1H", y+1)
			v.dst = append(append(v.dst, v.row...), "\x1b[K"...)
		}
	}
	p.paintState()
	y, x, shown := p.Screen.Cursor()
	if shown && y >= top && y-top < len(v.rows) && x < v.columns {
		v.dst = fmt.Appendf(v.dst, "\x1b[%d;%dH\x1b[?25h", y-top+1, x+1)
	} else {
		v.dst = append(v.dst, "\x1b[?25l"...)
	}
	return v.dst
}

// top is the first row that is shown, where the person's terminal is too small for all: the cursor is in sight.
func (p *playing) top() (top, rows int) {
	rows, _ = p.Screen.Size()
	y, _, _ := p.Screen.Cursor()
	return max(0, min(y-len(p.view.rows)+1, rows-len(p.view.rows))), rows
}

func (p *playing) paintState() {
	v := &p.view
	state := Line([]byte(p.state()), v.columns)
	if state == v.state {
		return
	}
	v.state = state
	v.dst = fmt.Appendf(v.dst, "\x1b[%d;1H\x1b[7m%s\x1b[K\x1b[0m", v.lines, state)
}

// state is the line below the screen.
func (p *playing) state() string {
	if p.asking {
		return "/" + string(p.text) + "_"
	}
	sign := "▶"
	if p.pause {
		sign = "‖"
	}
	s := fmt.Sprintf(" %s %s / %s", sign, offsetShort(time.Duration(p.pos-p.session.Opened)), offsetShort(time.Duration(p.end-p.session.Opened)))
	if p.note != "" {
		return s + "  " + p.note
	}
	s += fmt.Sprintf("  %gx", p.speed)
	if p.idle > 0 {
		s += fmt.Sprintf("  pauses cut to %v", p.idle)
	}
	if rows, columns := p.Screen.Size(); rows > p.view.lines-1 || columns > p.view.columns {
		s += fmt.Sprintf("  (of %dx%d)", columns, rows)
	}
	return s + "  ? help  q quit"
}

// offsetShort is an offset without milliseconds.
func offsetShort(d time.Duration) string {
	s := offset(d)
	return s[:len(s)-len(".000")]
}
