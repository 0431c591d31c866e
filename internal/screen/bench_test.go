package screen

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkOutput measures what it costs to follow a screen: a listing, a coloured listing, a full-screen program, keys.
func BenchmarkOutput(b *testing.B) {
	var plain, coloured, full strings.Builder
	for i := range 400 {
		fmt.Fprintf(&plain, "-rw-r--r-- 1 alice staff %8d Nov 27 10:%02d report-%04d.txt\r\n", i*977, i%60, i)
		fmt.Fprintf(&coloured, "\x1b[0m\x1b[01;34mdirectory-%04d\x1b[0m  \x1b[01;32mprogram-%04d\x1b[0m  plain-%04d\r\n", i, i, i)
	}
	for i := range 40 {
		for y := range 24 {
			fmt.Fprintf(&full, "\x1b[%d;1H\x1b[3%dm%5d alice  20   0 %8d\x1b[39m  0.%d  program-%d\x1b[K", y+1, y%8, y*31, i*y*77, i%10, y)
		}
	}
	for _, c := range []struct{ name, text string }{
		{"listing", plain.String()}, {"coloured", coloured.String()}, {"fullscreen", "\x1b[?1049h" + full.String()},
		{"keys", strings.Repeat("l", 20000)}, {"漢字", strings.Repeat("für Zoë: 漢字 ✓\r\n", 1000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			t, text := New(24, 80), []byte(c.text)
			step := 16 << 10
			if c.name == "keys" {
				step = 1
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			now := int64(0)
			for b.Loop() {
				for rest := text; len(rest) > 0; {
					n := min(step, len(rest))
					now += 1e6
					t.Output(now, rest[:n])
					rest = rest[n:]
				}
			}
		})
	}
}

// BenchmarkKeys measures a key and its echo.
func BenchmarkKeys(b *testing.B) {
	t := New(24, 80)
	t.Output(0, []byte("$ "))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now := int64(i) * 1e6
		if i%40 == 39 {
			t.Line()
			t.Input(now, uint64(i), []byte("\r"))
			t.Output(now, []byte("\r\n$ "))
			continue
		}
		t.Input(now, uint64(i), []byte("x"))
		t.Output(now, []byte("x"))
	}
}

// BenchmarkFrame measures painting a full screen.
func BenchmarkFrame(b *testing.B) {
	t := New(50, 200)
	t.Output(0, []byte(strings.Repeat("\x1b[32mthe quick \x1b[0mbrown fox jumps over the lazy dog ", 250)))
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = t.Frame(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}
