package screen

import (
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// cell is one place on the screen.
type cell struct {
	r     rune // 0: nothing was written; tail: the right half of a wide character; from firstCluster on: a cluster
	style style
}

const (
	tail         rune = -1
	firstCluster rune = utf8.MaxRune + 1
)

// style is how a character looks (ECMA-48, section 8.3.117).
type style struct {
	fg, bg colour
	attr   attr
}

// colour is the default where it is 0, else a number of the palette or red, green and blue.
type colour uint32

const (
	indexed colour = 1 << 24 // | 0..255
	direct  colour = 2 << 24 // | 0xrrggbb
)

type attr uint16

const (
	bold attr = 1 << iota
	faint
	italic
	underline
	blink
	inverse
	hidden
	struck
)

// clusters are characters with marks on them, kept apart since they are few. When the table is full a mark is left out.
type clusters struct {
	list []string
	find map[string]rune
}

const (
	maxClusters = 1024
	maxCluster  = 32 // bytes of one
)

// join puts a mark on what stands in a cell.
func (c *clusters) join(base, mark rune) rune {
	if base <= 0 {
		return base
	}
	s := c.string(base) + string(mark)
	if r, ok := c.find[s]; ok {
		return r
	}
	if len(s) > maxCluster || len(c.list) >= maxClusters {
		return base
	}
	if c.find == nil {
		c.find = map[string]rune{}
	}
	r := firstCluster + rune(len(c.list))
	c.list = append(c.list, s)
	c.find[s] = r
	return r
}

func (c *clusters) string(r rune) string {
	if r < firstCluster {
		return string(r)
	}
	if i := int(r - firstCluster); i < len(c.list) {
		return c.list[i]
	}
	return string(utf8.RuneError) // of before a reset
}

// append adds a cell's text; nothing for the tail of a wide character, a blank for an empty cell.
func (c *clusters) append(dst []byte, r rune) []byte {
	switch {
	case r == tail:
		return dst
	case r == 0:
		return append(dst, ' ')
	case r >= firstCluster:
		return append(dst, c.string(r)...)
	}
	return utf8.AppendRune(dst, r)
}

// widths remembers how many columns characters take: finding out is slow, and a text uses few of them.
type widths struct {
	runes [256]rune
	width [256]uint8
}

func (w *widths) of(r rune) int {
	if r < 0x300 {
		return narrow(r)
	}
	i := uint8(r) ^ uint8(r>>8)
	if w.runes[i] != r {
		w.runes[i], w.width[i] = r, uint8(min(ansi.StringWidthWc(string(r)), 2))
	}
	return int(w.width[i])
}

// narrow is for the letters of Latin alphabets; the soft hyphen is shown by terminals.
func narrow(r rune) int {
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return 0
	}
	return 1
}
