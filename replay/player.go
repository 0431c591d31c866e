package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/screen"
)

// ErrNoTerminal says that there is nothing to play: no channel of the session has a terminal.
var ErrNoTerminal = errors.New("no channel of this session has a terminal")

// Player shows the terminal of one channel as it was at any time of a session. It holds one screen, and reads the record as
// it goes; to be elsewhere it begins at the frame before.
type Player struct {
	Screen *screen.Terminal // as it was at At
	At     int64            // unix nanoseconds: what was shown last

	ctx        context.Context
	src        Source
	session    record.Session
	stream     uint32
	rows, cols int // the terminal's first size

	pull  func() (*record.Record, error, bool)
	stop  func()
	next  *record.Record // what is shown next; nil: not read so far
	seq   uint64         // of the record to read next
	ended bool           // there is no more, so far
}

// NewPlayer makes a player of a channel; 0: the first that has a terminal. It stands before the first output. Close it.
func NewPlayer(ctx context.Context, src Source, session record.Session, stream uint32) (*Player, error) {
	p := &Player{ctx: ctx, src: src, session: session}
	if err := p.choose(stream); err != nil {
		return nil, err
	}
	p.begin(screen.New(p.rows, p.cols), session.Opened, 0)
	return p, nil
}

// Close lets go of the archive.
func (p *Player) Close() {
	if p.stop != nil {
		p.stop()
	}
}

// choose finds the channel's terminal.
func (p *Player) choose(stream uint32) error {
	n := record.Narrow{Sessions: []record.ID{p.session.ID}, Kinds: 1 << record.KindResize, Oldest: true}
	for b, err := range p.src.Blocks(p.ctx, n) {
		if err != nil {
			return err
		}
		for r, err := range only(b, p.session.ID, record.KindResize) {
			if err != nil {
				return err
			}
			if len(r.Name) > 0 && (stream == 0 || stream == r.Stream) {
				p.stream, p.rows, p.cols = r.Stream, int(r.Rows), int(r.Bytes)
				return nil
			}
		}
	}
	if stream != 0 {
		return fmt.Errorf("channel %d: %w", stream, ErrNoTerminal)
	}
	return ErrNoTerminal
}

// begin goes on with a screen from a record on.
func (p *Player) begin(s *screen.Terminal, at int64, seq uint64) {
	p.Screen, p.At = s, at
	p.reopen(seq)
}

// reopen reads from a record on.
func (p *Player) reopen(seq uint64) {
	p.Close()
	p.seq, p.next, p.ended = seq, nil, false
	p.pull, p.stop = iter.Pull2(whole(follow(p.ctx, p.src, place{p.session.ID, seq})))
}

// Next tells when the next thing is shown; false: nothing more is, so far.
func (p *Player) Next() (at int64, ok bool, err error) {
	for p.next == nil && !p.ended {
		r, err, ok := p.pull()
		switch {
		case !ok:
			p.ended = true
		case err != nil:
			return 0, false, err
		default:
			p.seq = r.Seq + 1
			if p.shows(r) {
				p.next = r
			}
		}
	}
	if p.next == nil {
		return 0, false, nil
	}
	return p.next.At, true, nil
}

// shows reports whether a record changes the screen.
func (p *Player) shows(r *record.Record) bool {
	return r.Stream == p.stream && (r.Kind == record.KindResize || r.Kind == record.KindOutput && len(r.Text) > 0)
}

// Advance shows the next thing, which Next has found.
func (p *Player) Advance() {
	r := p.next
	p.next, p.At = nil, max(p.At, r.At)
	if r.Kind == record.KindResize {
		p.Screen.Resize(int(min(r.Rows, 1<<16)), int(min(r.Bytes, 1<<16)))
		return
	}
	p.Screen.Output(r.At, r.Text)
}

// More looks again for what came since there was no more.
func (p *Player) More() {
	if p.ended {
		p.reopen(p.seq)
	}
}

// To shows the screen as it was at a time.
func (p *Player) To(at int64) error {
	frame, err := p.frameBefore(at)
	switch {
	case err != nil:
		return err
	case frame != nil && (frame.At > p.At || at < p.At):
		s := screen.New(int(min(frame.Rows, 1<<16)), int(min(frame.Bytes, 1<<16)))
		s.Output(frame.At, frame.Text)
		p.begin(s, frame.At, frame.Seq+1)
	case at < p.At:
		p.begin(screen.New(p.rows, p.cols), p.session.Opened, 0)
	}
	for {
		next, ok, err := p.Next()
		if err != nil || !ok || next > at {
			p.At = max(p.At, at)
			return err
		}
		p.Advance()
	}
}

// frameBefore is the last frame at or before a time; nil: there is none.
func (p *Player) frameBefore(at int64) (*record.Record, error) {
	n := record.Narrow{Sessions: []record.ID{p.session.ID}, Kinds: 1 << record.KindScreen, Until: at}
	for b, err := range p.src.Blocks(p.ctx, n) {
		if err != nil {
			return nil, err
		}
		var last *record.Record
		for r, err := range only(b, p.session.ID, record.KindScreen) {
			if err != nil {
				return nil, err
			}
			if r.Stream == p.stream && r.At <= at && string(r.Name) == record.ScreenFrame && r.Flags&record.FlagMore == 0 && len(r.Text) > 0 {
				last = r
			}
		}
		if last != nil {
			return last, nil
		}
	}
	return nil, p.ctx.Err()
}

// Find tells when the screen next comes to show a text after a time, or a command line has it; false: it doesn't any more.
// Capitals and small letters are the same.
func (p *Player) Find(text string, after int64) (at int64, ok bool, err error) {
	want := bytes.ToLower([]byte(text))
	n := record.Narrow{Sessions: []record.ID{p.session.ID}, Kinds: 1<<record.KindScreen | 1<<record.KindLine, Since: after, Oldest: true}
	for b, err := range p.src.Blocks(p.ctx, n) {
		if err != nil {
			return 0, false, err
		}
		for r, err := range only(b, p.session.ID, record.KindScreen, record.KindLine) {
			if err != nil {
				return 0, false, err
			}
			if r.At > after && r.Stream == p.stream && string(r.Name) != record.ScreenFrame && bytes.Contains(bytes.ToLower(r.Text), want) {
				return r.At, true, nil
			}
		}
	}
	return 0, false, p.ctx.Err()
}

// only yields those records of a session in a block that are of some kinds; others aren't decoded.
func only(b *record.Block, of record.ID, kinds ...record.Kind) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		raw, err := b.Unpack(nil)
		var head record.Record
		for err == nil && len(raw) > 0 {
			var env, rest []byte
			if env, _, rest, err = record.NextRecord(raw); err != nil {
				break
			}
			if err = record.DecodeEnvelope(env, &head); err != nil {
				break
			}
			wanted := false
			for _, k := range kinds {
				wanted = wanted || head.Kind == k && head.Session == of
			}
			if wanted {
				r := new(record.Record)
				if _, err = record.Decode(raw, r); err == nil && !yield(r, nil) {
					return
				}
			}
			raw = rest
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// whole puts values together that were split. What it yields borrows as what it is given does, or is its own.
func whole(records iter.Seq2[*record.Record, error]) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		var growing *record.Record
		for r, err := range records {
			switch {
			case err != nil:
			case growing != nil && r.Kind == record.KindData && r.Of == growing.Seq:
				extend(growing, r)
				if r.Flags&record.FlagMore != 0 {
					continue
				}
				r, growing = growing, nil
			case r.Flags&record.FlagMore != 0 && r.Kind != record.KindData:
				c := r.Clone()
				growing = &c
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}
