package replay

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// keys puts the bytes of a key together.
type keys struct {
	raw []byte
	at  time.Time
}

// add takes a byte; a key has ended where it returns one.
func (k *keys) add(c byte) string {
	k.raw = append(k.raw, c)
	switch {
	case k.raw[0] != 0x1b:
		if !utf8.FullRune(k.raw) {
			return ""
		}
	case len(k.raw) == 1, len(k.raw) == 2 && (c == '[' || c == 'O'):
		return ""
	case len(k.raw) > 2 && len(k.raw) < 16 && (c < '@' || c > '~'):
		return ""
	}
	key := string(k.raw)
	k.raw = k.raw[:0]
	return key
}

// lone forgets an ESC that nothing followed.
func (k *keys) lone(now time.Time) {
	if len(k.raw) == 0 {
		k.at = now
	} else if now.Sub(k.at) > 100*time.Millisecond {
		k.raw = k.raw[:0]
	}
}

// key does what a key asks for.
func (p *playing) key(c byte) error {
	key := p.keys.add(c)
	if key == "" {
		return nil
	}
	if p.asking {
		return p.ask(key)
	}
	p.note = ""
	opened, length := p.session.Opened, p.end-p.session.Opened
	switch key {
	case "q", "\x03", "\x04":
		p.quit = true
	case " ", "p":
		p.pause = !p.pause
	case "\x1b[C", "\x1bOC", "l":
		return p.goTo(p.pos + int64(smallStep))
	case "\x1b[D", "\x1bOD", "h":
		return p.goTo(p.pos - int64(smallStep))
	case "\x1b[A", "\x1bOA", "k":
		return p.goTo(p.pos + int64(largeStep))
	case "\x1b[B", "\x1bOB", "j":
		return p.goTo(p.pos - int64(largeStep))
	case "\x1b[H", "\x1bOH", "\x1b[1~", "g":
		return p.goTo(opened)
	case "\x1b[F", "\x1bOF", "\x1b[4~", "G":
		p.pause = true
		return p.goTo(p.end)
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9":
		return p.goTo(opened + length/10*int64(key[0]-'0'))
	case "[", "-", "<":
		p.speed = max(p.speed/2, 1.0/64)
	case "]", "+", ">", "=":
		p.speed = min(p.speed*2, 1024)
	case ".":
		return p.step()
	case "i":
		p.switchIdle()
	case "/":
		p.asking, p.text = true, p.text[:0]
	case "n":
		return p.find()
	case "?":
		p.note = Help
	}
	return nil
}

// step pauses, and shows the next thing.
func (p *playing) step() error {
	p.pause = true
	next, ok, err := p.Next()
	if ok {
		p.Advance()
		p.pos = next
	}
	return err
}

func (p *playing) switchIdle() {
	switch {
	case p.idle > 0:
		p.idle = 0
	case p.o.Idle > 0:
		p.idle = p.o.Idle
	default:
		p.idle = 2 * time.Second
	}
}

// ask takes a key of a text to look for.
func (p *playing) ask(key string) error {
	switch key {
	case "\r", "\n":
		p.asking = false
		return p.find()
	case "\x03", "\x1b":
		p.asking = false
	case "\x7f", "\b":
		_, n := utf8.DecodeLastRune(p.text)
		p.text = p.text[:len(p.text)-n]
	case "\x15":
		p.text = p.text[:0]
	default:
		if key[0] >= ' ' && len(p.text) < searchMost {
			p.text = append(p.text, key...)
		}
	}
	return nil
}

// find goes to where the text is shown next, and pauses there.
func (p *playing) find() error {
	if len(p.text) == 0 {
		p.note = "type / and what to look for"
		return nil
	}
	at, ok, err := p.Find(string(p.text), p.pos)
	switch {
	case err != nil:
		return err
	case !ok:
		p.note = fmt.Sprintf("%q is not shown any more", p.text)
		return nil
	}
	p.pause, p.note = true, fmt.Sprintf("%q", p.text)
	return p.goTo(at)
}
