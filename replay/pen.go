package replay

import (
	"bufio"
	"fmt"
	"time"
)

// Colours, as SGR parameters (ECMA-48, section 8.3.117).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	yellow = "33"
	cyan   = "36"
)

// pen writes text with or without colours. Errors stay in w until it is flushed.
type pen struct {
	w      *bufio.Writer
	colour bool
}

func (p *pen) paint(colour, text string) {
	if !p.colour || colour == "" {
		p.w.WriteString(text)
		return
	}
	body, end := text, ""
	if n := len(text); n > 0 && text[n-1] == '\n' {
		body, end = text[:n-1], "\n"
	}
	p.w.WriteString("\x1b[" + colour + "m" + body + "\x1b[0m" + end)
}

func (p *pen) line(text string) {
	p.w.WriteString(text)
	p.w.WriteByte('\n')
}

// lasted writes a duration with as much precision as a person wants.
func lasted(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// offset writes how far into a session something was.
func offset(d time.Duration) string {
	d = max(d, 0)
	h, m, s, ms := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60, int(d.Milliseconds())%1000
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d.%03d", h, m, s, ms)
	}
	return fmt.Sprintf("%d:%02d.%03d", m, s, ms)
}

// quantity writes a number with its unit.
func quantity(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
