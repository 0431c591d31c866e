package screen

import (
	"bytes"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain \x1b[1;31mred\x1b[0m\r\n漢\t\b":         "plain \x1b[1;31mred\x1b[0m\r\n漢\t\b",
		"a\x1b]52;c;aGk=\x07b":                        "ab",
		"a\u009b6nb\u00a0é\u0085":                     "a6nb\u00a0é",
		"a\x1b]0;title\x1b\\b":                        "ab",
		"a\x1bPq#0~\x1b\\b\x1b_G\x1b\\c":              "abc",
		"\x1b[6n\x1b[c\x1b[>c\x1b[?6n\x1bZ\x05x":      "x",
		"\x1b[8;1;1tx\x1b[21tx\x1b[5ix":               "xxx",
		"\x1b[?1049h\x1b[?25l\x1b[?1000;1006hx":       "\x1b[?1049h\x1b[?25lx",
		"\x1b[?2004hx\x1b[?1004hy":                    "xy",
		"\x1b[?u\x1b[>1u\x1b[=1u\x1b[u":               "\x1b[u",
		"\x1b[$p\x1b[?25$p\x1b[>q\x1b[!p\x1b[ q":      "\x1b[!p",
		"\x1b(0qq\x1b(B\x0e\x0f\x1b7\x1b8\x1bM":       "\x1b(0qq\x1b(B\x0e\x0f\x1b7\x1b8\x1bM",
		"\x1b]0;no end\x18x":                          "x",
		"\x1b]0;a\x1b[1mb":                            "\x1b[1mb",
		"\x1b[" + strings.Repeat("1;", 200) + "mtext": "text",
	} {
		var c Clean
		if got := string(c.Append(nil, []byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
		var bytewise Clean
		var got []byte
		for i := range len(in) {
			got = bytewise.Append(got, []byte(in[i:i+1]))
		}
		if string(got) != want {
			t.Errorf("%q, byte by byte, becomes %q, want %q", in, got, want)
		}
	}
}

// FuzzClean holds that cleaning shows the same, byte by byte or at once, and that what is clean stays as it is.
func FuzzClean(f *testing.F) {
	f.Add([]byte("\x1b[1mx\x1b]52;c;\x07\x1b[6n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var a, b, c Clean
		one := a.Append(nil, in)
		var two []byte
		for i := range in {
			two = b.Append(two, in[i:i+1])
		}
		if !bytes.Equal(one, two) {
			t.Fatalf("%q at once, %q byte by byte", one, two)
		}
		if again := c.Append(nil, one); !bytes.HasPrefix(one, again) || len(one)-len(again) > 1 { // half a character waits
			t.Fatalf("%q is cleaned again to %q", one, again)
		}
	})
}
